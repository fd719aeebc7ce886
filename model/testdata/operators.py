"""Every operator, alone and in small graphs, by PyTorch in float64.

    python3 operators.py          writes operators.oracle beside itself

A case NAME of n images has a graph (the JSON that a model file holds), values for all parameters and
float inputs, class indices for the other inputs, and a random gradient dy at the output. Its tensors:

    NAME.in.INPUT                 float32 (n, h, w, c), or uint32 (n) for a class input
    NAME.PARAM                    LAYER.weight and so on
    NAME.inference                the output at inference
    NAME.y, NAME.dy               the output in training at (seed, step), and the gradient there
    NAME.d.INPUT, NAME.dPARAM     the gradients of float inputs and of parameters
    NAME.PARAM.after              moving statistics after that training step

"cancels" names the parameters whose gradient is zero but for rounding, such as a bias before a
BatchNorm. A case with "penalty" gives one number D for each image and also holds

    NAME.gradx                    the gradient of ΣD with respect to the input x
    NAME.r1, NAME.r1.dPARAM       R1, the mean over images of |gradx|^2, and its gradients
    NAME.gp, NAME.gp.dPARAM       WGAN-GP's term, the mean of (|gradx| - 1)^2, and its gradients

Needs numpy and PyTorch (Debian: python3-torch).
"""
import os
import sys
import zlib

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "internal", "oracle"))
from graph import Graph  # noqa: E402
from write import f32, write  # noqa: E402

SEED, STEP = 0x123456789ABCDEF, 7
tensors, cases = {}, []


def L(kind, *inputs, **attributes):
    """A layer's JSON; inputs left out are the layer before."""
    return dict({"kind": kind}, **({"in": list(inputs)} if inputs else {}), **attributes)


def x(*shape, name="x"):
    return {"name": name, "shape": list(shape)}


def classes(n):
    return {"name": "class", "classes": n}


def case(name, n, inputs, *layers, scale=1, offset=0, values=None, again=0, penalty=False):
    """Float inputs are values, or normal numbers times scale, plus up to +-offset per channel.
    again picks other random numbers, for a case that float32 cannot repeat closely."""
    rng = np.random.RandomState(zlib.crc32(name.encode()) + again)
    net = Graph(inputs if isinstance(inputs, list) else [inputs], list(layers))
    tensor = {}
    for p, v in list(net.params.items()):
        layer, role = p.split(".")
        value = rng.uniform(-1, 1, v.shape)
        if role == "weight" and not layer.startswith("embedding"):
            value *= (3.0 / np.prod(v.shape[:-1])) ** 0.5  # keeps activations near 1
        if role in ("gamma", "moving_variance"):
            value = 1 + 0.5 * value
        net.set(p, f32(value))
        tensor[p] = net.params[p]
    given, floats = {}, []
    for i in net.inputs:
        if "classes" in i:
            label = rng.randint(0, i["classes"], n)
            label[-1] = label[0]  # two images of one class: its gradient is a sum
            given[i["name"]] = torch.tensor(label)
            tensor["in." + i["name"]] = label.astype(np.uint32)
            continue
        v = rng.normal(0, scale, [n] + i["shape"]) + offset * rng.uniform(-1, 1, i["shape"][-1])
        given[i["name"]] = t = torch.tensor(f32(v if values is None else np.reshape(values, [n] + i["shape"])), requires_grad=True)
        tensor["in." + i["name"]] = t
        floats.append(i["name"])

    tensor["inference"] = net.run(given, False)
    y = net.run(given, True, SEED, STEP)
    dy = f32(rng.normal(0, 1, y.shape))
    wanted = [given[k] for k in floats] + [net.params[p] for p in net.trainable]
    grads = torch.autograd.grad(y, wanted, torch.tensor(dy), retain_graph=True)
    tensor.update({"y": y, "dy": dy})
    tensor.update(zip(["d." + k for k in floats] + ["d" + p for p in net.trainable], grads))
    tensor.update({p + ".after": v for p, v in net.params.items() if p not in net.trainable})
    cancels = [p for p, g in zip(net.trainable, grads[len(floats):]) if g.abs().max() < 1e-12]
    if penalty:
        tensor.update(penalties(y, given["x"], net))
    tensors.update({name + "." + k: v.detach().numpy() if isinstance(v, torch.Tensor) else v for k, v in tensor.items()})
    cases.append(dict(name=name, n=n, graph=net.description(), params=list(net.params), trainable=net.trainable, cancels=cancels, penalty=penalty))


