"""gantiny's operators and graphs of them in PyTorch float64, for the oracle scripts.

Activations are (n, h, w, c), vectors (n, 1, 1, features), a class input (n) integers. Operators are
PyTorch's own where it has them; convolutions, BatchNorm and dropout are those of network.py.
OPERATORS has one entry per kind: a function from attributes and input shapes to parameters, and one
from attributes, parameters and inputs to the output.
"""
import math
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F

from network import Layer, dropout_key

OPERATORS = {}


def operator(kind, params=lambda a, *shapes: []):
    """Registers run(a, p, *inputs): attributes, parameters, inputs. params(a, *shapes) lists (name,
    shape, trainable) of each parameter; the shape of a class input is its number of classes."""
    def register(run):
        OPERATORS[kind] = (params, run)
        return run
    return register


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def clear_of(x, *kinks):
    """x, whose values must lie so far from the kinks that float32 keeps to their side."""
    for kink in kinks:
        assert (x.detach() - kink).abs().min() > 1e-6 * x.detach().abs().max(), "a value is at a kink: take another seed"
    return x


# The layers of network.py: their parameters and their arithmetic.

def old(kind):
    def run(a, p, x):
        own = dict(p)
        y = Layer(kind, **a).run(x, own, p.training, p.key)
        p.update(own)
        return y
    operator(kind, lambda a, shape: Layer(kind, **a).shapes(shape))(run)


for k in ("dense", "conv2d", "convtranspose2d", "batchnorm", "dropout", "reshape", "flatten", "leakyrelu", "relu", "tanh", "sigmoid"):
    old(k)


# Normalizations.

def gamma_beta(*shape):
    return [("gamma", shape, True), ("beta", shape, True)]


@operator("instancenorm", lambda a, s: gamma_beta(s[2]))
def instancenorm(a, p, x):
    return nhwc(F.instance_norm(nchw(x), weight=p["gamma"], bias=p["beta"], eps=a["epsilon"]))


@operator("layernorm", lambda a, s: gamma_beta(math.prod(s)))
def layernorm(a, p, x):
    shape = x.shape[1:]
    return F.layer_norm(x, shape, p["gamma"].reshape(shape), p["beta"].reshape(shape), a["epsilon"])


@operator("groupnorm", lambda a, s: gamma_beta(s[2]))
def groupnorm(a, p, x):
    return nhwc(F.group_norm(nchw(x), a["groups"], p["gamma"], p["beta"], a["epsilon"]))


@operator("conditionalbatchnorm", lambda a, s, classes: gamma_beta(a["classes"], s[2]) + [("moving_mean", (s[2],), False), ("moving_variance", (s[2],), False)])
def conditionalbatchnorm(a, p, x, label):
    c = x.shape[3]
    own = {"gamma": torch.ones(c, dtype=x.dtype), "beta": torch.zeros(c, dtype=x.dtype),
           "moving_mean": p["moving_mean"], "moving_variance": p["moving_variance"]}
    x = Layer("batchnorm", epsilon=a["epsilon"], momentum=a["momentum"]).run(x, own, p.training, None)
    p.update((k, own[k]) for k in ("moving_mean", "moving_variance"))
    return p["gamma"][label][:, None, None] * x + p["beta"][label][:, None, None]


@operator("pixelnorm")
def pixelnorm(a, p, x):
    return x / torch.sqrt((x * x).mean(3, keepdim=True) + a["epsilon"])


# Of several inputs.

def broadcasts(x, y):
    assert y.shape[1:] in (x.shape[1:], (1, 1, x.shape[3]), x.shape[1:3] + (1,), (1, 1, 1)), (x.shape, y.shape)


@operator("add")
def add_(a, p, x, y):
    broadcasts(x, y)
    return x + y


@operator("mul")
def mul(a, p, x, y):
    broadcasts(x, y)
    return x * y


@operator("concat")
def concat(a, p, *xs):
    return torch.cat(xs, 3)


@operator("embedding", lambda a, classes: [("weight", (classes, a["dim"]), True)])
def embedding(a, p, label):
    return F.embedding(label, p["weight"])[:, None, None]


