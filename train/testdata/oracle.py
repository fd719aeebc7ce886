"""Ten steps of the reference networks with fewer channels, by PyTorch in float64.

    python3 oracle.py          writes steps.oracle beside itself

One step is Keras': one batch of noise, both losses at the same weights and the same dropout masks, then both Adam updates in
Keras' form. The file holds the first values of all parameters, every batch (pixels as bytes, noise), the losses of each step,
all gradients of the first step, and all parameters and moving statistics after the first and the last step.
Needs numpy and PyTorch (Debian: python3-torch).
"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "internal", "oracle"))
from network import Layer, Network  # noqa: E402
from write import f32, write  # noqa: E402

SEED, STEPS, BATCH, LATENT, WIDTH = 42, 10, 8, 10, 4
LR, BETA1, BETA2, EPS = 1e-4, 0.9, 0.999, 1e-7
rng = np.random.RandomState(20240613)


def up(filters, stride):
    return Layer("convtranspose2d", filters=filters, kernel=(5, 5), stride=(stride, stride), same=True)


def down(filters):
    return Layer("conv2d", filters=filters, kernel=(5, 5), stride=(2, 2), same=True, bias=True)


def norm():
    return Layer("batchnorm", epsilon=1e-3, momentum=0.99)


def leaky():
    return Layer("leakyrelu", slope=0.3)


def dropout():
    return Layer("dropout", rate=0.3)


g = Network((1, 1, LATENT), [
    Layer("dense", units=7 * 7 * 4 * WIDTH), norm(), leaky(), Layer("reshape", h=7, w=7, c=4 * WIDTH),
    up(2 * WIDTH, 1), norm(), leaky(), up(WIDTH, 2), norm(), leaky(), up(1, 2), Layer("tanh")])
d = Network((28, 28, 1), [
    down(WIDTH), leaky(), dropout(), down(2 * WIDTH), leaky(), dropout(), Layer("flatten"), Layer("dense", units=1, bias=True)])

tensors = {}


def keep(net, head, tail):
    for p, v in net.params.items():
        tensors["%s.%s.%s" % (head, p, tail)] = v.detach().numpy()


for net, head in ((g, "g"), (d, "d")):
    for p, v in net.params.items():
        role, dims = p.split(".")[1], tuple(v.shape)
        # Away from the 0 and 1 of a fresh network, where mistakes could hide.
        value = rng.uniform(-0.1, 0.1, dims)
        if role == "weight":
            taps = np.prod(dims[:-2])
            value *= 10 * (6 / (taps * (dims[-2] + dims[-1]))) ** 0.5  # Glorot
        if role in ("gamma", "moving_variance"):
            value += 1
        net.set(p, f32(value))
    keep(net, head, "first")


class Adam:
    """Keras' form: epsilon is added to the root of the uncorrected second moment."""

    def __init__(self, net):
        self.net, self.t = net, 0
        self.m = {p: torch.zeros_like(net.params[p]) for p in net.trainable}
        self.v = {p: torch.zeros_like(net.params[p]) for p in net.trainable}

    def update(self, grads):
        self.t += 1
        rate = LR * (1 - BETA2**self.t) ** 0.5 / (1 - BETA1**self.t)
        for p, q in zip(self.net.trainable, grads):
            self.m[p] = BETA1 * self.m[p] + (1 - BETA1) * q
            self.v[p] = BETA2 * self.v[p] + (1 - BETA2) * q * q
            w = self.net.params[p].detach() - rate * self.m[p] / (torch.sqrt(self.v[p]) + EPS)
            self.net.params[p] = w.requires_grad_()


reals = rng.randint(0, 256, (STEPS, BATCH, 28, 28, 1)).astype(np.uint8)
noise = f32(rng.normal(0, 1, (STEPS, BATCH, LATENT)))
tensors["reals"], tensors["noise"] = reals, noise
adam_g, adam_d = Adam(g), Adam(d)
losses = []
for step in range(1, STEPS + 1):
    x = torch.tensor((reals[step - 1] - 127.5) / 127.5)
    z = torch.tensor(noise[step - 1]).reshape(BATCH, 1, 1, LATENT)
    fakes = g.run(z, True, SEED, step)
    logits = d.run(torch.cat([x, fakes]), True, SEED, step).reshape(-1)
    ones, zeros = torch.ones(BATCH, dtype=torch.float64), torch.zeros(BATCH, dtype=torch.float64)
    bce = F.binary_cross_entropy_with_logits
    loss_g = bce(logits[BATCH:], ones)
    loss_d = bce(logits[:BATCH], ones) + bce(logits[BATCH:], zeros)
    grads_g = torch.autograd.grad(loss_g, [g.params[p] for p in g.trainable], retain_graph=True)
    grads_d = torch.autograd.grad(loss_d, [d.params[p] for p in d.trainable])
    losses.append((loss_g.item(), loss_d.item()))
    if step == 1:
        tensors["logits"] = logits.detach().numpy()
        for net, head, grads in ((g, "g", grads_g), (d, "d", grads_d)):
            for p, q in zip(net.trainable, grads):
                tensors["%s.%s.grad" % (head, p)] = q.numpy()
    adam_g.update(grads_g)
    adam_d.update(grads_d)
    if step == 1:
        keep(g, "g", "after1")
        keep(d, "d", "after1")
keep(g, "g", "last")
keep(d, "d", "last")

path = os.path.join(HERE, "steps.oracle")
write(path, tensors, dict(seed=SEED, steps=STEPS, batch=BATCH, latent=LATENT, width=WIDTH,
                          learning_rate=LR, beta1=BETA1, beta2=BETA2, epsilon=EPS, losses=losses,
                          g=list(g.params), d=list(d.params), g_trainable=g.trainable, d_trainable=d.trainable))
print(losses)
for k in tensors:
    if k.endswith(".grad"):
        a = np.abs(tensors[k])
        print("%-40s largest %.2e smallest/largest %.1e" % (k, a.max(), a.min() / a.max()))
print(os.path.getsize(path), "bytes")
