"""What a run of gantiny has and PyTorch has not: its random numbers, its files, and BatchNorm over the batch
of all processes. train_ddp.py, beside this file, imports it; nothing here depends on the networks.
"""
import json
import os
import socket
import struct
import sys

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.parallel import DistributedDataParallel

# Random numbers. Each is a function of the seed, of what it is for, and of a counter: Philox4x32-10 (Salmon
# et al. 2011). So batches, noise and dropout are those of gantiny, however many processes share a step.

NOISE, SHUFFLE, DROPOUT, PENALTY = 2, 4, 5, 7
WORD = 0xFFFFFFFF


def philox(key, counter):
    """The four words at each counter: four numbers, or arrays of them."""
    c = [np.asarray(x, np.uint64) for x in counter]
    k0, k1 = key
    low, half = np.uint64(WORD), np.uint64(32)
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> half) ^ c[1] ^ np.uint64(k0), b & low, (a >> half) ^ c[3] ^ np.uint64(k1), a & low]
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return c


def subkey(key, i):
    """The i-th key below a key."""
    words = philox(key, (i & WORD, i >> 32, 0, WORD))
    return int(words[0]), int(words[1])


def seedkey(seed, use):
    return subkey((seed & WORD, seed >> 32), use)


def words(key, items, count):
    """An array (items, count) of the first words of each item."""
    blocks = philox(key, (np.arange((count + 3) // 4)[None, :], np.asarray(items)[:, None], 0, 0))
    return np.stack(blocks, -1).reshape(len(items), -1)[:, :count]


def normal(w):
    """Standard normal numbers: the inverse of the distribution function at the middle of each word's interval."""
    return torch.special.ndtri((torch.from_numpy(w.astype(np.float64)) + 0.5) / 2**32).float()


def uniform(w):
    return torch.from_numpy((w >> np.uint64(8)).astype(np.float32)) / 2**24


def permutation(n, key):
    """An order of n images: Fisher and Yates with numbers below a bound, some rejected to be fair (Lemire 2019)."""
    def stream(size=4096):
        for at in range(0, 1 << 62, size):
            yield from np.stack(philox(key, (np.arange(at, at + size), 0, 0, 0)), -1).reshape(-1).tolist()

    source, order = stream(), [0] * n
    for i in range(n):
        product = next(source) * (i + 1)
        if product & WORD <= i:
            while product & WORD < (2**32 - i - 1) % (i + 1):
                product = next(source) * (i + 1)
        j = product >> 32
        order[i] = order[j]
        order[j] = i
    return np.array(order)


def hashed(k0, k1, i):
    """32 mixed bits of each i, an int or a tensor of int64, whose products may wrap round."""
    h = (i + k0) & WORD
    h = (((h ^ h >> 16) * 0x7FEB352D) & WORD) ^ k1
    h = ((h ^ h >> 15) * 0x846CA68B) & WORD
    return h ^ h >> 16


class Drop:
    """The dropout of one step, for this process's images of a batch."""

    def __init__(self, seed, step, batch, images):
        self.key, self.step, self.batch, self.images = seedkey(seed, DROPOUT), step, batch, images

    def __call__(self, layer, rate, x):
        key = subkey(subkey(self.key, layer), self.step)
        u = hashed(0x9E3779B9, 0, key[0])
        k1 = hashed(u, 0, key[1])
        k0 = hashed(k1, u, 0x9E3779B9)
        n, c = x.shape[:2]
        place = torch.arange(x[0, 0].numel(), device=x.device).view(1, 1, *x.shape[2:])
        shape = (-1, 1) + (1,) * (x.dim() - 2)
        channel = torch.arange(c, device=x.device).view(1, *shape[:1], *shape[2:])
        image = self.images.to(x.device).view(shape)
        keep = hashed(k0, k1, ((place * self.batch + image) * c + channel) & WORD) < int(min((1 - rate) * 2**32, WORD))
        return x * keep * (1 / (1 - rate))


# Layers.


class BatchNorm(nn.Module):
    """Batch normalization over the batch of all processes, whose parts are equal; both networks' steps then
    are those of one process. The moving variance follows the biased one, as gantiny's and Keras' does and
    nn.SyncBatchNorm's does not. With classes, each has its own gamma and beta."""

    def __init__(self, channels, epsilon, momentum, classes=None):
        super().__init__()
        shape = (channels,) if classes is None else (classes, channels)
        self.epsilon, self.momentum = epsilon, momentum
        self.gamma, self.beta = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.zeros(shape))
        self.register_buffer("moving_mean", torch.zeros(channels))
        self.register_buffer("moving_variance", torch.ones(channels))

    def forward(self, x, classes=None):
        channels = (-1, x.shape[1]) + (1,) * (x.dim() - 2)
        if self.training:
            dims, parts = [0, *range(2, x.dim())], dist.get_world_size()
            mean = all_reduce(x.mean(dims)) / parts
            variance = all_reduce((x - mean.view(channels)).square().mean(dims)) / parts
            with torch.no_grad():
                self.moving_mean.mul_(self.momentum).add_(mean, alpha=1 - self.momentum)
                self.moving_variance.mul_(self.momentum).add_(variance, alpha=1 - self.momentum)
        else:
            mean, variance = self.moving_mean, self.moving_variance
        gamma, beta = (self.gamma, self.beta) if classes is None else (self.gamma[classes], self.beta[classes])
        y = (x - mean.view(channels)) * (variance + self.epsilon).rsqrt().view(channels)
        return y * gamma.view(channels) + beta.view(channels)


class GroupNorm(nn.Module):
    """Normalization of each image by groups of channels, one or more."""

    def __init__(self, groups, channels, epsilon):
        super().__init__()
        self.groups, self.epsilon = groups, epsilon
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return F.group_norm(x, self.groups, self.gamma, self.beta, self.epsilon)


class LayerNorm(nn.Module):
    """Normalization of each image over all features, whose parameters have the channels last."""

    def __init__(self, shape, epsilon):
        super().__init__()
        self.shape, self.epsilon = shape, epsilon
        n = int(np.prod(shape))
        self.gamma, self.beta = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))

    def forward(self, x):
        if x.dim() == 2:
            return F.layer_norm(x, self.shape, self.gamma, self.beta, self.epsilon)
        y = F.layer_norm(x.permute(0, 2, 3, 1), self.shape, self.gamma.view(self.shape), self.beta.view(self.shape), self.epsilon)
        return y.permute(0, 3, 1, 2)


