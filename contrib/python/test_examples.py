"""The examples of README.md, run against the program: python3 -m unittest, in this folder.

GANTINY names the program, "gantiny" if it is not set. Needs numpy and PyTorch (Debian:
python3-numpy, python3-torch).
"""
import json
import os
import subprocess
import tempfile
import unittest

import numpy as np
import torch
from torch import nn

from gantiny_files import read_model, to_uint8
from gantiny_torch import load

GANTINY = os.environ.get("GANTINY", "gantiny")
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "model", "pretrained", "float", "generator.safetensors")


def gantiny(*args):
    done = subprocess.run([GANTINY, *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stdout.decode()


class Generator(nn.Module):
    """A small DCGAN, as one might have trained it in PyTorch."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.ConvTranspose2d(20, 16, 4, 1, 0, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh())

    def forward(self, z):
        return self.net(z.view(-1, 20, 1, 1))


class Examples(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = lambda name: os.path.join(self.folder.name, name)
        torch.manual_seed(1)

    def test_torch_to_gantiny_to_torch(self):
        net = Generator()
        for m in net.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.running_mean.normal_()
                m.running_var.uniform_(0.5, 2)
        net.eval()
        torch.onnx.export(net, torch.zeros(1, 20), self.path("g.onnx"), input_names=["z"], output_names=["image"], dynamic_axes={"z": {0: "N"}, "image": {0: "N"}})
        z = torch.randn(6, 20)
        np.save(self.path("z.npy"), z.numpy())
        gantiny("import", self.path("g.onnx"), "-o", self.path("g.safetensors"))
        gantiny("generate", self.path("g.safetensors"), "--latents", self.path("z.npy"), "-o", self.path("out.npy"))
        pictures = torch.from_numpy(np.load(self.path("out.npy"))).permute(0, 3, 1, 2)
        with torch.no_grad():
            self.assertLess((pictures - net(z)).abs().max().item(), 1e-4)

    def test_model_in_torch(self):
        net = load(MODEL)
        z = torch.randn(5, 100)
        np.save(self.path("z.npy"), z.numpy())
        gantiny("generate", MODEL, "--float", "--latents", self.path("z.npy"), "-o", self.path("out.npy"))
        pictures = torch.from_numpy(np.load(self.path("out.npy"))).permute(0, 3, 1, 2)
        with torch.no_grad():
            self.assertLess((pictures - net(z)).abs().max().item(), 1e-4)

    def test_npy(self):
        report = json.loads(gantiny("generate", "-n", "4", "--seed", "3", "-o", self.path("out.npy"), "--json"))
        pixels = to_uint8(np.load(self.path("out.npy")))
        self.assertEqual(pixels.shape, (4, 28, 28, 1))
        import hashlib
        self.assertEqual(hashlib.sha256(pixels.tobytes()).hexdigest(), report["pixels_sha256"])

    def test_npz(self):
        gantiny("export", MODEL, "--float", "-o", self.path("w.npz"), "--compress")
        _, weights = read_model(MODEL)
        with np.load(self.path("w.npz")) as w:
            self.assertEqual(sorted(w), sorted(weights))
            for name, x in weights.items():
                np.testing.assert_array_equal(w[name], x)

    def test_graphs_that_are_no_chain(self):
        with self.assertRaisesRegex(ValueError, "gantiny export"):
            load_description({"layers": [{"kind": "mish"}]})


def load_description(graph):
    from gantiny_torch import layer
    return [layer(d, None) for d in graph["layers"]]


if __name__ == "__main__":
    unittest.main()