# Of positions and channels.

@operator("slice")
def slice_(a, p, x):
    (y0, x0, c0), (h, w, c) = a["from"], a["size"]
    s = x[:, y0:y0 + h, x0:x0 + w, c0:c0 + c]
    assert tuple(s.shape[1:]) == (h, w, c)
    return s


@operator("pad")
def pad(a, p, x):
    top, bottom, left, right = a["pad"]
    sides = (left, right, top, bottom)
    if a["mode"] == "zero":
        return nhwc(F.pad(nchw(x), sides, value=a.get("value", 0)))
    return nhwc(F.pad(nchw(x), sides, mode={"reflect": "reflect", "edge": "replicate"}[a["mode"]]))


@operator("transpose")
def transpose(a, p, x):
    return x.permute(0, *[1 + i for i in a["perm"]])


@operator("pixelshuffle")
def pixelshuffle(a, p, x):
    return nhwc(F.pixel_shuffle(nchw(x), a["factor"]))


def sources(size, out, coordinates):
    """Where each of out positions lies among size positions."""
    if coordinates == "align_corners":
        return [Fraction(i * (size - 1), max(out - 1, 1)) for i in range(out)]
    half = Fraction(1, 2) if coordinates == "half_pixel" else 0
    return [(i + half) * Fraction(size, out) - half for i in range(out)]


def interpolation(size, out, mode, coordinates):
    """The matrix (out, size) of one direction."""
    m = np.zeros((out, size))
    for i, at in enumerate(sources(size, out, coordinates)):
        if mode == "nearest":
            # Where two values are equally near, half-pixel positions take the later one.
            m[i, math.floor(at + Fraction(1, 2)) if coordinates == "half_pixel" else math.floor(at)] = 1
            continue
        at = min(max(at, 0), size - 1)
        low = math.floor(at)
        m[i, low] += float(1 - (at - low))
        m[i, min(low + 1, size - 1)] += float(at - low)
    return torch.tensor(m)


@operator("resize")
def resize(a, p, x):
    mode, coordinates, out = a["mode"], a["coordinates"], (a["h"], a["w"])
    y = torch.einsum("nhwc,ih,jw->nijc", x, *[interpolation(s, o, mode, coordinates) for s, o in zip(x.shape[1:3], out)])
    same = {("nearest", "asymmetric"): dict(mode="nearest"), ("nearest", "half_pixel"): dict(mode="nearest-exact"),
            ("bilinear", "half_pixel"): dict(mode="bilinear", align_corners=False),
            ("bilinear", "align_corners"): dict(mode="bilinear", align_corners=True)}.get((mode, coordinates))
    assert same or (mode, coordinates) == ("bilinear", "asymmetric"), "not defined"
    if same:
        assert torch.allclose(nchw(y), F.interpolate(nchw(x), out, **same), rtol=0, atol=1e-12)
    return y


def padded(a, x, value):
    top, bottom, left, right = a["pad"]
    return F.pad(nchw(x), (left, right, top, bottom), value=value)


@operator("avgpool")
def avgpool(a, p, x):
    y = F.avg_pool2d(padded(a, x, 0), a["kernel"], a["stride"])
    if not a["count_pad"]:
        y = y / F.avg_pool2d(padded(a, torch.ones_like(x), 0), a["kernel"], a["stride"])
    return nhwc(y)


@operator("maxpool")
def maxpool(a, p, x):
    return nhwc(F.max_pool2d(padded(a, x, -math.inf), a["kernel"], a["stride"]))


@operator("globalavgpool")
def globalavgpool(a, p, x):
    return nhwc(F.adaptive_avg_pool2d(nchw(x), 1))


@operator("softmax")
def softmax(a, p, x):
    return torch.softmax(x, 3)


# Activations.

def activation(kind, f, *kinks, params=lambda a, *shapes: []):
    operator(kind, params)(lambda a, p, x: f(a, p, clear_of(x, *kinks)))


