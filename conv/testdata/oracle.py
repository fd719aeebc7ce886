"""Convolutions and their gradients by PyTorch in float64, one .oracle file a family of geometries.

    python3 oracle.py          writes conv.oracle, transposed.oracle, dense.oracle beside itself

Each case holds x and y (n, h, w, c), w (kh, kw, ci/groups, co), and for a random dy the gradients dx
and dw. The metadata "cases" lists the geometry of every case; "same" and "valid" name the padding
rule that it came from. The rule is worked out here from TensorFlow's definition, not by gantiny.
Needs numpy and PyTorch (Debian: python3-torch).
"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "internal", "oracle"))
from write import f32, write  # noqa: E402

rng = np.random.RandomState(20240611)


def pair(v):
    return (v, v) if isinstance(v, int) else tuple(v)


def same(size, k, s, d):
    """TensorFlow's SAME of a convolution over size: (before, after), the odd one after."""
    out = -(-size // s)
    total = max((out - 1) * s + (k - 1) * d + 1 - size, 0)
    return total // 2, total - total // 2


def case(name, hw, ci, co, k, s=1, d=1, g=1, pads=None, rule=None, outpad=0, n=3, transposed=False):
    (h, w), (kh, kw), (sh, sw), (dh, dw), (oh, ow) = map(pair, (hw, k, s, d, outpad))
    if rule == "valid":
        pads = (0, 0, 0, 0)
    if rule == "same" and not transposed:
        pads = same(h, kh, sh, dh) + same(w, kw, sw, dw)
    if rule == "same" and transposed:
        # The gradient of a SAME convolution from (h*s, w*s) to (h, w); where the kernel is shorter than
        # the stride, the rows that nothing reaches are output padding.
        pads = same(h * sh, kh, sh, dh) + same(w * sw, kw, sw, dw)
        oh = h * sh - ((h - 1) * sh + (kh - 1) * dh + 1 - pads[0] - pads[1])
        ow = w * sw - ((w - 1) * sw + (kw - 1) * dw + 1 - pads[2] - pads[3])
    t, b, l, r = pads

    x = f32(rng.uniform(-1, 1, (n, h, w, ci)))
    wt = f32(rng.uniform(-1, 1, (kh, kw, ci // g, co)))
    tx = torch.tensor(x, requires_grad=True)
    tw = torch.tensor(wt, requires_grad=True)
    nchw = tx.permute(0, 3, 1, 2)
    if not transposed:
        oihw = tw.permute(3, 2, 0, 1).contiguous()
        y = F.conv2d(F.pad(nchw, (l, r, t, b)), oihw, stride=(sh, sw), dilation=(dh, dw), groups=g)
    else:
        # PyTorch: (ci, co/groups, kh, kw).
        iohw = torch.cat([p.permute(2, 3, 0, 1) for p in tw.split(co // g, dim=3)], dim=0)
        full = F.conv_transpose2d(nchw, iohw, stride=(sh, sw), dilation=(dh, dw), groups=g)
        full = F.pad(full, (0, ow, 0, oh))
        y = full[:, :, t:full.shape[2] - b, l:full.shape[3] - r]
        if t == b and l == r and oh < max(sh, dh) and ow < max(sw, dw):
            own = F.conv_transpose2d(nchw, iohw, stride=(sh, sw), dilation=(dh, dw), groups=g,
                                     padding=(t, l), output_padding=(oh, ow))
            assert y.shape == own.shape and torch.allclose(y, own)
    y = y.permute(0, 2, 3, 1)
    if rule == "same":
        want = (h * sh, w * sw) if transposed else (-(-h // sh), -(-w // sw))
        assert y.shape[1:3] == want, (name, y.shape)
    dy = f32(rng.uniform(-1, 1, tuple(y.shape)))
    gx, gw = torch.autograd.grad(y, (tx, tw), torch.tensor(dy))
    tensors = {"x": x, "w": wt, "y": y.detach().numpy(), "dy": dy, "dx": gx.numpy(), "dw": gw.numpy()}
    meta = dict(name=name, n=n, rule=rule or "", inH=h, inW=w, inC=ci, outC=co, kh=kh, kw=kw, strideH=sh, strideW=sw,
                dilationH=dh, dilationW=dw, groups=g, padTop=t, padBottom=b, padLeft=l, padRight=r,
                outPadH=oh, outPadW=ow, transposed=transposed)
    return meta, tensors


def dense(name, n, a, b):
    """Every input position meets every output position: x (n, h, w, c) . w (h*w*c, h'*w'*c')."""
    (h, w, c), (h2, w2, c2) = a, b
    x = f32(rng.uniform(-1, 1, (n, h, w, c)))
    wt = f32(rng.uniform(-1, 1, (h * w * c, h2 * w2 * c2)))
    tx, tw = torch.tensor(x, requires_grad=True), torch.tensor(wt, requires_grad=True)
    y = F.linear(tx.reshape(n, -1), tw.t()).reshape(n, h2, w2, c2)
    dy = f32(rng.uniform(-1, 1, tuple(y.shape)))
    gx, gw = torch.autograd.grad(y, (tx, tw), torch.tensor(dy))
    meta = dict(name=name, n=n, inH=h, inW=w, inC=c, outH=h2, outW=w2, outC=c2)
    return meta, {"x": x, "w": wt, "y": y.detach().numpy(), "dy": dy, "dx": gx.numpy(), "dw": gw.numpy()}


def save(file, cases):
    tensors = {}
    for meta, t in cases:
        for k, v in t.items():
            tensors[meta["name"] + "." + k] = v
    path = os.path.join(HERE, file)
    write(path, tensors, {"cases": [m for m, _ in cases]})
    print(file, len(cases), "cases,", os.path.getsize(path), "bytes")


save("conv.oracle", [
    case("1x1", (3, 4), 5, 7, 1, rule="valid"),
    case("valid_3x3", (6, 5), 3, 4, 3, rule="valid"),
    case("valid_stride2", (7, 8), 3, 5, 3, 2, rule="valid"),
    case("same_5x5_stride1", (5, 5), 4, 6, 5, rule="same"),
    case("same_5x5_stride2_even", (8, 8), 4, 6, 5, 2, rule="same"),  # 1 before, 2 after
    case("same_5x5_stride2_odd", (7, 7), 4, 6, 5, 2, rule="same"),
    case("same_stride3", (10, 8), 2, 3, 5, 3, rule="same"),
    case("same_2x2_stride3", (7, 7), 2, 3, 2, 3, rule="same"),  # input between the taps is never read
    case("same_nonsquare", (6, 9), 3, 4, (3, 5), (2, 1), rule="same"),
    case("same_dilated", (9, 7), 3, 4, 3, 1, 2, rule="same"),
    case("explicit_four_sides", (5, 6), 3, 4, 4, (1, 2), pads=(2, 0, 1, 3)),
    case("pads_beyond_kernel", (3, 3), 2, 3, 3, 2, pads=(4, 3, 0, 5)),  # some outputs see only padding
    case("dilated_2x3_stride2", (9, 11), 2, 4, 3, 2, (2, 3), pads=(1, 2, 3, 0)),
    case("groups2", (5, 5), 4, 6, 3, rule="same", g=2),
    case("groups4_stride2", (6, 6), 8, 8, 3, 2, pads=(1, 1, 1, 1), g=4),
    case("depthwise", (6, 6), 5, 5, 3, pads=(1, 1, 1, 1), g=5),
    case("thin_input_1_to_36", (10, 10), 1, 36, 5, 2, rule="same", n=2),
    case("thin_output_36_to_1", (8, 8), 36, 1, 5, 1, rule="same", n=2),
    case("panels_9_to_33", (4, 4), 9, 33, 3, rule="same", n=5),
    case("one_image", (6, 6), 6, 10, 5, 2, rule="same", n=1),
    case("seventeen_images", (4, 3), 3, 5, 3, rule="same", n=17),
])
save("transposed.oracle", [
    case("1x1", (3, 4), 5, 7, 1, rule="valid", transposed=True),
    case("valid_3x3_stride2", (4, 3), 3, 5, 3, 2, rule="valid", transposed=True),
    case("same_5x5_stride1", (7, 7), 4, 6, 5, rule="same", transposed=True),
    case("same_5x5_stride2", (7, 7), 4, 6, 5, 2, rule="same", transposed=True),
    case("same_4x4_stride2", (5, 4), 4, 6, 4, 2, rule="same", transposed=True),
    case("same_5x5_stride3", (3, 4), 3, 4, 5, 3, rule="same", transposed=True),
    case("same_2x2_stride3", (3, 3), 3, 4, 2, 3, rule="same", transposed=True),  # rows that nothing reaches
    case("same_nonsquare", (4, 5), 3, 4, (3, 5), (2, 1), rule="same", transposed=True),
    case("dcgan_4x4_pad1", (4, 4), 6, 5, 4, 2, pads=(1, 1, 1, 1), transposed=True),
    case("output_padding", (4, 4), 4, 6, 5, 2, pads=(2, 2, 2, 2), outpad=1, transposed=True),
    case("output_padding_sides", (3, 4), 3, 4, 3, 3, pads=(0, 1, 2, 0), outpad=(2, 1), transposed=True),
    case("explicit_four_sides", (4, 5), 3, 4, 4, (1, 2), pads=(2, 0, 1, 3), transposed=True),
    case("dilated", (4, 3), 3, 4, 3, 2, (2, 3), pads=(1, 2, 3, 0), transposed=True),
    case("groups2", (4, 4), 4, 6, 3, 2, pads=(1, 1, 1, 1), outpad=1, g=2, transposed=True),
    case("depthwise", (4, 4), 5, 5, 4, 2, pads=(1, 1, 1, 1), g=5, transposed=True),
    case("thin_output_36_to_1", (6, 6), 36, 1, 5, 2, rule="same", n=2, transposed=True),
    case("thin_output_18_to_3", (4, 4), 18, 3, 5, 2, rule="same", n=2, transposed=True),
    case("thin_input_1_to_36", (5, 4), 1, 36, 4, 2, pads=(1, 1, 1, 1), n=2, transposed=True),
    case("panels_9_to_33", (3, 3), 9, 33, 3, rule="same", n=5, transposed=True),
    case("one_image", (4, 4), 6, 10, 5, 2, rule="same", n=1, transposed=True),
    case("seventeen_images", (3, 2), 3, 5, 5, 2, rule="same", n=17, transposed=True),
])
save("dense.oracle", [
    dense("vector_to_vector", 5, (1, 1, 13), (1, 1, 9)),
    dense("vector_to_maps", 3, (1, 1, 10), (3, 3, 8)),
    dense("maps_to_logit", 6, (4, 4, 12), (1, 1, 1)),
    dense("maps_to_maps", 4, (2, 3, 5), (3, 2, 4)),
    dense("one_image", 1, (1, 1, 33), (2, 2, 17)),
])
