"""A generator that gantiny has trained, as a PyTorch module.

    from gantiny_torch import load
    net = load("run1/generator.safetensors")
    pictures = net(torch.randn(16, 100))          # (N, C, H, W) in [-1, 1]

It knows the layers of gantiny's own networks: dense, batchnorm, leakyrelu, relu, reshape,
convtranspose2d and tanh, in a chain. Others: gantiny export --float MODEL -o FILE.onnx.
"""
import torch
from torch import nn

from gantiny_files import read_model


class Reshape(nn.Module):
    """(N, H*W*C) to (N, C, H, W): gantiny's features have the channels last."""

    def __init__(self, h, w, c):
        super().__init__()
        self.shape = (h, w, c)

    def forward(self, x):
        return x.view(-1, *self.shape).permute(0, 3, 1, 2)


class Crop(nn.Module):
    """Takes rows and columns off at all sides: TensorFlow's SAME crops more below than above."""

    def __init__(self, top, bottom, left, right):
        super().__init__()
        self.pad = (-left, -right, -top, -bottom)

    def forward(self, x):
        return nn.functional.pad(x, self.pad)


def same(kernel, stride):
    """What SAME crops before and after one dimension of a transposed convolution."""
    total = max(kernel - stride, 0)
    return total // 2, total - total // 2


def layer(d, w):
    """The modules of one layer: d is its description, w returns its weights by their roles."""
    kind = d["kind"]
    if kind == "dense":
        m = nn.Linear(*w("weight").shape, bias=d["bias"])
        m.weight.data = w("weight").T.contiguous()
        if d["bias"]:
            m.bias.data = w("bias")
        return [m]
    if kind == "convtranspose2d":
        weight = w("weight")  # (rows, columns, in, out)
        m = nn.ConvTranspose2d(weight.shape[2], weight.shape[3], d["kernel"], d["stride"], bias=d["bias"])
        m.weight.data = weight.permute(2, 3, 0, 1).contiguous()
        if d["bias"]:
            m.bias.data = w("bias")
        pad = d.get("pad", [0, 0, 0, 0])
        if d.get("same"):
            pad = [n for k, s in zip(d["kernel"], d["stride"]) for n in same(k, s)]
        return [m, Crop(*pad)]
    if kind == "batchnorm":
        m = Normalize(w("gamma"), w("beta"), w("moving_mean"), w("moving_variance"), d["epsilon"])
        return [m]
    if kind == "reshape":
        return [Reshape(d["h"], d["w"], d["c"])]
    if kind == "leakyrelu":
        return [nn.LeakyReLU(d["slope"])]
    if kind in ("relu", "tanh"):
        return [nn.ReLU() if kind == "relu" else nn.Tanh()]
    raise ValueError(f"no module for a layer of kind {kind!r}: use gantiny export")


class Normalize(nn.Module):
    """Batch normalization at inference, of a vector's features or an image's channels."""

    def __init__(self, gamma, beta, mean, variance, epsilon):
        super().__init__()
        factor = gamma / torch.sqrt(variance + epsilon)
        self.factor = nn.Parameter(factor)
        self.shift = nn.Parameter(beta - mean * factor)

    def forward(self, x):
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return x * self.factor.view(shape) + self.shift.view(shape)


def load(path):
    """Reads a model's file; an error names a layer that there is no module for."""
    graph, weights = read_model(path)
    if "nodes" in graph:
        raise ValueError(f"{path}: its graph is no chain: use gantiny export")
    modules = []
    for i, d in enumerate(graph["layers"]):
        name = d.get("name", f"{d['kind']}{i}")
        modules += layer(d, lambda role: torch.from_numpy(weights[f"{name}.{role}"].copy()))
    return nn.Sequential(*modules).eval()
