#!/usr/bin/env python3
"""Writes crossentropy.oracle: the loss of classifiers and its gradient at the logits, by PyTorch's autograd in float64.

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

N, K = 7, 5
rng = np.random.RandomState(20261128)
logits = f32(rng.normal(0, 3, (N, K)))
logits[0, 1], logits[1, 2] = 200, -200  # where exp leaves float32's range
labels = rng.randint(0, K, N)
labels[0], labels[1] = 0, 2
z = torch.tensor(np.asarray(logits, np.float64), requires_grad=True)
loss = F.cross_entropy(z, torch.tensor(labels, dtype=torch.int64))
(grad,) = torch.autograd.grad(loss, z)
right = float((logits.argmax(1) == labels).mean())
path = os.path.join(HERE, "crossentropy.oracle")
write(path, {"logits": logits, "grad": grad.numpy()}, dict(labels=labels.tolist(), loss=loss.item(), right=right))
print(os.path.getsize(path), "bytes", loss.item(), right)
