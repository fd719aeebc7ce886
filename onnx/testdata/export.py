"""Small networks as PyTorch exports them to ONNX, with inputs and outputs.

    python3 export.py             writes *.onnx and export.oracle beside itself

Weights are random, widths tiny: what is tested is the shape of the graphs. For each NAME.onnx the oracle
holds NAME.in.INPUT, float32 or, for classes, uint32, and NAME.out.OUTPUT, float32, both as PyTorch has
them: (N, C, H, W). Needs PyTorch (Debian: python3-torch, which exports opsets 7 to 16) and python3-onnx.
"""
import io
import os
import sys
import warnings

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "internal", "oracle"))
from write import write  # noqa: E402

tensors, cases = {}, []


def randomise(net):
    """Weights that keep activations near 1, and statistics that are not those of the start."""
    for name, p in net.named_parameters():
        fan = max(1, p[0].numel()) if p.dim() > 1 else 1
        p.data = torch.randn_like(p) * (1.5 / fan ** 0.5 if p.dim() > 1 else 0.3)
        if p.dim() == 1 and name.endswith("weight"):
            p.data += 1
    for name, b in net.named_buffers():
        if name.endswith("running_mean"):
            b.data = torch.randn_like(b) * 0.2
        elif name.endswith("running_var"):
            b.data = torch.rand_like(b) + 0.5


def case(name, net, *inputs, names=("z",), opset=13, batch=1, images=2, free=True, training=False, fold=True, **options):
    """Exports net with inputs of a batch, open or fixed, and runs it on some images."""
    torch.manual_seed(len(cases) + 1)
    randomise(net)
    net.eval()
    if training:
        net.train()
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, tuple(make(batch) for make in inputs), file, opset_version=opset, input_names=list(names), output_names=["image"],
                          dynamic_axes={n: {0: "batch"} for n in list(names) + ["image"]} if free else None,
                          training=torch.onnx.TrainingMode.TRAINING if training else torch.onnx.TrainingMode.EVAL,
                          do_constant_folding=fold and not training, **options)
    with open(os.path.join(HERE, name + ".onnx"), "wb") as f:
        f.write(file.getvalue())
    net.eval()  # with the statistics that tracing has left
    given = [make(images) for make in inputs]
    with torch.no_grad():
        out = net(*given)
    for n, v in zip(names, given):
        tensors[f"{name}.in.{n}"] = v.numpy().astype(np.uint32 if v.dtype == torch.int64 else np.float32)
    tensors[f"{name}.out.image"] = out.numpy()
    cases.append(name)


def z(*shape):
    return lambda n: torch.randn(n, *shape)


def label(classes):
    return lambda n: torch.arange(n) * 2 % classes


def up(ci, co, k, s, p, bias=False, norm=nn.BatchNorm2d, act=nn.ReLU, **more):
    layers = [nn.ConvTranspose2d(ci, co, k, s, p, bias=bias, **more)]
    if norm:
        layers.append(norm(co))
    if act:
        layers.append(act())
    return layers


def dcgan(width=4, latent=8, channels=3):
    """The 64x64 tutorial network."""
    w = width
    return nn.Sequential(*up(latent, 8 * w, 4, 1, 0), *up(8 * w, 4 * w, 4, 2, 1), *up(4 * w, 2 * w, 4, 2, 1), *up(2 * w, w, 4, 2, 1),
                         nn.ConvTranspose2d(w, channels, 4, 2, 1, bias=False), nn.Tanh())


class Reference(nn.Module):
    """28x28, from a dense layer whose features are (C, H, W)."""

    def __init__(self, w=2, latent=10, norm=True, bias=False):
        super().__init__()
        self.w = w
        self.dense = nn.Linear(latent, 49 * 4 * w, bias=bias)
        self.norm = nn.BatchNorm1d(49 * 4 * w) if norm else nn.Identity()
        self.net = nn.Sequential(*up(4 * w, 2 * w, 5, 1, 2, act=lambda: nn.LeakyReLU(0.3)),
                                 *up(2 * w, w, 5, 2, 2, output_padding=1, act=lambda: nn.LeakyReLU(0.3)),
                                 nn.ConvTranspose2d(w, 1, 5, 2, 2, output_padding=1, bias=bias), nn.Tanh())

    def forward(self, z):
        x = F.leaky_relu(self.norm(self.dense(z)), 0.3)
        return self.net(x.view(-1, 4 * self.w, 7, 7))


