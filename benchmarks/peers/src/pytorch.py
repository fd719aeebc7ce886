"""The reference networks in PyTorch on the CPU.

    python3 pytorch.py generate|train BATCH THREADS
    python3 pytorch.py export FILE.onnx            the generator for onnxruntime.js

Talks with benchmarks/peers by lines: "ready NAME", then for each line "SECONDS" a line "MILLISECONDS RUNS".
The step is the usual PyTorch one, two passes over the fakes. Random weights; needs torch (Debian: python3-torch, and
python3-onnx for export).
"""
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(100, 7 * 7 * 256, bias=False)
        self.norm0 = nn.BatchNorm1d(7 * 7 * 256, eps=1e-3, momentum=0.01)
        self.convt1 = nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False)
        self.norm1 = nn.BatchNorm2d(128, eps=1e-3, momentum=0.01)
        self.convt2 = nn.ConvTranspose2d(128, 64, 5, 2, 2, output_padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(64, eps=1e-3, momentum=0.01)
        self.convt3 = nn.ConvTranspose2d(64, 1, 5, 2, 2, output_padding=1, bias=False)

    def forward(self, z):
        x = F.leaky_relu(self.norm0(self.dense(z)), 0.3).view(-1, 256, 7, 7)
        x = F.leaky_relu(self.norm1(self.convt1(x)), 0.3)
        x = F.leaky_relu(self.norm2(self.convt2(x)), 0.3)
        return torch.tanh(self.convt3(x))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 5, 2, 2)
        self.conv2 = nn.Conv2d(64, 128, 5, 2, 2)
        self.dense = nn.Linear(7 * 7 * 128, 1)

    def forward(self, x):
        x = F.dropout(F.leaky_relu(self.conv1(x), 0.3), 0.3, self.training)
        x = F.dropout(F.leaky_relu(self.conv2(x), 0.3), 0.3, self.training)
        return self.dense(x.flatten(1))


def generating(batch):
    g = Generator().eval()
    z = torch.randn(batch, 100)

    def run():
        with torch.inference_mode():
            g(z)

    return run


def training(batch):
    g, d = Generator(), Discriminator()
    adam_g = torch.optim.Adam(g.parameters(), 1e-4, eps=1e-7)
    adam_d = torch.optim.Adam(d.parameters(), 1e-4, eps=1e-7)
    bce = nn.BCEWithLogitsLoss()
    reals = torch.rand(batch, 1, 28, 28) * 2 - 1
    ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)

    def step():
        fakes = g(torch.randn(batch, 100))
        adam_d.zero_grad()
        (bce(d(reals), ones) + bce(d(fakes.detach()), zeros)).backward()
        adam_d.step()
        adam_g.zero_grad()
        bce(d(fakes), ones).backward()
        adam_g.step()

    return step


def main():
    torch.manual_seed(0)
    if sys.argv[1] == "export":
        torch.onnx.export(Generator().eval(), torch.randn(1, 100), sys.argv[2], opset_version=13,
                          input_names=["z"], output_names=["image"],
                          dynamic_axes={"z": {0: "n"}, "image": {0: "n"}})
        return
    what, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    run = {"generate": generating, "train": training}[what](batch)
    run()
    print("ready PyTorch", torch.__version__, flush=True)
    for line in sys.stdin:
        seconds, times = float(line), []
        begin = at = time.perf_counter()
        while not times or at - begin < seconds:
            run()
            end = time.perf_counter()
            times.append(end - at)
            at = end
        times.sort()
        print("%.6f %d" % (times[(len(times) - 1) // 2] * 1e3, len(times)), flush=True)


main()
