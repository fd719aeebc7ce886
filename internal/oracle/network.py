"""gantiny's layers in PyTorch float64, for the oracle scripts of packages model and train.

Activations are (n, h, w, c), vectors (n, 1, 1, features), weights as gantiny stores them; gradients come from autograd.
Statistics, padding and the random numbers of dropout are worked out here from their definitions, none by gantiny.
"""
import numpy as np
import torch
import torch.nn.functional as F

M32 = 0xFFFFFFFF


def philox(key, ctr):
    """Philox4x32-10 of Salmon et al., SC 2011."""
    k0, k1 = key
    c = list(ctr)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k0, b & M32, (a >> 32) ^ c[3] ^ k1, a & M32]
        k0, k1 = (k0 + 0x9E3779B9) & M32, (k1 + 0xBB67AE85) & M32
    return c


# The published known answer, so that a slip here cannot agree with one there.
assert philox((0xA4093822, 0x299F31D0), (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)) == [
    0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def subkey(key, i):
    return tuple(philox(key, (i & M32, i >> 32, 0, M32))[:2])


def dropout_key(seed, step, layer):
    """model.DropoutKey; 5 is the domain rng.Dropout."""
    return subkey(subkey(subkey((seed & M32, seed >> 32), 5), layer), step)


def mix(k0, k1, i):
    """lowbias32 of C. Wellons, with a key added before and between its two multiplications, of an array of uint64."""
    k0, k1, mask, sixteen, fifteen = np.array([k0, k1, M32, 16, 15], np.uint64)
    h = (i + k0) & mask
    h = ((h ^ h >> sixteen) * np.uint64(0x7FEB352D) & mask) ^ k1
    h = (h ^ h >> fifteen) * np.uint64(0x846CA68B) & mask
    return h ^ h >> sixteen


def hash32(key, i):
    """simd.Hash32 of an array of indices."""
    golden, a, b = np.array([[0x9E3779B9], [key[0]], [key[1]]], np.uint64)
    u = mix(golden[0], 0, a)[0]
    k1 = mix(u, 0, b)[0]
    return mix(mix(k1, u, golden)[0], k1, i)


def dropout_mask(key, rate, shape):
    """1 where the value stays, for an (n, h, w, c) activation; the mask's order is (h, w, n, c)."""
    n, h, w, c = shape
    index = np.arange(n * h * w * c, dtype=np.uint64).reshape(h, w, n, c)
    return torch.tensor((hash32(key, index) < (1 - rate) * 2.0**32).astype(np.float64).transpose(2, 0, 1, 3))


def same(size, k, s, d):
    total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
    return total // 2, total - total // 2


class Layer:
    def __init__(self, kind, **a):
        self.kind, self.a = kind, a

    def shapes(self, shape):
        """(name, shape, trainable) of each parameter for an (h, w, c) input."""
        a, k = self.a, self.kind
        h, w, c = shape
        p = []
        if k == "dense":
            p = [("weight", (h * w * c, a["units"]), True)]
            co = a["units"]
        elif k in ("conv2d", "convtranspose2d"):
            co = a["filters"]
            p = [("weight", tuple(a["kernel"]) + (c // a.get("groups", 1), co), True)]
        elif k == "batchnorm":
            return [("gamma", (c,), True), ("beta", (c,), True), ("moving_mean", (c,), False), ("moving_variance", (c,), False)]
        return p + [("bias", (co,), True)] if a.get("bias") else p

    def run(self, x, p, training, key):
        """The layer's output; p holds its parameters, the moving statistics of which training replaces."""
        a, k = self.a, self.kind
        n, h, w, c = x.shape
        if k == "dense":
            y = (x.reshape(n, -1) @ p["weight"]).reshape(n, 1, 1, -1)
            return y + p["bias"] if "bias" in p else y
        if k in ("conv2d", "convtranspose2d"):
            y = self.convolve(x, p["weight"])
            return y + p["bias"] if "bias" in p else y
        if k == "batchnorm":
            mean, var = p["moving_mean"], p["moving_variance"]
            if training:
                flat = x.reshape(-1, c)
                mean = flat.sum(0) / len(flat)
                var = ((flat - mean) ** 2).sum(0) / len(flat)  # biased
                for name, batch in (("moving_mean", mean), ("moving_variance", var)):
                    p[name] = a["momentum"] * p[name] + (1 - a["momentum"]) * batch.detach()
            return p["gamma"] * (x - mean) / torch.sqrt(var + a["epsilon"]) + p["beta"]
        if k in ("leakyrelu", "relu"):
            # Nothing may lie so close to the kink that float32 might see it on the other side.
            assert x.detach().abs().min() > 1e-8 * x.detach().abs().max(), "an activation is at the kink: take other numbers"
            return torch.where(x > 0, x, a.get("slope", 0) * x)
        if k == "tanh":
            return torch.tanh(x)
        if k == "sigmoid":
            return torch.sigmoid(x)
        if k == "dropout":
            return x * dropout_mask(key, a["rate"], x.shape) / (1 - a["rate"]) if training else x
        if k == "reshape":
            return x.reshape(n, a["h"], a["w"], a["c"])
        if k == "flatten":
            return x.reshape(n, 1, 1, -1)
        raise ValueError(k)

    def convolve(self, x, wt):
        a = self.a
        (kh, kw), (sh, sw), (dh, dw), g = a["kernel"], a.get("stride", (1, 1)), a.get("dilation", (1, 1)), a.get("groups", 1)
        n, h, w, _ = x.shape
        t, b, l, r = a.get("pad", (0, 0, 0, 0))
        oh, ow = a.get("outpad", (0, 0))
        x = x.permute(0, 3, 1, 2)
        if self.kind == "conv2d":
            if a.get("same"):
                t, b, l, r = same(h, kh, sh, dh) + same(w, kw, sw, dw)
            wt = wt.permute(3, 2, 0, 1).contiguous()
            y = F.conv2d(F.pad(x, (l, r, t, b)), wt, stride=(sh, sw), dilation=(dh, dw), groups=g)
        else:
            if a.get("same"):
                t, b, l, r = same(h * sh, kh, sh, dh) + same(w * sw, kw, sw, dw)
            wt = torch.cat([q.permute(2, 3, 0, 1) for q in wt.split(wt.shape[3] // g, dim=3)], dim=0).contiguous()
            y = F.conv_transpose2d(x, wt, stride=(sh, sw), dilation=(dh, dw), groups=g)
            y = F.pad(y, (0, ow, 0, oh))
            y = y[:, :, t:y.shape[2] - b, l:y.shape[3] - r]
        return y.permute(0, 2, 3, 1)


class Network:
    """A chain of layers. params: "<kind><index>.<name>" -> tensor; those in trainable have gradients."""

    def __init__(self, shape, layers):
        self.layers, self.params, self.trainable = layers, {}, []
        x = torch.zeros((1,) + tuple(shape), dtype=torch.float64)
        for i, l in enumerate(layers):
            own = {}
            for name, dims, trains in l.shapes(x.shape[1:]):
                full = "%s%d.%s" % (l.kind, i, name)
                own[name] = self.params[full] = torch.zeros(dims, dtype=torch.float64)
                if trains:
                    self.trainable.append(full)
            if l.kind not in ("leakyrelu", "relu"):
                x = l.run(x, own, False, None)

    def set(self, name, value):
        assert self.params[name].shape == value.shape, name
        self.params[name] = torch.tensor(np.asarray(value, np.float64), requires_grad=name in self.trainable)

    def run(self, x, training, seed=0, step=0):
        for i, l in enumerate(self.layers):
            head = "%s%d." % (l.kind, i)
            own = {k[len(head):]: v for k, v in self.params.items() if k.startswith(head)}
            x = l.run(x, own, training, dropout_key(seed, step, i))
            for name in own:  # the moving statistics may have changed
                self.params[head + name] = own[name]
        return x
