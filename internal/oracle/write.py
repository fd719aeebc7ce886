"""Writes .oracle files: the layout of .safetensors, holding what an independent program computed.

An oracle script stands beside its data and uses this module. Arrays are rounded to float32 here and
nowhere before: a script computes in float64 from inputs that are float32 values to begin with.
"""
import json
import struct

import numpy as np


def f32(a):
    """The nearest float32 values, held in float64: what gantiny and the oracle both start from."""
    return np.asarray(a, np.float32).astype(np.float64)


def write(path, tensors, meta):
    """tensors: name -> array (uint8 and uint32 stay, all else becomes float32). meta: name -> JSON-able value."""
    header = {"__metadata__": {k: json.dumps(v) for k, v in meta.items()}}
    blobs, at = [], 0
    for name, a in tensors.items():
        a = np.asarray(a)
        kind = {"uint8": "U8", "uint32": "U32"}.get(a.dtype.name, "F32")
        # asarray, not ascontiguousarray: that one turns a scalar into a vector.
        raw = (np.asarray(a, "<f4") if kind == "F32" else a).tobytes()
        header[name] = {"dtype": kind, "shape": list(a.shape), "data_offsets": [at, at + len(raw)]}
        blobs.append(raw)
        at += len(raw)
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + b"".join(blobs))