def penalties(d, x, net):
    """Both penalties and their gradients, zeros for parameters that they do not depend on."""
    g, = torch.autograd.grad(d.sum(), x, create_graph=True)
    square = (g * g).sum((1, 2, 3))
    out = {"gradx": g}
    for name, loss in (("r1", square.mean()), ("gp", ((square.sqrt() - 1) ** 2).mean())):
        out[name] = loss
        params = [net.params[p] for p in net.trainable]
        grads = torch.autograd.grad(loss, params, retain_graph=True, allow_unused=True)
        out.update({name + ".d" + p: torch.zeros_like(v) if q is None else q for p, v, q in zip(net.trainable, params, grads)})
    return out


FIVE, TWO = [5, 5], [2, 2]
NORM = dict(epsilon=1e-3, momentum=0.99)
LEAKY = L("leakyrelu", slope=0.3)

# Linear.
case("dense", 5, x(1, 1, 13), L("dense", units=9, bias=True))
case("dense_no_bias", 3, x(1, 1, 5), L("dense", units=17))
case("conv2d_same", 3, x(7, 6, 3), L("conv2d", filters=5, kernel=FIVE, stride=TWO, same=True, bias=True))
case("conv2d_explicit", 3, x(6, 7, 4), L("conv2d", filters=6, kernel=[3, 2], stride=[1, 2], dilation=[2, 1], groups=2, pad=[2, 0, 1, 1]))
case("conv2d_depthwise", 2, x(5, 4, 6), L("conv2d", filters=6, kernel=[3, 3], groups=6, same=True, bias=True))
case("conv2d_line", 3, x(1, 11, 3), L("conv2d", filters=4, kernel=[1, 4], stride=[1, 2], pad=[0, 0, 2, 1], bias=True))
case("convtranspose2d_same", 3, x(4, 5, 3), L("convtranspose2d", filters=2, kernel=FIVE, stride=TWO, same=True, bias=True))
case("convtranspose2d_explicit", 2, x(3, 4, 4),
     L("convtranspose2d", filters=6, kernel=[3, 4], stride=[2, 3], dilation=[1, 2], groups=2, pad=[1, 0, 2, 1], outpad=[1, 2]))
case("convtranspose2d_line", 3, x(1, 5, 3), L("convtranspose2d", filters=2, kernel=[1, 4], stride=[1, 2], pad=[0, 0, 1, 1], bias=True))
case("embedding", 5, classes(4), L("embedding", dim=7))

# Normalizations, of means far from zero, where E[x*x] - E[x]*E[x] would lose its digits.
case("batchnorm_images", 5, x(3, 4, 5), L("batchnorm", **NORM), offset=5)
case("batchnorm_vector", 5, x(1, 1, 19), L("batchnorm", epsilon=0.01, momentum=0.6), offset=5)
case("instancenorm", 3, x(3, 5, 5), L("instancenorm", epsilon=1e-5), offset=5)
case("layernorm", 3, x(3, 2, 5), L("layernorm", epsilon=1e-5), offset=5)
case("layernorm_vector", 4, x(1, 1, 19), L("layernorm", epsilon=1e-3), offset=5)
case("groupnorm", 3, x(3, 3, 6), L("groupnorm", groups=3, epsilon=1e-5), offset=5)
case("conditionalbatchnorm", 5, [x(3, 2, 5), classes(4)], L("conditionalbatchnorm", "x", "class", classes=4, **NORM), offset=5)
case("conditionalbatchnorm_vector", 5, [x(1, 1, 9), classes(3)], L("conditionalbatchnorm", "x", "class", classes=3, epsilon=0.01, momentum=0.6), offset=5)
case("pixelnorm", 3, x(3, 2, 7), L("pixelnorm", epsilon=1e-8))