class Upsampling(nn.Module):
    def __init__(self, mode, **more):
        super().__init__()
        self.dense = nn.Linear(6, 4 * 3 * 4)
        self.net = nn.Sequential(nn.Upsample(scale_factor=2, mode=mode, **more), nn.Conv2d(4, 6, 3, 1, 1), nn.InstanceNorm2d(6, affine=True), nn.SiLU(),
                                 nn.ReflectionPad2d(1), nn.Conv2d(6, 2, 3), nn.Sigmoid())

    def forward(self, z):
        return self.net(self.dense(z).reshape(z.shape[0], 4, 3, 4))


class Conditional(nn.Module):
    def __init__(self, join):
        super().__init__()
        self.join = join
        self.embed = nn.Embedding(5, 6)
        self.dense = nn.Linear(12 if join == "cat" else 6, 2 * 4 * 4)
        self.net = nn.Sequential(*up(2, 3, 4, 2, 1), nn.ConvTranspose2d(3, 1, 4, 2, 1), nn.Tanh())

    def forward(self, z, label):
        e = self.embed(label)
        x = torch.cat([z, e], 1) if self.join == "cat" else z * e
        return self.net(self.dense(x).view(z.size(0), 2, 4, 4))


class OneHot(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(11, 18), nn.ReLU(), nn.Linear(18, 36), nn.Tanh())

    def forward(self, z, label):
        return self.net(torch.cat([z, F.one_hot(label, 5).float()], 1)).view(-1, 1, 6, 6)


class Decoder(nn.Module):
    """Of a VAE, with residual blocks, group normalisation and a pixel shuffle."""

    def __init__(self):
        super().__init__()
        self.start = nn.Sequential(nn.Linear(5, 8 * 9), nn.ELU())
        self.block = nn.Sequential(nn.GroupNorm(2, 8), nn.GELU(), nn.Conv2d(8, 8, 3, padding=1), nn.GELU(), nn.Conv2d(8, 8, 1))
        self.end = nn.Sequential(nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2), nn.PReLU(3), nn.Conv2d(3, 3, 3, padding=1, groups=3), nn.Hardtanh())

    def forward(self, z):
        x = self.start(z).view(-1, 8, 3, 3)
        x = x + self.block(x)
        return (self.end(x) + 1) / 2


class Odd(nn.Module):
    """Odd kernels, dilation, groups, rectangles, slices and a gate."""

    def __init__(self):
        super().__init__()
        self.a = nn.ConvTranspose2d(6, 8, (3, 5), stride=(2, 3), padding=(1, 0), output_padding=(1, 2), groups=2, bias=True)
        self.b = nn.ConvTranspose2d(8, 8, 3, stride=1, padding=2, dilation=2, groups=4, bias=False)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 1), nn.Hardsigmoid())
        self.c = nn.Conv2d(4, 2, (1, 3), padding=(0, 1))

    def forward(self, z):
        x = F.hardswish(self.b(self.a(z)))
        x = x * self.gate(x)
        x, y = x.chunk(2, 1)
        return torch.tanh(self.c(F.softplus(x) * torch.sigmoid(y))[:, :, 1:, :-1] * 0.5 + 0.1)


class Style(nn.Module):
    """A mapping network with pixel normalisation, and adaptive instance normalisation by hand."""

    def __init__(self):
        super().__init__()
        self.map = nn.Sequential(nn.Linear(6, 6), nn.LeakyReLU(0.2))
        self.start = nn.Parameter(torch.zeros(1, 4, 3, 3))
        self.style = nn.Linear(6, 8)
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.end = nn.Conv2d(4, 3, 1)

    def forward(self, z):
        z = z / torch.sqrt((z ** 2).mean(1, keepdim=True) + 1e-8)
        w = self.map(z)
        x = self.conv(self.start.expand(z.size(0), -1, -1, -1))
        scale, shift = self.style(w).chunk(2, 1)
        m = x.mean((2, 3), keepdim=True)
        s = ((x - m) ** 2).mean((2, 3), keepdim=True)
        x = (x - m) * torch.rsqrt(s + 1e-5)
        x = x * (scale[:, :, None, None] + 1) + shift[:, :, None, None]
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        return torch.clamp(self.end(x), -1, 1)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 4, 5, 2, 2), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, padding=1), nn.SELU(),
                                 nn.AvgPool2d(3, 2, 1), nn.Flatten(), nn.Linear(24, 3), nn.LogSoftmax(1))

    def forward(self, image):
        return self.net(image)


