"""Reads what gantiny writes, with numpy alone: models (.safetensors) and pictures (.npy).

    from gantiny_files import read_model, to_uint8
    graph, weights = read_model("run1/generator.safetensors")
    pictures = to_uint8(numpy.load("digits.npy"))
"""
import json
import struct

import numpy as np

TYPES = {"F32": "<f4", "F16": "<f2", "I32": "<i4", "I8": "i1", "U8": "u1"}


def read_safetensors(path):
    """Returns the metadata, a dict of texts, and the tensors, a dict of arrays."""
    with open(path, "rb") as f:
        (size,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(size))
        data = f.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], TYPES[t["dtype"]]).reshape(t["shape"])
    return metadata, tensors


def read_model(path):
    """Returns the graph of a model in floats, as its file describes it, and its weights by name."""
    metadata, tensors = read_safetensors(path)
    if "gantiny" not in metadata:
        raise ValueError(f"{path} holds no model in floats; gantiny export --float writes one as .onnx or .npz")
    weights = {k: v.astype(np.float32) for k, v in tensors.items() if not k.startswith("int8.")}
    return json.loads(metadata["gantiny"]), weights


def to_uint8(x):
    """Pixels of numbers in [-1, 1], as gantiny rounds them."""
    return np.clip(np.rint((x.astype(np.float32) + np.float32(1)) * np.float32(127.5)), 0, 255).astype(np.uint8)