# Of two inputs, all broadcasts, and one input twice.
for kind in ("add", "mul"):
    case(kind + "_same", 3, [x(3, 2, 5), x(3, 2, 5, name="y")], L(kind, "x", "y"))
    case(kind + "_channels", 3, [x(3, 2, 5), x(1, 1, 5, name="y")], L(kind, "x", "y"))
    case(kind + "_positions", 3, [x(3, 2, 5), x(3, 2, 1, name="y")], L(kind, "x", "y"))
    case(kind + "_images", 3, [x(3, 2, 5), x(1, 1, 1, name="y")], L(kind, "x", "y"))
    case(kind + "_twice", 3, x(3, 2, 5), L(kind, "x", "x"))
case("concat", 3, [x(3, 2, 5), x(3, 2, 1, name="y"), x(3, 2, 2, name="z")], L("concat", "x", "y", "z"))
case("concat_twice", 3, x(1, 1, 5), L("concat", "x", "x"))

# Of positions and channels.
case("slice", 2, x(4, 5, 7), L("slice", **{"from": [1, 0, 2], "size": [2, 4, 3]}))
case("slice_channels", 3, x(2, 3, 5), L("slice", **{"from": [0, 0, 2], "size": [2, 3, 3]}))
case("slice_overlap", 3, x(1, 1, 7), L("slice", "x", **{"from": [0, 0, 0], "size": [1, 1, 5]}),
     L("slice", "x", **{"from": [0, 0, 2], "size": [1, 1, 5]}), L("mul", "slice0", "slice1"))
case("pad_zero", 2, x(3, 2, 3), L("pad", pad=[1, 0, 2, 3], mode="zero"))
case("pad_value", 2, x(3, 2, 3), L("pad", pad=[0, 2, 1, 1], mode="zero", value=0.75))
case("pad_reflect", 2, x(3, 4, 3), L("pad", pad=[2, 1, 0, 3], mode="reflect"))
case("pad_edge", 2, x(3, 2, 3), L("pad", pad=[1, 2, 3, 0], mode="edge"))
case("reshape", 3, x(2, 6, 2), L("reshape", h=4, w=2, c=3))
case("flatten", 3, x(2, 3, 4), L("flatten"))
case("transpose_cycle", 2, x(2, 3, 5), L("transpose", perm=[2, 0, 1]))
case("transpose_rows", 2, x(2, 3, 5), L("transpose", perm=[1, 0, 2]))
case("resize_nearest_double", 2, x(3, 2, 3), L("resize", h=6, w=4, mode="nearest", coordinates="asymmetric"))
case("resize_nearest", 2, x(3, 5, 3), L("resize", h=7, w=3, mode="nearest", coordinates="asymmetric"))
case("resize_nearest_half_pixel", 2, x(3, 5, 3), L("resize", h=7, w=3, mode="nearest", coordinates="half_pixel"))
case("resize_bilinear_double", 2, x(3, 2, 3), L("resize", h=6, w=4, mode="bilinear", coordinates="half_pixel"))
case("resize_bilinear", 2, x(3, 5, 3), L("resize", h=7, w=3, mode="bilinear", coordinates="half_pixel"))
case("resize_bilinear_asymmetric", 2, x(3, 5, 3), L("resize", h=7, w=3, mode="bilinear", coordinates="asymmetric"))
case("resize_bilinear_align_corners", 2, x(3, 5, 3), L("resize", h=7, w=3, mode="bilinear", coordinates="align_corners"))
case("resize_bilinear_point", 2, x(1, 4, 2), L("resize", h=3, w=1, mode="bilinear", coordinates="align_corners"))
case("pixelshuffle", 2, x(2, 3, 12), L("pixelshuffle", factor=2))
case("pixelshuffle_three", 2, x(2, 1, 9), L("pixelshuffle", factor=3))
case("avgpool", 2, x(6, 4, 3), L("avgpool", kernel=[2, 2], stride=[2, 2], pad=[0, 0, 0, 0], count_pad=False))
case("avgpool_pad", 2, x(5, 6, 3), L("avgpool", kernel=[3, 2], stride=[2, 1], pad=[1, 0, 0, 1], count_pad=False))
case("avgpool_count_pad", 2, x(5, 6, 3), L("avgpool", kernel=[3, 2], stride=[2, 1], pad=[1, 0, 0, 1], count_pad=True))
case("maxpool", 2, x(6, 5, 3), L("maxpool", kernel=[2, 2], stride=[2, 2], pad=[0, 0, 0, 0]))
case("maxpool_pad", 2, x(5, 6, 3), L("maxpool", kernel=[3, 2], stride=[2, 1], pad=[1, 1, 0, 1]))
case("globalavgpool", 3, x(3, 4, 5), L("globalavgpool"))
case("dropout", 5, x(3, 2, 5), L("dropout", rate=0.3))

