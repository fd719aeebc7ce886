#!/usr/bin/env python3
"""Writes optimizers.oracle: ten updates of one parameter by PyTorch's own optimizers in float64, with clipping and schedules.

Debian: python3-torch. The gradients are given, another every step.
"""
import math
import os
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "internal", "oracle"))
from write import f32, write  # noqa: E402

N, STEPS, RATE = 37, 10, 0.01
rng = np.random.RandomState(20240702)
first = f32(rng.normal(0, 1, N))
grads = f32(rng.normal(0, 1, (STEPS, N)) * np.exp(rng.uniform(-6, 2, N)))
tensors = {"first": first, "grads": grads}


def run(name, make, before=None):
    w = torch.tensor(np.asarray(first, np.float64), requires_grad=True)
    o = make([w])
    for t in range(STEPS):
        w.grad = torch.tensor(np.asarray(grads[t], np.float64))
        if before:
            before(o, w, t + 1)
        o.step()
    tensors[name] = w.detach().numpy()


def keras(o, w, t):
    # Keras adds epsilon outside the bias correction, PyTorch inside.
    o.param_groups[0]["eps"] = 1e-4 / math.sqrt(1 - 0.99**t)


O = torch.optim
run("adam", lambda p: O.Adam(p, RATE, (0.8, 0.99), 1e-4), keras)
run("adamw", lambda p: O.AdamW(p, RATE, (0.8, 0.99), 1e-4, weight_decay=0.3))
run("rmsprop", lambda p: O.RMSprop(p, RATE, 0.95, 1e-4))
run("sgd", lambda p: O.SGD(p, RATE))
run("momentum", lambda p: O.SGD(p, RATE, momentum=0.9))
run("nesterov", lambda p: O.SGD(p, RATE, momentum=0.9, nesterov=True))

norms = []


def clip(o, w, t):
    norms.append(torch.nn.utils.clip_grad_norm_([w], 2.0).item())


run("clipped", lambda p: O.SGD(p, RATE), clip)


def rates(make):
    """The shares of the rate that PyTorch's schedulers give to 12 steps."""
    o = O.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    s, out = make(o), []
    for _ in range(12):
        out.append(o.param_groups[0]["lr"])
        o.step()
        s.step()
    return out


L = torch.optim.lr_scheduler
# Here step 1 has gone one part of the way, PyTorch's first step none of it: that value is left out.
shares = {
    "linear": rates(lambda o: L.LinearLR(o, 1.0, 0.1, 8))[1:],
    "cosine": [0.1 + 0.9 * x for x in rates(lambda o: L.CosineAnnealingLR(o, 8))[1:9]],
    "warmup": rates(lambda o: L.LinearLR(o, 0.25, 1.0, 3)),
}
path = os.path.join(HERE, "optimizers.oracle")
write(path, tensors, dict(steps=STEPS, rate=RATE, norms=norms, shares=shares))
print(os.path.getsize(path), "bytes", norms, shares)
