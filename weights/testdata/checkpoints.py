"""Small networks' weights as PyTorch and NumPy save them, with inputs and outputs.

    python3 checkpoints.py        writes *.pth, *.npz, *.safetensors and checkpoints.oracle beside itself

For each file NAME.EXT the oracle holds NAME.z, NAME.label where there are classes, and NAME.out, which
PyTorch computes in float64 of the weights as they are saved: (N, H, W, C). Needs PyTorch (Debian: python3-torch).
"""
import json
import os
import struct
import sys
from collections import OrderedDict

import numpy as np
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "internal", "oracle"))
from write import write  # noqa: E402

TENSORS, CASES = {}, []


def randomise(net, seed):
    torch.manual_seed(seed)
    for name, p in net.named_parameters():
        fan = max(1, p[0].numel()) if p.dim() > 1 else 1
        p.data = torch.randn_like(p) * (1.5 / fan ** 0.5 if p.dim() > 1 else 0.3)
        if p.dim() == 1 and name.endswith("weight"):
            p.data += 1
    for name, b in net.named_buffers():
        if name.endswith("running_mean"):
            b.data = torch.randn_like(b) * 0.2
        elif name.endswith("running_var"):
            b.data = torch.rand_like(b) + 0.5
    return net


def run(file, net, latent, classes=0):
    net = net.double().eval()
    z = torch.randn(3, latent).float().double()
    TENSORS[file + ".z"] = z.numpy()
    with torch.no_grad():
        if classes:
            label = torch.arange(3) % classes
            TENSORS[file + ".label"] = label.numpy().astype(np.uint32)
            y = net(z, label)
        else:
            y = net(z)
    TENSORS[file + ".out"] = y.permute(0, 2, 3, 1).contiguous().numpy()
    CASES.append(file)


def save(file, state, old=False):
    torch.save(state, os.path.join(HERE, file), _use_new_zipfile_serialization=not old)