# Activations; the smooth ones also far from zero, where a careless formula overflows. Their
# gradients vanish there, so two values near zero give the comparison its scale.
LARGE = [-150, -89, -45, -17, -6, -1, 0.5, 6, 17, 45, 89, 150]
for name, layer in (("relu", L("relu")), ("leakyrelu", L("leakyrelu", slope=0.2)), ("prelu", L("prelu")), ("hardsigmoid", L("hardsigmoid")),
                    ("hardswish", L("hardswish")), ("clip", L("clip", min=-1.5, max=2)), ("fakequantize", L("fakequantize", steps={"scale": 0.03, "zero": -40}))):
    case(name, 3, x(3, 2, 5), layer, scale=3)
for name, layer in (("tanh", L("tanh")), ("sigmoid", L("sigmoid")), ("elu", L("elu", alpha=0.7)), ("selu", L("selu")), ("gelu", L("gelu")),
                    ("gelu_tanh", L("gelu", tanh=True)), ("silu", L("silu")), ("mish", L("mish")), ("softplus", L("softplus")), ("softmax", L("softmax"))):
    case(name, 3, x(3, 2, 5), layer, scale=2)
    case(name + "_large", 1, x(1, 1, 12), layer, values=LARGE)
for name in ("exp", "abs", "erf"):
    case(name, 3, x(3, 2, 5), L("elementary", function=name), scale=2)
for name in ("log", "sqrt", "reciprocal"):
    case(name, 1, x(1, 2, 6), L("elementary", function=name), values=[0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 13, 21, 34])

# Graphs.
case("graph_generator", 5, [x(1, 1, 6, name="z"), classes(4)],
     L("embedding", "class", dim=3), L("concat", "z", "embedding0"), L("dense", units=2 * 3 * 5), L("reshape", h=2, w=3, c=5), L("batchnorm", **NORM), LEAKY,
     L("convtranspose2d", filters=2, kernel=FIVE, stride=TWO, same=True), L("tanh"))
case("graph_conditional_generator", 5, [x(1, 1, 6, name="z"), classes(4)],
     L("dense", units=2 * 3 * 5), L("reshape", h=2, w=3, c=5), L("conditionalbatchnorm", "reshape1", "class", classes=4, **NORM), L("relu"),
     L("resize", h=4, w=6, mode="nearest", coordinates="asymmetric"), L("conv2d", filters=4, kernel=[3, 3], same=True),
     L("conditionalbatchnorm", "conv2d5", "class", classes=4, **NORM), L("relu"), L("conv2d", filters=1, kernel=[3, 3], same=True, bias=True), L("tanh"))
