"""The layers that Winograd plans compute, at the size of the reference networks, by PyTorch in float64.

    python3 winograd.py         writes winograd.oracle beside itself

Inputs and weights are noise that the test makes again from their names' numbers, see noise, so the file
holds results only: of y, dx and dw every STEP-th element, and the largest magnitude of the whole tensor.
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

IMAGES = 3
STEPS = {"y": 11, "dx": 11, "dw": 331}  # odd and prime to the channels: all phases and edges come up


def noise(stream, shape):
    """The i-th value is (h >> 8) / 2^23 - 1, where h mixes i + stream * 2^26."""
    h = np.arange(np.prod(shape), dtype=np.uint32) + np.uint32(stream << 26)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        h ^= h >> np.uint32(shift)
        h *= np.uint32(factor)
    h ^= h >> np.uint32(16)
    return ((h >> np.uint32(8)).astype(np.float64) / 2**23 - 1).reshape(shape)


def layer(hw, ci, co, stride, transposed):
    x = torch.tensor(noise(1, (IMAGES, hw, hw, ci)), requires_grad=True)
    w = torch.tensor(noise(2, (5, 5, ci, co)), requires_grad=True)
    nchw = x.permute(0, 3, 1, 2)
    total = 5 - stride  # TensorFlow's SAME where the stride divides the size
    before, after = total // 2, total - total // 2
    if transposed:
        full = F.conv_transpose2d(nchw, w.permute(2, 3, 0, 1), stride=stride)
        y = full[:, :, before:before + hw * stride, before:before + hw * stride]
    else:
        y = F.conv2d(F.pad(nchw, (before, after) * 2), w.permute(3, 2, 0, 1), stride=stride)
    y = y.permute(0, 2, 3, 1)
    dy = torch.tensor(noise(3, tuple(y.shape)))
    dx, dw = torch.autograd.grad(y, (x, w), dy)
    return {"y": y.detach().numpy(), "dx": dx.numpy(), "dw": dw.numpy()}


tensors, cases = {}, []
for name, args in {
    "convT_256_128": (7, 256, 128, 1, True),
    "convT_128_64": (7, 128, 64, 2, True),
    "conv_64_128": (14, 64, 128, 2, False),
}.items():
    case = {"name": name, "n": IMAGES, "steps": STEPS, "largest": {}}
    for k, v in layer(*args).items():
        tensors[name + "." + k] = f32(v.reshape(-1)[::STEPS[k]])
        case["largest"][k] = float(np.abs(v).max())
    cases.append(case)
path = os.path.join(HERE, "winograd.oracle")
write(path, tensors, {"cases": cases})
print(os.path.getsize(path), "bytes")