class DCGAN(nn.Module):
    """The generator of PyTorch's tutorial, narrow and of 32 rows."""

    def __init__(self, nz=6, f=4, nc=3):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, f * 4, 4, 1, 0, bias=False), nn.BatchNorm2d(f * 4), nn.ReLU(True),
            nn.ConvTranspose2d(f * 4, f * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(f * 2), nn.ReLU(True),
            nn.ConvTranspose2d(f * 2, f, 4, 2, 1, bias=False), nn.BatchNorm2d(f), nn.ReLU(True),
            nn.ConvTranspose2d(f, nc, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, z):
        return self.main(z[:, :, None, None])


class Linear(nn.Module):
    """A linear layer first, an odd kernel, a convolution at the end."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(5, 3 * 3 * 8), nn.BatchNorm1d(3 * 3 * 8), nn.ReLU(), nn.Unflatten(1, (8, 3, 3)),
            nn.ConvTranspose2d(8, 6, 3, 2, 1, 0), nn.BatchNorm2d(6), nn.ReLU(),
            nn.ConvTranspose2d(6, 4, 5, 2, 2, 1), nn.BatchNorm2d(4), nn.ReLU(),
            nn.Conv2d(4, 1, 3, 1, 1), nn.Tanh())

    def forward(self, z):
        return self.net(z)


class Upsampling(nn.Module):
    """As in PyTorch-GAN, with a class."""

    def __init__(self):
        super().__init__()
        self.label_emb = nn.Embedding(4, 3)
        self.l1 = nn.Sequential(nn.Linear(8, 6 * 2 * 2))
        self.conv_blocks = nn.Sequential(
            nn.BatchNorm2d(6), nn.Upsample(scale_factor=2), nn.Conv2d(6, 6, 3, stride=1, padding=1), nn.BatchNorm2d(6, 0.8), nn.LeakyReLU(0.2, inplace=True),
            nn.Upsample(scale_factor=2), nn.Conv2d(6, 4, 3, stride=1, padding=1), nn.BatchNorm2d(4, 0.8), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(4, 1, 3, stride=1, padding=1), nn.Tanh())

    def forward(self, z, label):
        y = self.l1(torch.cat((z, self.label_emb(label)), -1))
        return self.conv_blocks(y.view(-1, 6, 2, 2))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(4, 10), nn.LeakyReLU(0.2), nn.Linear(10, 3 * 4 * 4), nn.Tanh())

    def forward(self, z):
        return self.model(z).view(-1, 3, 4, 4)


def course():
    """As in a course that many have taken: no padding anywhere."""
    def block(i, o, k=3, s=2):
        return nn.Sequential(nn.ConvTranspose2d(i, o, k, s), nn.BatchNorm2d(o), nn.ReLU())
    return nn.Sequential(nn.Unflatten(1, (6, 1, 1)), block(6, 8), block(8, 6, 4, 1), block(6, 4), nn.Sequential(nn.ConvTranspose2d(4, 1, 4, 2), nn.Tanh()))


def before():
    """Activations before the normalizations."""
    return nn.Sequential(nn.Linear(4, 6), nn.LeakyReLU(0.2), nn.BatchNorm1d(6), nn.Linear(6, 9), nn.LeakyReLU(0.2), nn.BatchNorm1d(9), nn.Linear(9, 16), nn.Tanh(),
                         nn.Unflatten(1, (1, 4, 4)))


class Branched(nn.Module):
    """A network of no family: see branched.toml."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4 * 3 * 3)
        self.act = nn.PReLU()
        self.up = nn.ConvTranspose2d(4, 6, 4, 2, 1, groups=2)
        self.norm = nn.InstanceNorm2d(6, affine=True)
        self.mid = nn.Conv2d(6, 6, 3, 1, 1, groups=3)
        self.slopes = nn.PReLU(6)
        self.bn = nn.BatchNorm2d(6, affine=False)
        self.squeeze = nn.Linear(6 * 6 * 6, 6)
        self.out = nn.Conv2d(6, 2, 1)

    def forward(self, z):
        y = self.act(self.fc(z)).view(-1, 4, 3, 3)
        y = self.norm(self.up(y))
        x = self.slopes(self.mid(y))
        y = self.bn(x + y)
        gate = torch.sigmoid(self.squeeze(torch.flatten(y, 1)))
        return torch.tanh(self.out(y * gate[:, :, None, None]))


def safetensors(file, state, kind):
    """Writes a file with elements of 16 or 64 bits, which gantiny's own files do not have."""
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, v in state.items():
        if v.dtype.is_floating_point:
            raw = {"BF16": lambda: v.bfloat16().view(torch.int16), "F64": lambda: v.double()}[kind]().numpy().tobytes()
            t = kind
        else:
            raw, t = v.numpy().tobytes(), "I64"
        header[name] = {"dtype": t, "shape": list(v.shape), "data_offsets": [at, at + len(raw)]}
        blobs.append(raw)
        at += len(raw)
    head = json.dumps(header).encode()
    with open(os.path.join(HERE, file), "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + b"".join(blobs))


net = randomise(DCGAN(), 1)
save("dcgan.pth", net.state_dict())
rounded = DCGAN()
rounded.load_state_dict({k: v.bfloat16().to(v.dtype) if v.dtype.is_floating_point else v for k, v in net.state_dict().items()})
safetensors("dcgan_bf16.safetensors", net.state_dict(), "BF16")
safetensors("dcgan_f64.safetensors", net.state_dict(), "F64")
run("dcgan.pth", net, 6)
run("dcgan_bf16.safetensors", rounded, 6)
run("dcgan_f64.safetensors", net, 6)

net = randomise(DCGAN(), 2)
other = randomise(nn.Sequential(nn.Conv2d(3, 2, 4)), 3)
adam = torch.optim.Adam(net.parameters())
sum(p.sum() for p in net.parameters()).backward()
adam.step()
parallel = OrderedDict(("module." + k, v) for k, v in net.state_dict().items())
save("dcgan_old.pth", {"epoch": 3, "generator": parallel, "discriminator": other.state_dict(), "optimizer": adam.state_dict(), "loss": 0.5}, old=True)
run("dcgan_old.pth", net, 6)

net = randomise(Linear(), 4).half().float()
state = {k: v.half() if v.dtype.is_floating_point else v for k, v in net.state_dict().items()}
state["net.0.weight"] = state["net.0.weight"].t().contiguous().t()  # with strides of its own
save("linear.pth", state)
run("linear.pth", net, 5)

net = randomise(Upsampling(), 5)
save("upsampling.pth", net.state_dict())
run("upsampling.pth", net, 5, classes=4)

net = randomise(MLP(), 6)
arrays = {k: v.numpy() for k, v in net.state_dict().items()}
np.savez(os.path.join(HERE, "mlp.npz"), **arrays)
np.savez_compressed(os.path.join(HERE, "mlp_packed.npz"), **{k: np.asfortranarray(v) for k, v in arrays.items()})
run("mlp.npz", net, 4)
CASES.append("mlp_packed.npz")
for part in ("z", "out"):
    TENSORS["mlp_packed.npz." + part] = TENSORS["mlp.npz." + part]

net = randomise(course(), 8)
save("dc_course.pth", net.state_dict())
run("dc_course.pth", net, 6)

net = randomise(before(), 9)
save("ml_before.pth", net)  # the module itself, not its state
run("ml_before.pth", net, 4)

net = randomise(Branched(), 7)
save("branched.pth", net.state_dict())
run("branched.pth", net, 4)

write(os.path.join(HERE, "checkpoints.oracle"), TENSORS, {"cases": CASES, "script": "weights/testdata/checkpoints.py"})