activation("prelu", lambda a, p, x: nhwc(F.prelu(nchw(x), p["slope"])), 0, params=lambda a, s: [("slope", (s[2],), True)])
activation("elu", lambda a, p, x: F.elu(x, a["alpha"]), 0)
activation("selu", lambda a, p, x: F.selu(x), 0)
activation("gelu", lambda a, p, x: F.gelu(x, approximate="tanh" if a.get("tanh") else "none"))
activation("silu", lambda a, p, x: F.silu(x))
activation("mish", lambda a, p, x: F.mish(x))
activation("softplus", lambda a, p, x: F.softplus(x, threshold=700))
activation("hardsigmoid", lambda a, p, x: F.hardsigmoid(x), -3, 3)
activation("hardswish", lambda a, p, x: F.hardswish(x), -3, 3)
ELEMENTARY = {"exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "reciprocal": torch.reciprocal, "abs": torch.abs, "erf": torch.erf}
operator("elementary")(lambda a, p, x: ELEMENTARY[a["function"]](clear_of(x, *([0] if a["function"] == "abs" else []))))
operator("fakequantize")(lambda a, p, x: torch.fake_quantize_per_tensor_affine(x.float(), a["steps"]["scale"], a["steps"]["zero"], -128, 127).double())
operator("clip")(lambda a, p, x: torch.clamp(clear_of(x, a["min"], a["max"]), a["min"], a["max"]))


class Values(dict):
    """A layer's parameters by their own names, and what else its run may depend on."""

    def __init__(self, values, training, key):
        super().__init__(values)
        self.training, self.key = training, key


class Graph:
    """A graph. params: "<layer>.<name>" -> tensor; those in trainable have gradients."""

    def __init__(self, inputs, layers, output=None):
        self.inputs, self.layers, self.params, self.trainable = inputs, layers, {}, []
        self.names = ["%s%d" % (l["kind"], i) for i, l in enumerate(layers)]
        self.output = output or self.names[-1]
        shapes = {i["name"]: i.get("classes") or tuple(i["shape"]) for i in inputs}
        values = {k: torch.zeros(1, dtype=torch.long) if isinstance(s, int) else torch.rand((1,) + s, dtype=torch.float64) for k, s in shapes.items()}
        for i, l in enumerate(layers):
            params, run = OPERATORS[l["kind"]]
            a, ins = self.attributes(l), self.sources(i)
            own = {}
            for name, dims, trains in params(a, *[shapes[k] for k in ins]):
                own[name] = self.params[self.names[i] + "." + name] = torch.ones(dims, dtype=torch.float64)
                if trains:
                    self.trainable.append(self.names[i] + "." + name)
            # Only shapes count here: random numbers, so that the next layer meets no kink.
            values[self.names[i]] = y = run(a, Values(own, False, None), *[values[k] for k in ins])
            values[self.names[i]] = torch.rand(y.shape, dtype=torch.float64)
            shapes[self.names[i]] = tuple(y.shape[1:])
        self.shape = shapes[self.output]

    def description(self):
        return {"format": 2, "name": "t", "inputs": self.inputs, "layers": self.layers, "output": self.output}

    def attributes(self, layer):
        return {k: v for k, v in layer.items() if k not in ("kind", "in")}

    def sources(self, i):
        """The names of layer i's inputs; unset, the layer before or the first input."""
        return self.layers[i].get("in") or [self.names[i - 1] if i else self.inputs[0]["name"]]

    def set(self, name, value):
        assert self.params[name].shape == value.shape, name
        self.params[name] = torch.tensor(np.asarray(value, np.float64), requires_grad=name in self.trainable)

    def run(self, inputs, training, seed=0, step=0):
        values = dict(inputs)
        for i, l in enumerate(self.layers):
            head = self.names[i] + "."
            p = Values({k[len(head):]: v for k, v in self.params.items() if k.startswith(head)}, training, dropout_key(seed, step, i))
            values[self.names[i]] = OPERATORS[l["kind"]][1](self.attributes(l), p, *[values[k] for k in self.sources(i)])
            for name, v in p.items():  # the moving statistics may have changed
                self.params[head + name] = v
        return values[self.output]
