"""Writes pictures with alpha, and what their pixels are as they are and resized: python3 alpha.py

alpha.oracle has a line a picture and size: its name, the size (0: its own), height and width, and red,
green, blue and alpha of each pixel: colors not multiplied by alpha, black where alpha is 0. Sizes are
by Catmull-Rom in float64 of colors multiplied by alpha, with Pillow for reading alone."""

import numpy as np
from PIL import Image

rng = np.random.default_rng(1)
lines = []


def kernel(x):
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    return np.where(x < 1, near, np.where(x < 2, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2, 0))


def weights(n, size):
    """(size, n): an output pixel's weights, wider where pixels are joined, of those there are."""
    scale = max(1, n / size)
    at = (np.arange(size)[:, None] + 0.5) * n / size - 0.5
    w = kernel((np.arange(n) - at) / scale)
    return w / w.sum(1, keepdims=True)


def note(name, size=0):
    pix = np.asarray(Image.open(name).convert("RGBA")).astype(np.float64)
    alpha, colors = pix[:, :, 3:], pix[:, :, :3] * pix[:, :, 3:] / 255
    if size:
        v, h = weights(pix.shape[0], size), weights(pix.shape[1], size)
        resize = lambda x: np.einsum("ay,yxc,bx->abc", v, x, h)
        alpha = np.clip(resize(alpha), 0, 255)
        colors = np.clip(resize(colors), 0, alpha)
    alpha8 = np.floor(alpha + 0.5)
    colors = np.where(alpha8 > 0, np.floor(colors * 255 / np.maximum(alpha, 1e-9) + 0.5), 0)
    out = np.concatenate([np.minimum(colors, 255), alpha8], 2).astype(int)
    lines.append(f"{name} {size} {out.shape[0]} {out.shape[1]} {' '.join(map(str, out.ravel()))}\n")


# A disc of one color with a soft edge on bright pixels that cannot be seen, and noise with alpha.
y, x = np.mgrid[:16, :16] - 7.5
disc = np.empty((16, 16, 4), np.uint8)
disc[:] = [250, 240, 10, 0]
edge = np.clip(255 * (7 - np.hypot(x, y)) / 2, 0, 255)
disc[edge > 0] = [40, 90, 200, 0]
disc[:, :, 3] = edge
Image.fromarray(disc).save("disc.png", optimize=True)
noise = rng.integers(0, 256, (9, 9, 4), dtype=np.uint8)
noise[:, :, 3] = rng.choice([0, 2, 60, 128, 254, 255], (9, 9))
Image.fromarray(noise).save("alpha.png", optimize=True)
Image.fromarray(noise).save("alpha.webp", lossless=True, exact=True)
Image.fromarray(noise[:, :, 2:]).save("grayalpha.png", optimize=True)
index = Image.fromarray(rng.integers(0, 4, (9, 9), dtype=np.uint8), "P")
index.putpalette([0, 0, 0, 255, 0, 0, 10, 200, 30, 250, 250, 250])
index.save("palette.png", transparency=bytes([0, 128, 255, 60]))

for name in ["alpha.png", "alpha.webp", "grayalpha.png", "palette.png"]:
    for size in [0, 4, 13]:
        note(name, size)
for size in [0, 5, 8, 20]:
    note("disc.png", size)
open("alpha.oracle", "w").writelines(lines)