class ChannelsLast(nn.Module):
    """As Keras keeps images."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(5, 3 * 3 * 4)
        self.norm = nn.BatchNorm1d(36)
        self.net = nn.Sequential(*up(4, 3, 4, 2, 1), nn.ConvTranspose2d(3, 3, 4, 2, 1), nn.Tanh())

    def forward(self, z):
        x = F.relu(self.norm(self.dense(z))).view(-1, 3, 3, 4).permute(0, 3, 1, 2)
        return self.net(x).permute(0, 2, 3, 1)


class Attention(nn.Module):
    """Layer normalisation of positions, and mixing by a matrix."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(4, 24)
        self.norm = nn.LayerNorm(6)
        self.mix = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 6))
        self.all = nn.LayerNorm(24)

    def forward(self, z):
        x = self.dense(z).view(-1, 4, 6)
        x = x + self.mix(self.norm(x))
        return torch.tanh(self.all(x.flatten(1))).view(-1, 1, 4, 6)


class Fixed(nn.Module):
    """A function of an image that a dense layer makes."""

    def __init__(self, f, channels=4, size=(4, 4), *parts):
        super().__init__()
        self.f, self.shape = f, (channels, *size)
        self.dense = nn.Linear(5, channels * size[0] * size[1])
        self.parts = nn.ModuleList(parts)

    def forward(self, z):
        return self.f(self.dense(z).view(-1, *self.shape), *self.parts)


class SpectralNorm(nn.Module):
    """Weights that are divided by products of constants, as exported without folding them."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.utils.spectral_norm(nn.Conv2d(3, 4, 3, 2, 1)), nn.LeakyReLU(0.2), nn.utils.weight_norm(nn.Conv2d(4, 3, 3, 2, 1)),
                                 nn.Flatten(), nn.utils.spectral_norm(nn.Linear(12, 1)))

    def forward(self, image):
        return self.net(image)


class Scalar(nn.Module):
    """A discriminator that squeezes its output, which PyTorch exports as a choice by its shape."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 3, 4, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Conv2d(3, 1, 2), nn.Sigmoid())

    def forward(self, image):
        return self.net(image).view(-1, 1).squeeze(1)


case("tutorial", dcgan(1, channels=1), z(8, 1, 1), images=1)
case("tutorial_fixed", dcgan(1, channels=1), z(8, 1, 1), free=False, opset=11, images=1)
case("tutorial_training", dcgan(1, channels=1), z(8, 1, 1), training=True, opset=14, images=1)
case("reference", Reference(1), z(10))
case("reference_batch", Reference(1), z(10), batch=7, free=False, opset=9)
case("reference_bias", Reference(1, norm=False, bias=True), z(10), opset=16)
case("reference_training", Reference(1), z(10), training=True, opset=12, batch=2)
case("nearest", Upsampling("nearest"), z(6), opset=9, free=False)
case("nearest_open", Upsampling("nearest"), z(6), opset=13)
case("bilinear", Upsampling("bilinear", align_corners=True), z(6), opset=11)
case("half_pixel", Upsampling("bilinear"), z(6), opset=13)
case("embedding", Conditional("cat"), z(6), label(5), names=("z", "label"))
case("embedding_product", Conditional("mul"), z(6), label(5), names=("z", "label"), batch=2, free=False, opset=10)
case("onehot", OneHot(), z(6), label(5), names=("z", "label"), opset=11)
case("decoder", Decoder(), z(5), opset=14)
case("odd", Odd(), z(6, 3, 2), opset=14)
case("odd_fixed", Odd(), z(6, 3, 2), opset=11, free=False, batch=4)
case("style", Style(), z(6), opset=13)
case("discriminator", Discriminator(), z(1, 16, 16), names=("picture",), opset=13)
case("channels_last", ChannelsLast(), z(5), opset=12)
case("positions", Attention(), z(4), opset=13)
case("spectral", SpectralNorm(), z(3, 8, 8), names=("picture",), opset=13, fold=False)
case("scalar", Scalar(), z(1, 8, 8), names=("picture",), opset=13)
case("flipped", Fixed(lambda x, c: torch.flip(torch.tanh(c(x))[:, [2, 1, 0]], [3]), 4, (4, 5), nn.Conv2d(4, 3, 3, padding=1)), z(5), opset=11)
case("extremes", Fixed(lambda x: torch.max(torch.min(x[:, :2], x[:, 2:]), x[:, 1:3]).abs().pow(1.5).pow(3)), z(5), opset=13)
case("cubic", Fixed(lambda x: torch.sigmoid(F.interpolate(x, size=(9, 7), mode="bicubic", align_corners=False))), z(5), opset=12)
case("uneven", Fixed(lambda x: torch.sigmoid(F.interpolate(x, scale_factor=1.3, mode="bilinear", align_corners=False))), z(5), opset=13)

write(os.path.join(HERE, "export.oracle"), tensors, {"cases": cases})
