"""Holds modules to gantiny. FOLDER has operators.json, which names networks, and for each of them NAME.py (the
module's class and what it imports) and NAME.safetensors (inputs, parameters, and the outputs and gradients that
gantiny has). Prints what differs.

usage: operators.py FOLDER
"""
import importlib
import json
import os
import sys

import numpy as np
import torch
import torch.distributed as dist

folder = sys.argv[1]
sys.path.insert(0, folder)
sys.dont_write_bytecode = True
from gantiny_run import Drop, read, to_torch  # noqa: E402

os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="0")
dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)


def error(a, b):
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-6))


def nchw(x):
    return x if x.ndim == 2 else x.transpose(0, 3, 1, 2)


bad = 0
for job in json.load(open(os.path.join(folder, "operators.json"))):
    name = job["name"]
    _, arrays = read(os.path.join(folder, name + ".safetensors"))
    net = importlib.import_module(name).Net()
    for path, x in [*net.named_parameters(), *net.named_buffers()]:
        layer, _, role = path.rpartition(".")
        key = net.NAMES.get(layer, layer) + "." + role
        with torch.no_grad():
            x.copy_(to_torch(net.get_submodule(layer), torch.from_numpy(arrays["param." + key].copy())))
    x = torch.from_numpy(nchw(arrays["input"]).copy())
    classes = torch.from_numpy(arrays["classes"].astype(np.int64)) if "classes" in arrays else None
    out = net(x, classes, Drop(job["seed"], job["step"], len(x), torch.arange(len(x))))
    out = out if isinstance(out, tuple) else (out,)
    total = 0
    for i, y in enumerate(out):
        e = error(y.detach().numpy(), nchw(arrays[f"output.{i}"]))
        if not e <= 2e-5:
            print(f"{name}: output {i}: error {e:.3g} of the largest value")
            bad += 1
        total = total + (y * torch.from_numpy(nchw(arrays[f"dout.{i}"]).copy())).sum()
    total.backward()
    for path, x in net.named_parameters():
        layer, _, role = path.rpartition(".")
        key = net.NAMES.get(layer, layer) + "." + role
        want = to_torch(net.get_submodule(layer), torch.from_numpy(arrays["grad." + key].copy())).numpy()
        e = error(x.grad.numpy(), want)
        if not e <= 1e-4:
            print(f"{name}: gradient of {key}: error {e:.3g} of the largest value")
            bad += 1
    print(name, "compared")
sys.exit(bad > 0)
