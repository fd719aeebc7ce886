"""Writes the pictures of this folder with Pillow, and what Pillow reads from them: python3 make.py

pictures.oracle has a line a file: its name, width, height and channels, and the upright pixels."""

import random
from PIL import Image, ImageOps

random.seed(1)
lines = []


def upright(name):
    im = Image.open(name)
    if not name.endswith(".tif"):  # Pillow turns these as it loads them
        im = ImageOps.exif_transpose(im)
    im = im if im.mode == "L" else im.convert("RGB")
    pixels = " ".join(str(v) for v in im.tobytes())
    lines.append(f"{name} {im.width} {im.height} {len(im.getbands())} {pixels}\n")


def tag(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    return exif.tobytes()


gray = Image.frombytes("L", (5, 3), random.randbytes(15))
color = Image.frombytes("RGB", (5, 3), random.randbytes(45))
for o in range(1, 9):
    gray.save(f"turned{o}.png", exif=tag(o), optimize=True)
    upright(f"turned{o}.png")
color.save("turned6.webp", lossless=True, exif=tag(6), exact=True)
upright("turned6.webp")
color.save("plain.webp", lossless=True)
upright("plain.webp")
color.save("turned8.tif", tiffinfo={0x112: 8})
upright("turned8.tif")
color.save("turned3.jpg", exif=tag(3), quality=100, subsampling=0)
color.save("animated.webp", save_all=True, append_images=[color.rotate(180)], lossless=True)
Image.linear_gradient("L").resize((24, 16)).save("progressive.jpg", progressive=True, quality=90)
open("pictures.oracle", "w").writelines(lines)