UP = dict(h=6, w=4, mode="nearest", coordinates="asymmetric")
case("graph_residual_up", 4, x(3, 2, 3),
     L("resize", **UP), L("conv2d", filters=4, kernel=[3, 3], same=True), L("batchnorm", **NORM), L("relu"),
     L("conv2d", filters=4, kernel=[3, 3], same=True, bias=True),
     L("resize", "x", **UP), L("conv2d", filters=4, kernel=[1, 1], bias=True), L("add", "conv2d4", "conv2d6"))
case("graph_projection", 5, [x(6, 5, 2), classes(4)],
     L("conv2d", "x", filters=5, kernel=[3, 3], stride=TWO, same=True, bias=True), LEAKY, L("globalavgpool"), L("dense", units=1, bias=True),
     L("embedding", "class", dim=5), L("mul", "globalavgpool2", "embedding4"), L("dense", units=1), L("add", "dense3", "dense6"))
case("graph_skip", 3, x(8, 6, 2),
     L("conv2d", filters=3, kernel=[4, 4], stride=TWO, same=True, bias=True), LEAKY, L("conv2d", filters=4, kernel=[4, 4], stride=TWO, same=True, bias=True), LEAKY,
     L("resize", h=4, w=3, mode="nearest", coordinates="asymmetric"), L("concat", "resize4", "leakyrelu1"),
     L("conv2d", filters=2, kernel=[3, 3], same=True, bias=True), L("tanh"), again=1)
case("graph_gate", 3, x(4, 3, 4),
     L("globalavgpool"), L("dense", units=2, bias=True), L("relu"), L("dense", units=4, bias=True), L("sigmoid"), L("mul", "x", "sigmoid4"), L("add", "mul5", "x"))
case("graph_classifier", 4, x(6, 6, 2),
     L("conv2d", filters=4, kernel=[3, 3], same=True, bias=True), L("relu"), L("maxpool", kernel=TWO, stride=TWO, pad=[0, 0, 0, 0]),
     L("flatten"), L("dropout", rate=0.3), L("dense", units=3, bias=True))
case("graph_penalty", 4, x(6, 5, 2),
     L("conv2d", filters=4, kernel=[3, 3], stride=TWO, same=True, bias=True), LEAKY, L("conv2d", filters=5, kernel=[3, 3], stride=TWO, same=True, bias=True), LEAKY,
     L("flatten"), L("dense", units=1, bias=True), penalty=True)
case("graph_penalty_residual", 3, x(4, 4, 2),
     L("conv2d", filters=3, kernel=[3, 3], same=True, bias=True), LEAKY, L("conv2d", filters=3, kernel=[3, 3], same=True, bias=True),
     L("avgpool", kernel=TWO, stride=TWO, pad=[0, 0, 0, 0], count_pad=False), L("conv2d", "x", filters=3, kernel=[1, 1]),
     L("avgpool", kernel=TWO, stride=TWO, pad=[0, 0, 0, 0], count_pad=False), L("add", "avgpool3", "avgpool5"), LEAKY,
     L("flatten"), L("dense", units=1, bias=True), penalty=True)
case("graph_penalty_projection", 4, [x(6, 5, 2), classes(3)],
     L("conv2d", "x", filters=4, kernel=[3, 3], stride=TWO, same=True, bias=True), LEAKY, L("globalavgpool"), L("dense", units=1, bias=True),
     L("embedding", "class", dim=4), L("mul", "globalavgpool2", "embedding4"), L("dense", units=1), L("add", "dense3", "dense6"), penalty=True)

path = os.path.join(HERE, "operators.oracle")
write(path, tensors, {"cases": cases, "seed": SEED, "step": STEP})
print(len(cases), "cases,", len(tensors), "tensors,", os.path.getsize(path), "bytes")