class PReLU(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.slope = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x):
        return F.prelu(x, self.slope)


# Files: .safetensors, with the names and the layouts of gantiny.


def read(path):
    """The metadata and the arrays of float32 of a file."""
    try:
        with open(path, "rb") as f:
            (size,) = struct.unpack("<Q", f.read(8))
            header = json.loads(f.read(size))
            data = f.read()
        metadata, arrays = header.pop("__metadata__"), {}
        for name, t in header.items():
            begin, end = t["data_offsets"]
            arrays[name] = np.frombuffer(data[begin:end], "<f4").reshape(t["shape"])
    except (ValueError, KeyError, struct.error) as e:
        raise SystemExit(f"{path}: no whole .safetensors file: {e}")
    return metadata, arrays


def write(path, metadata, arrays):
    """Writes a file in one piece. The checksums of the one before would be wrong; a file may do without."""
    header, at = {"__metadata__": {k: v for k, v in metadata.items() if k != "crc32c"}}, 0
    for name, x in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [at, at + x.nbytes]}
        at += x.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    try:
        with open(path + ".new", "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text)
            for x in arrays.values():
                f.write(np.ascontiguousarray(x, "<f4").tobytes())
            f.flush()
            os.fsync(f.fileno())
        os.replace(path + ".new", path)
    except OSError:
        if os.path.exists(path + ".new"):
            os.remove(path + ".new")  # a full disk has use for the place
        raise


def to_torch(layer, w):
    """A weight in gantiny's layout, or what the optimizer keeps of one, in that of its PyTorch layer."""
    if isinstance(layer, nn.Linear) and w.dim() == 2:  # (in, out)
        w = w.t()
    elif isinstance(layer, nn.Conv2d) and w.dim() == 4:  # (rows, columns, in, out)
        w = w.permute(3, 2, 0, 1)
    elif isinstance(layer, nn.ConvTranspose2d) and w.dim() == 4:
        h, v, i, o = w.shape
        w = w.reshape(h, v, i, layer.groups, -1).permute(3, 2, 4, 0, 1).reshape(layer.in_channels, -1, h, v)
    return w.contiguous()


def to_gantiny(layer, w):
    """The inverse."""
    if isinstance(layer, nn.Linear) and w.dim() == 2:
        w = w.t()
    elif isinstance(layer, nn.Conv2d) and w.dim() == 4:
        w = w.permute(2, 3, 1, 0)
    elif isinstance(layer, nn.ConvTranspose2d) and w.dim() == 4:
        i, o, h, v = w.shape
        w = w.reshape(layer.groups, -1, o, h, v).permute(3, 4, 1, 0, 2).reshape(h, v, i // layer.groups, -1)
    return w.contiguous()


class Network:
    """One of the run's networks: its module, that under DistributedDataParallel, and the optimizer's state."""

    def __init__(self, name, module, keeps, rate, updates, arrays, device):
        self.name, self.module, self.keeps, self.rate, self.updates = name, module.to(device), keeps, rate, updates
        self.values = {}  # by gantiny's names: the layer and its parameter or buffer
        for path, x in [*module.named_parameters(), *module.named_buffers()]:
            layer, _, role = path.rpartition(".")
            self.values[module.NAMES.get(layer, layer) + "." + role] = module.get_submodule(layer), x
        self.state = {}  # alike, of trained parameters: the layer and the arrays that the optimizer keeps
        with torch.no_grad():
            for key, (layer, x) in self.values.items():
                x.copy_(to_torch(layer, torch.from_numpy(arrays[f"{name}.{key}"].copy())))
                if x.requires_grad:
                    kept = [torch.from_numpy(arrays[f"{keep}.{name}.{key}"].copy()) for keep in keeps]
                    self.state[key] = layer, x, [to_torch(layer, a).to(device) for a in kept]
        self.ddp = DistributedDataParallel(self.module, broadcast_buffers=False)  # which are alike everywhere

    @torch.no_grad()
    def update(self, rule, rate, clip=0):
        """Follows the gradients, which DistributedDataParallel has made the mean over the processes."""
        self.updates += 1
        if clip > 0:
            nn.utils.clip_grad_norm_(self.module.parameters(), clip)
        for _, w, kept in self.state.values():
            rule(w, w.grad, *kept, self.updates, rate)
            w.grad = None

    def arrays(self):
        """What a checkpoint holds of it."""
        values = {f"{self.name}.{key}": to_gantiny(layer, x) for key, (layer, x) in self.values.items()}
        for key, (layer, _, kept) in self.state.items():
            values.update({f"{keep}.{self.name}.{key}": to_gantiny(layer, a) for keep, a in zip(self.keeps, kept)})
        return {key: x.detach().cpu().numpy() for key, x in values.items()}


class Average:
    """The moving average of a network, in which the weight of a step halves every half images."""

    def __init__(self, network, half, batch, arrays):
        self.network, self.keep = network, float(np.float32(0.5 ** (batch / half)))
        self.values = {k: to_torch(l, torch.from_numpy(arrays["ema." + k].copy())).to(x.device) for k, (l, x) in network.values.items()}

    @torch.no_grad()
    def follow(self):
        for key, (_, x) in self.network.values.items():
            self.values[key].mul_(self.keep).add_(x, alpha=1 - self.keep)

    def arrays(self):
        return {"ema." + k: to_gantiny(l, self.values[k]).cpu().numpy() for k, (l, _) in self.network.values.items()}


class Run:
    """The run's folder and this process's share of its steps."""

    def __init__(self, folder, seed, batch, latent):
        self.cuda = torch.cuda.is_available()
        dist.init_process_group("nccl" if self.cuda else "gloo")
        rank, parts = dist.get_rank(), dist.get_world_size()
        if batch % parts:
            raise SystemExit(f"a batch of {batch} images cannot be shared out to {parts} processes alike")
        self.device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if self.cuda else torch.device("cpu")
        if self.cuda:
            torch.cuda.set_device(self.device)
        self.folder, self.seed, self.size, self.latent, self.first = folder, seed, batch, latent, rank == 0
        self.mine = np.arange(rank * batch // parts, (rank + 1) * batch // parts)  # of a batch
        self.images = np.load(os.path.join(folder, "images.npy"), mmap_mode="r")
        labels = os.path.join(folder, "labels.npy")
        self.labels = np.load(labels) if os.path.exists(labels) else None
        self.per_epoch, self.epoch = len(self.images) // batch, None
        self.metadata, self.arrays = read(os.path.join(folder, "checkpoint.safetensors"))
        self.header = json.loads(self.metadata["gantiny.train"])

    def batch(self, step):
        """This process's part of step's batch, from 1: images (N, C, H, W), noise, classes or None."""
        epoch, at = divmod(step - 1, self.per_epoch)
        if epoch != self.epoch:
            self.order, self.epoch = permutation(len(self.images), subkey(seedkey(self.seed, SHUFFLE), epoch)), epoch
        chosen = self.order[at * self.size + self.mine]
        pixels = torch.from_numpy(self.images[chosen]).to(self.device).permute(0, 3, 1, 2)
        noise = normal(words(subkey(seedkey(self.seed, NOISE), step), self.mine, self.latent))
        classes = None if self.labels is None else torch.from_numpy(self.labels[chosen].astype(np.int64)).to(self.device)
        return (pixels.float() - 127.5) / 127.5, noise.to(self.device), classes

    def drop(self, step, sides=1):
        """The dropout of a pass over a batch, or over two side by side: reals and fakes."""
        images = np.concatenate([side * self.size + self.mine for side in range(sides)])
        return Drop(self.seed, step, sides * self.size, torch.from_numpy(images))

    def between(self, step):
        """A number in [0, 1) for each of this process's images of the batch."""
        return uniform(words(subkey(seedkey(self.seed, PENALTY), step), [0], self.size)[0][self.mine]).view(-1, 1, 1, 1).to(self.device)

    def save(self, step, generator, discriminator, average=None):
        """Writes the checkpoint and the generator, which gantiny reads: train --resume, generate and the rest."""
        if not self.first:
            return
        header = dict(self.header, step=step, updates=[generator.updates, discriminator.updates])
        header["cursor"] = {"seed": self.seed, "epoch": step // self.per_epoch, "batch": step % self.per_epoch}
        header["meter"] = dict(header["meter"], sum={}, steps=0, seconds=0)
        arrays = {**generator.arrays(), **discriminator.arrays(), **(average.arrays() if average else {})}
        for name, x in arrays.items():
            if not np.isfinite(x).all():
                print(f"step {step}: {name} is not finite; the last checkpoint is as it was", file=sys.stderr, flush=True)
                os._exit(3)
        write(os.path.join(self.folder, "checkpoint.safetensors"), {"gantiny.train": json.dumps(header)}, {k: arrays[k] for k in self.arrays})
        path = os.path.join(self.folder, "generator.safetensors")
        metadata, old = read(path)
        about = json.loads(metadata["gantiny"])
        about["provenance"]["epochs"] = step // self.per_epoch
        metadata["gantiny"] = json.dumps(about)
        head = "ema." if average else "generator."
        write(path, metadata, {k: arrays[head + k] for k in old})

    def end(self, trouble=""):
        """Ends this process, not by Python's way: as gloo is taken down that may wait for itself for ever."""
        if trouble and self.first:
            print(trouble, file=sys.stderr)
        dist.barrier()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(3 if trouble else 0)


def count(text):
    """A whole number from 1, of the command line."""
    n = int(text)
    if n < 1:
        raise ValueError
    return n


def launch(work, processes):
    """Calls work, in so many processes of this machine unless torchrun has started this one."""
    if "RANK" in os.environ:
        return work()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    how = "fork" if sys.platform == "linux" else "spawn"  # which imports PyTorch again
    torch.multiprocessing.start_processes(begin, (work, processes, port), processes, start_method=how)


def begin(rank, work, processes, port):
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({k: str(v) for k, v in place.items()})
    torch.set_num_threads(max(1, os.cpu_count() // processes))
    work()


def mean(x):
    """A number's mean over the processes."""
    x = x.detach().clone()
    dist.all_reduce(x)
    return x.item() / dist.get_world_size()


def f32(x):
    """A number as float32 holds it, as gantiny's optimizers have theirs."""
    return float(np.float32(x))
