#!/usr/bin/env python3
"""Writes losses.oracle: the losses of package train and their gradients at the logits, by PyTorch's autograd in float64.

Debian: python3-torch.
"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "internal", "oracle"))
from write import f32, write  # noqa: E402

N = 9
rng = np.random.RandomState(20240703)
real, fake = f32(rng.normal(0.5, 2, N)), f32(rng.normal(-0.5, 2, N))
real[0], fake[0] = 30, -30
tensors, values = {"real": real, "fake": fake}, {}
ones, zeros = torch.ones(N, dtype=torch.float64), torch.zeros(N, dtype=torch.float64)
bce, mse = F.binary_cross_entropy_with_logits, F.mse_loss
for name, losses in {
        "bce": lambda r, f: (bce(f, ones), bce(r, ones) + bce(f, zeros)),
        "hinge": lambda r, f: (-f.mean(), F.relu(1 - r).mean() + F.relu(1 + f).mean()),
        "smoothed": lambda r, f: (bce(f, ones), bce(r, 0.9 * ones) + bce(f, zeros)),
        "lsgan": lambda r, f: (mse(f, ones) / 2, mse(r, ones) / 2 + mse(f, zeros) / 2),
        "wasserstein": lambda r, f: (-f.mean(), f.mean() - r.mean()),
        "relativistic": lambda r, f: (bce(f - r, ones), bce(r - f, ones))}.items():
    r = torch.tensor(np.asarray(real, np.float64), requires_grad=True)
    f = torch.tensor(np.asarray(fake, np.float64), requires_grad=True)
    g, d = losses(r, f)
    tensors[name + ".dG"] = torch.autograd.grad(g, f, retain_graph=True)[0].numpy()
    tensors[name + ".dD"] = torch.cat(torch.autograd.grad(d, [r, f])).numpy()
    values[name] = [g.item(), d.item()]
path = os.path.join(HERE, "losses.oracle")
write(path, tensors, dict(values=values))
print(os.path.getsize(path), "bytes", values)
