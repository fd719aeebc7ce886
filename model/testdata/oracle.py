"""Every layer, alone and in the chains that gantiny fuses, by PyTorch in float64.

    python3 oracle.py          writes layers.oracle beside itself

A case has an input x (n, h, w, c), values for all parameters, and a random gradient dy at the output. It holds the output y
of inference, and of training at (seed, step): the output, the gradients dx and "d<parameter>", and the moving statistics
afterwards, "<parameter>.after". "cancels" names the parameters whose gradient is zero but for rounding: a bias before a
BatchNorm. oracle_test.go has the same chains, by the names of the cases.
Needs numpy and PyTorch (Debian: python3-torch).
"""
import os
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "internal", "oracle"))
from network import Layer, Network  # noqa: E402
from write import f32, write  # noqa: E402

rng = np.random.RandomState(20240612)
SEED, STEP = 0x123456789ABCDEF, 7

NORM = dict(epsilon=1e-3, momentum=0.99)
LEAKY = Layer("leakyrelu", slope=0.3)
tensors, cases = {}, []


def case(name, n, shape, *layers):
    net = Network(shape, layers)
    for p, v in list(net.params.items()):
        role = p.split(".")[1]
        value = rng.uniform(-1, 1, v.shape)
        if role == "weight":
            value *= (3.0 / np.prod(v.shape[:-1])) ** 0.5  # keeps activations near 1
        if role in ("gamma", "moving_variance"):
            value = 1 + 0.5 * value
        net.set(p, f32(value))
        tensors[name + "." + p] = net.params[p].detach().numpy()
    x = f32(rng.normal(0, 1, (n,) + shape))
    if layers[0].kind == "batchnorm":
        # Means far from zero, where E[x*x] - E[x]*E[x] would lose its digits.
        x = f32(x * rng.uniform(0.1, 2, shape[-1]) + rng.uniform(-5, 5, shape[-1]))
    tx = torch.tensor(x, requires_grad=True)

    inference = net.run(tx, False)
    y = net.run(tx, True, SEED, STEP)
    dy = f32(rng.normal(0, 1, tuple(y.shape)))
    grads = torch.autograd.grad(y, [tx] + [net.params[p] for p in net.trainable], torch.tensor(dy))
    put = {"x": x, "inference": inference, "y": y, "dy": dy, "dx": grads[0]}
    put.update({"d" + p: g for p, g in zip(net.trainable, grads[1:])})
    put.update({p + ".after": v for p, v in net.params.items() if p not in net.trainable})
    for k, v in put.items():
        tensors[name + "." + k] = v.detach().numpy() if isinstance(v, torch.Tensor) else v
    cancels = [p for p, g in zip(net.trainable, grads[1:]) if g.abs().max() < 1e-12]
    cases.append(dict(name=name, n=n, h=shape[0], w=shape[1], c=shape[2], params=list(net.params), trainable=net.trainable, cancels=cancels))


case("dense", 5, (1, 1, 13), Layer("dense", units=9, bias=True))
case("dense_no_bias", 3, (1, 1, 10), Layer("dense", units=35))
case("conv2d_same", 4, (7, 6, 3), Layer("conv2d", filters=5, kernel=(5, 5), stride=(2, 2), same=True, bias=True))
case("conv2d_explicit", 3, (6, 7, 4), Layer("conv2d", filters=6, kernel=(3, 2), stride=(1, 2), dilation=(2, 1), groups=2, pad=(2, 0, 1, 1)))
case("convtranspose2d_same", 4, (4, 5, 6), Layer("convtranspose2d", filters=3, kernel=(5, 5), stride=(2, 2), same=True, bias=True))
case("convtranspose2d_explicit", 3, (3, 4, 4), Layer("convtranspose2d", filters=6, kernel=(3, 4), stride=(2, 3), dilation=(1, 2), groups=2,
                                                     pad=(1, 0, 2, 1), outpad=(1, 2)))
case("batchnorm_images", 5, (3, 4, 6), Layer("batchnorm", **NORM))
case("batchnorm_vector", 9, (1, 1, 37), Layer("batchnorm", **NORM))
case("batchnorm_momentum", 6, (2, 2, 3), Layer("batchnorm", epsilon=0.01, momentum=0.6))
case("leakyrelu", 4, (3, 3, 5), LEAKY)
case("relu", 4, (3, 3, 5), Layer("relu"))
case("tanh", 4, (3, 3, 5), Layer("tanh"))
case("sigmoid", 4, (3, 3, 5), Layer("sigmoid"))
case("dropout_images", 7, (3, 4, 5), Layer("dropout", rate=0.3))
case("dropout_vector", 9, (1, 1, 33), Layer("dropout", rate=0.6))
case("reshape", 3, (1, 1, 24), Layer("reshape", h=2, w=3, c=4))
case("flatten", 3, (2, 3, 4), Layer("flatten"))
case("reshape_images", 3, (2, 6, 2), Layer("reshape", h=4, w=2, c=3))
case("flatten_dense", 4, (3, 2, 5), Layer("flatten"), Layer("dense", units=7, bias=True))
case("dense_norm_leaky_reshape_convt", 6, (1, 1, 8), Layer("dense", units=3 * 3 * 8), Layer("batchnorm", **NORM), LEAKY, Layer("reshape", h=3, w=3, c=8),
     Layer("convtranspose2d", filters=4, kernel=(5, 5), same=True))
case("convt_norm_leaky_convt_tanh", 5, (3, 3, 6), Layer("convtranspose2d", filters=4, kernel=(5, 5), stride=(2, 2), same=True),
     Layer("batchnorm", **NORM), LEAKY, Layer("convtranspose2d", filters=1, kernel=(5, 5), stride=(2, 2), same=True), Layer("tanh"))
case("conv_norm_relu", 5, (6, 6, 3), Layer("conv2d", filters=4, kernel=(3, 3), same=True, bias=True), Layer("batchnorm", **NORM), Layer("relu"))
case("conv_leaky_dropout_flatten_dense_sigmoid", 6, (8, 8, 1), Layer("conv2d", filters=4, kernel=(5, 5), stride=(2, 2), same=True, bias=True), LEAKY,
     Layer("dropout", rate=0.3), Layer("conv2d", filters=6, kernel=(5, 5), stride=(2, 2), same=True, bias=True), LEAKY, Layer("dropout", rate=0.3),
     Layer("flatten"), Layer("dense", units=1, bias=True), Layer("sigmoid"))
case("norm_first", 5, (4, 4, 3), Layer("batchnorm", **NORM), LEAKY, Layer("conv2d", filters=4, kernel=(3, 3), bias=True), Layer("tanh"))

path = os.path.join(HERE, "layers.oracle")
write(path, tensors, {"cases": cases, "seed": SEED, "step": STEP})
print(len(cases), "cases,", os.path.getsize(path), "bytes")
