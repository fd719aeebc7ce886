#!/usr/bin/env python3
"""Writes finetune.oracle: a step of fine-tuning for 8-bit integers, by PyTorch's autograd in float64.

A small generator with classes is computed with weights rounded channel by channel, biases rounded to the steps of the sums,
and values rounded to given steps; gradients pass straight through, of values where they are not clipped. The loss is the
mean squared distance from what a teacher draws, the same network with other weights and nothing rounded. The file holds the
parameters of both, the steps, the inputs, the loss, the rounded parameters, the images and the gradients.

Debian: python3-torch.
"""
import os
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "internal", "oracle"))
from network import Layer  # noqa: E402
from write import f32, write  # noqa: E402

BATCH, LATENT, EMBED, CLASSES = 6, 4, 2, 3
rng = np.random.RandomState(20261129)

# (scale, zero point) of each value; the last two clip some of what they round.
STEPS = {"z": (65536 / 2**21, 0), "embedding": (0.0078125, 3), "concat": (0.0307, -2), "dense": (0.015, -70), "first": (0.011, -66)}


class Straight(torch.autograd.Function):
    """round(x/scale) + zero within [lo, hi], and back; the gradient passes inside."""

    @staticmethod
    def forward(ctx, x, scale, zero, lo, hi):
        v = x / scale
        assert ((v - torch.floor(v)) - 0.5).abs().min() > 5e-5, "a value lies between two steps: take another seed"
        ctx.save_for_backward((v >= lo - zero - 0.5) & (v <= hi - zero + 0.5))
        return (torch.clamp(torch.round(v) + zero, lo, hi) - zero) * scale

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[0], None, None, None, None


def value(x, name):
    scale, zero = STEPS[name]
    return Straight.apply(x, float(np.float32(scale)), zero, -128, 127)


def weights(p, name, scale_in):
    """Weight and bias of a layer as bytes have them."""
    w, b = p[name + ".weight"], p[name + ".bias"]
    scale = (w.detach().abs().reshape(-1, w.shape[-1]).max(0)[0] / 127).float().double()
    return {"weight": Straight.apply(w, scale, 0, -127, 127), "bias": Straight.apply(b, scale_in * scale, 0, -2**30, 2**30)}


LAYERS = {"dense": Layer("dense", units=2 * 2 * 6),
          "first": Layer("convtranspose2d", filters=4, kernel=(5, 5), stride=(2, 2), same=True),
          "last": Layer("convtranspose2d", filters=1, kernel=(5, 5), stride=(2, 2), same=True)}
SHAPES = {"embedding.weight": (CLASSES, EMBED), "dense.weight": (LATENT + EMBED, 24), "dense.bias": (24,),
          "first.weight": (5, 5, 6, 4), "first.bias": (4,), "last.weight": (5, 5, 4, 1), "last.bias": (1,)}


def parameters():
    return {k: f32(rng.uniform(-1, 1, s) * (1.2 if len(s) < 3 else 0.35)) for k, s in SHAPES.items()}


def leaky(x):
    return torch.where(x > 0, x, 0.3 * x)


def draw(p, z, labels, rounded):
    r = value if rounded else lambda x, _: x
    own = {}

    def layer(x, name, before):
        own[name] = weights(p, name, float(np.float32(STEPS[before][0]))) if rounded else {k: p[name + "." + k] for k in ("weight", "bias")}
        return LAYERS[name].run(x, own[name], True, None)

    z, e = r(z, "z"), r(p["embedding.weight"][labels], "embedding")
    x = r(torch.cat([z, e], 1), "concat").reshape(len(z), 1, 1, -1)
    x = r(leaky(layer(x, "dense", "concat")), "dense").reshape(-1, 2, 2, 6)
    x = r(leaky(layer(x, "first", "dense")), "first")
    return torch.tanh(layer(x, "last", "first")), own


student, teacher = parameters(), parameters()
tensors = {"student." + k: v for k, v in student.items()}
tensors.update({"teacher." + k: v for k, v in teacher.items()})
z, labels = f32(rng.normal(0, 1, (BATCH, LATENT))), rng.randint(0, CLASSES, BATCH)
tensors["z"] = z
p = {k: torch.tensor(v, requires_grad=True) for k, v in student.items()}
images, own = draw(p, torch.tensor(z), torch.tensor(labels), True)
want, _ = draw({k: torch.tensor(v) for k, v in teacher.items()}, torch.tensor(z), torch.tensor(labels), False)
loss = ((images - want) ** 2).mean()
loss.backward()
tensors["images"] = images.detach().numpy()
for name, q in own.items():
    for k, v in q.items():
        tensors["rounded.%s.%s" % (name, k)] = v.detach().numpy()
for k, v in p.items():
    tensors["grad." + k] = v.grad.numpy()
path = os.path.join(HERE, "finetune.oracle")
write(path, tensors, dict(batch=BATCH, latent=LATENT, embed=EMBED, classes=CLASSES, steps=STEPS, labels=labels.tolist(), loss=loss.item(),
                          params=list(SHAPES)))
print(os.path.getsize(path), "bytes, loss", loss.item())
