#!/usr/bin/env python3
"""Writes heads.oracle: two steps of a small pair of networks with classes, by PyTorch's autograd in float64.

The networks are those of train/networks, family dcgan of 8 pixels: the discriminator judges classes by projection, by an
auxiliary head, or by both. One step is: both losses at the same weights, binary cross-entropy on logits and the head's
cross-entropy, of the discriminator on reals and of the generator on fakes; R1 of the first logit by a double backward; then
gradient descent of both. Spectral normalization is PyTorch's, one power iteration a step; with san the last layer is a
direction of length 1, which the loss takes as fixed and which follows the difference of the mean products. The file holds
parameters in the order of the Go models, the losses of both steps and the gradients of the first.

Debian: python3-torch.
"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.utils.parametrizations import _SpectralNorm

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "internal", "oracle"))
from network import Layer, Network  # noqa: E402
from write import f32, write  # noqa: E402

BATCH, LATENT, WIDTH, EMBED, CLASSES, RATE = 5, 4, 3, 2, 3, 0.1
WEIGHT, R1 = 0.7, 0.5
rng = np.random.RandomState(20261129)


def norm():
    return [Layer("batchnorm", epsilon=1e-3, momentum=0.99), Layer("leakyrelu", slope=0.3)]


def up(filters, stride):
    return Layer("convtranspose2d", filters=filters, kernel=(5, 5), stride=(stride, stride), same=True)


def down(filters):
    return [Layer("conv2d", filters=filters, kernel=(5, 5), stride=(2, 2), same=True, bias=True), Layer("leakyrelu", slope=0.3)]


def number(shape, fan=None):
    v = rng.uniform(-0.5, 0.5, shape)
    return f32(v * 3 / np.sqrt(fan) if fan else v)


class Pair:
    def __init__(self, projection=False, auxiliary=False, r1=False, spectral=False, san=False):
        self.projection, self.auxiliary, self.r1, self.san = projection, auxiliary, r1, san
        self.g = Network((1, 1, LATENT + EMBED), [
            Layer("dense", units=2 * 2 * 4 * WIDTH), *norm(), Layer("reshape", h=2, w=2, c=4 * WIDTH),
            up(2 * WIDTH, 1), *norm(), up(WIDTH, 2), *norm(), up(1, 2), Layer("tanh")])
        self.d = Network((8, 8, 1), [*down(WIDTH), *down(2 * WIDTH), Layer("flatten")])
        for net in (self.g, self.d):
            for p, v in net.params.items():
                fan = np.prod(v.shape[:-1]) if p.endswith("weight") else None
                net.set(p, number(tuple(v.shape), fan) + (1 if p.endswith(("gamma", "variance")) else 0))
        features = 2 * 2 * 2 * WIDTH
        self.extra = {"embed": number((CLASSES, EMBED))}
        self.extra["w"], self.extra["b"] = number((features, 1), features), number((1,))
        if projection:
            self.extra["own"], self.extra["product"] = number((CLASSES, features)), number((features, 1), features)
        if auxiliary:
            self.extra["head"], self.extra["bias"] = number((features, CLASSES), features), number((CLASSES,))
        if san:
            self.extra["w"] /= np.sqrt((self.extra["w"]**2).sum())
        self.extra = {k: torch.tensor(v, requires_grad=True) for k, v in self.extra.items()}
        self.norms = {}
        for p, at, key in self.parameters("d") if spectral else []:
            if at[key].dim() > 1 and not (san and p == "w"):
                sn = self.norms[p] = _SpectralNorm(self.matrix(at[key]))
                for b in (sn._u, sn._v):
                    b.copy_(torch.tensor(f32(b.numpy())))

    @staticmethod
    def matrix(w):
        """(outputs, inputs) as in PyTorch, of a weight as gantiny has it."""
        return w.reshape(-1, w.shape[-1]).t()

    def normalize(self):
        """Once a step: what the discriminator reads."""
        self.read = {p: at[key] for p, at, key in self.parameters("d")}
        for p, sn in self.norms.items():
            w = self.read[p]
            self.read[p] = sn(self.matrix(w)).t().reshape(w.shape)
        if self.san:
            self.read["w"] = self.read["w"] / torch.sqrt((self.read["w"]**2).sum())

    def draw(self, z, labels):
        return self.g.run(torch.cat([z, self.extra["embed"][labels]], 1).reshape(len(z), 1, 1, -1), True)

    def judge(self, x, labels):
        raw, own = self.d.params, self.read
        self.d.params = {p: own[p] for p in raw}
        f = self.d.run(x, True).reshape(len(x), -1)
        self.d.params = raw
        logit = (f @ (own["w"].detach() if self.san else own["w"]))[:, 0] + own["b"]
        if self.projection:
            logit = logit + ((f * own["own"][labels]) @ own["product"])[:, 0]
        return logit, f @ own["head"] + own["bias"] if self.auxiliary else None, (f.detach() @ own["w"]).mean()

    def parameters(self, net):
        """(name, where it lives, key) in the order of the Go model."""
        own = [(n, self.extra, n) for n in self.extra if (n == "embed") == (net == "g")]
        chain = getattr(self, net)
        layers = [(n, chain.params, n) for n in chain.params]
        return own + layers if net == "g" else layers + own


tensors, losses = {}, {}
reals, noise = f32(rng.uniform(-1, 1, (2, BATCH, 8, 8, 1))), f32(rng.normal(0, 1, (2, BATCH, LATENT)))
labels = rng.randint(0, CLASSES, (2, BATCH))
tensors["reals"], tensors["noise"] = reals, noise
CASES = {"projection": dict(projection=True), "auxiliary": dict(auxiliary=True), "both": dict(projection=True, auxiliary=True, r1=True),
         "spectral": dict(projection=True, auxiliary=True, r1=True, spectral=True), "san": dict(auxiliary=True, san=True),
         "all": dict(auxiliary=True, r1=True, spectral=True, san=True)}
for name, case in CASES.items():
    torch.manual_seed(1)  # of the power iterations' beginnings
    pair = Pair(**case)
    losses[name] = []
    for p, sn in pair.norms.items():
        tensors["%s.u.%s" % (name, p)], tensors["%s.v.%s" % (name, p)] = sn._u.numpy().copy(), sn._v.numpy().copy()
    for net in "gd":
        for p, at, key in pair.parameters(net):
            tensors["%s.%s.%s" % (name, net, p)] = at[key].detach().numpy()
    for step in range(2):
        y, x = torch.tensor(labels[step]), torch.tensor(reals[step], requires_grad=True)
        pair.normalize()
        fakes = pair.draw(torch.tensor(noise[step]), y)
        (real, real_class, real_along), (fake, fake_class, fake_along) = pair.judge(x, y), pair.judge(fakes, y)
        bce, ones = F.binary_cross_entropy_with_logits, torch.ones(BATCH, dtype=torch.float64)
        g, d = bce(fake, ones), bce(real, ones) + bce(fake, 0 * ones)
        parts = [g.item(), d.item(), 0, 0, 0]
        total_g, total_d = g, d
        if pair.auxiliary:
            class_real, class_fake = F.cross_entropy(real_class, y), F.cross_entropy(fake_class, y)
            parts[2:4] = class_real.item(), class_fake.item()
            total_g, total_d = g + WEIGHT * class_fake, d + WEIGHT * class_real
        if pair.r1:
            (dx,) = torch.autograd.grad(real.sum(), x, create_graph=True)
            penalty = R1 / 2 * (dx**2).sum() / BATCH
            parts[4] = penalty.item()
            total_d = total_d + penalty
        if pair.san:
            total_d = total_d + fake_along - real_along
        losses[name].append(parts)
        updates = []
        for net, total in (("g", total_g), ("d", total_d)):
            list_ = [q for q in pair.parameters(net) if q[1][q[2]].requires_grad]
            grads = torch.autograd.grad(total, [at[key] for _, at, key in list_], retain_graph=True, allow_unused=True)
            for (p, at, key), grad in zip(list_, grads):
                if step == 0:
                    tensors["%s.%s.%s.grad" % (name, net, p)] = grad.numpy()
                updates.append((at, key, at[key].detach() - RATE * grad))
        for at, key, value in updates:
            at[key] = value.requires_grad_()
        if pair.san:
            w = pair.extra["w"].detach()
            pair.extra["w"] = (w / torch.sqrt((w**2).sum())).requires_grad_()
names = {case: {net: [t[len(case) + 3:] for t in tensors if t.startswith("%s.%s." % (case, net)) and not t.endswith(".grad")] for net in "gd"} for case in losses}
path = os.path.join(HERE, "heads.oracle")
write(path, tensors, dict(batch=BATCH, latent=LATENT, width=WIDTH, embed=EMBED, classes=CLASSES, rate=RATE, weight=WEIGHT, r1=R1,
                          labels=labels.tolist(), losses=losses, names=names))
print(os.path.getsize(path), "bytes", losses)
