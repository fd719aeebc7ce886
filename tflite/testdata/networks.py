"""Small networks as files of TensorFlow Lite, with inputs and outputs.

    python3 networks.py           writes *.tflite and networks.oracle beside itself

There is no TensorFlow in Debian, so the files are written here, table by table, in the forms that its
converter gives such networks; TensorFlow Lite itself (the npm package @tensorflow/tfjs-tflite runs under
Node) reads them, and agrees with the oracle. That is computed by PyTorch in float64, operator by operator,
while the file is written, from the constants as the file holds them. For each NAME.tflite the oracle has
NAME.in.INPUT, float32 or, for classes, uint32, and NAME.out, both as the file has them: (N, H, W, C).
Needs PyTorch and flatbuffers (Debian: python3-torch, python3-flatbuffers).
"""
import os
import sys

import flatbuffers
import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "internal", "oracle"))
from write import write  # noqa: E402

TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "int8": 9}
RELU, RELU6, TANH = 1, 3, 4
SAME, VALID = 0, 1


class Net:
    """A network that is written and computed at once. A value is the index of its tensor."""

    def __init__(self, seed, images=2):
        self.random = np.random.RandomState(seed)
        self.images = images
        self.tensors, self.buffers, self.codes, self.ops = [], [b""], [], []
        self.inputs, self.values, self.given = [], [], {}

    def tensor(self, name, shape, typ, data=None, value=None, quant=None, signature=None):
        buffer = 0
        if data is not None:
            buffer = len(self.buffers)
            self.buffers.append(data)
        self.tensors.append((name, list(shape), TYPES[typ], buffer, quant, signature))
        self.values.append(value)
        return len(self.tensors) - 1

    def input(self, name, *shape, classes=0, quant=None):
        if classes:
            x = torch.tensor(self.random.randint(0, classes, (self.images,) + shape))
            self.given[name] = x.numpy().astype(np.uint32)
            typ = "int32"
        else:
            x = torch.tensor(self.random.randn(self.images, *shape).astype(np.float32)).double()
            self.given[name] = x.numpy().astype(np.float32)
            typ = "float32"
            if quant:
                typ = "int8"
                x = limit(x, quant)
        k = self.tensor("serving_default_" + name + ":0", (1,) + shape, typ, value=x, quant=quant, signature=[-1] + list(shape))
        self.inputs.append(k)
        return k

    def const(self, x, typ=None, quant=None):
        x = np.asarray(x)
        typ = typ or ("int32" if x.dtype.kind == "i" else "float32")
        x = x.astype(typ)
        return self.tensor("const%d" % len(self.tensors), x.shape, typ, x.tobytes(), torch.tensor(x.astype(np.float64) if x.dtype.kind == "f" else x), quant)

    def weight(self, *shape, how="float32", axis=0):
        """Random weights: float32, float16 behind a DEQUANTIZE, or int8 by tensor or by channel, bare or behind one."""
        fan = max(1, int(np.prod(shape)) // shape[axis])
        w = self.random.randn(*shape) * (1.5 / fan ** 0.5)
        if how == "float32":
            return self.const(w.astype(np.float32))
        if how == "float16":
            k = self.const(w, "float16")
            return self.op("DEQUANTIZE", [k], self.values[k], shape)
        other = tuple(i for i in range(len(shape)) if i != axis)
        scale = np.abs(w).max(axis=other, keepdims=True) / 127 if "channel" in how else np.full([1] * len(shape), np.abs(w).max() / 127)
        scale = scale.astype(np.float32)
        q = np.clip(np.round(w / scale), -127, 127).astype(np.int8)
        k = self.const(q, "int8", (list(scale.ravel()), [0] * scale.size, axis))
        self.values[k] = torch.tensor(q.astype(np.float64) * scale.astype(np.float64))
        return self.op("DEQUANTIZE", [k], self.values[k], shape) if "behind" in how else k

    def bias(self, n):
        return self.const((self.random.randn(n) * 0.3).astype(np.float32))

    def op(self, code, inputs, value, shape, options=(), kind=0, typ="float32", quant=None):
        """Adds an operator that makes value, in the file of shape without its batch."""
        value = value[0] if isinstance(value, tuple) else value
        out = self.tensor("out%d" % len(self.tensors), shape, typ, value=value, quant=quant)
        self.ops.append((self.code(code), inputs, [out], options, kind))
        return out

    def code(self, name):
        n = CODES[name]
        if n not in self.codes:
            self.codes.append(n)
        return self.codes.index(n)

    # Operators, of images (N, H, W, C).

    def act(self, y, a):
        return {0: lambda: y, RELU: lambda: F.relu(y), RELU6: lambda: y.clamp(0, 6), TANH: lambda: torch.tanh(y)}[a]()

    def result(self, code, inputs, y, options, kind, a=0, quant=None):
        y = self.act(y, a)
        if quant:
            y = limit(y, quant)
        return self.op(code, inputs, y, (1,) + tuple(y.shape[1:]), options, kind, "int8" if quant else "float32", quant)

    def fc(self, x, w, b=-1, a=0, quant=None, keep=False):
        v = self.values[x]
        v = v if keep else v.reshape(self.images, -1)
        y = v @ self.values[w].T
        if b >= 0:
            y = y + self.number(b)
        return self.result("FULLY_CONNECTED", [x, w, b], y, [(0, "i8", a), (2, "bool", keep)], 8, a, quant)

    def number(self, k):
        q = self.tensors[k][4]
        v = self.values[k].double()
        return v if not q or self.tensors[k][2] != TYPES["int32"] else v * torch.tensor(np.array(q[0], np.float32).astype(np.float64))

    def conv(self, x, w, b=-1, stride=1, pad=SAME, a=0, dilation=1, quant=None):
        v, k = planes(self.values[x]), self.values[w].permute(0, 3, 1, 2)
        y = F.conv2d(samepad(v, k.shape[2:], stride, dilation) if pad == SAME else v, k, None if b < 0 else self.number(b), stride, 0, dilation, v.shape[1] // k.shape[1])
        return self.result("CONV_2D", [x, w] + [b][:b >= 0], pixels(y), [(0, "i8", pad), (1, "i32", stride), (2, "i32", stride), (3, "i8", a), (4, "i32", dilation), (5, "i32", dilation)], 1, a, quant)

    def depthwise(self, x, w, b=-1, stride=1, pad=SAME, a=0, quant=None):
        v, k = planes(self.values[x]), self.values[w].permute(3, 0, 1, 2)
        y = F.conv2d(samepad(v, k.shape[2:], stride, 1) if pad == SAME else v, k, None if b < 0 else self.number(b), stride, 0, 1, v.shape[1])
        return self.result("DEPTHWISE_CONV_2D", [x, w] + [b][:b >= 0], pixels(y), [(0, "i8", pad), (1, "i32", stride), (2, "i32", stride), (3, "i32", k.shape[0] // v.shape[1]), (4, "i8", a), (5, "i32", 1), (6, "i32", 1)], 2, a, quant)

    def deconv(self, x, w, b=-1, stride=1, pad=SAME, a=0, computed=False, size=None, quant=None):
        """TRANSPOSE_CONV; computed has its output's shape made of the batch, as of networks with open batches."""
        v, k = planes(self.values[x]), self.values[w].permute(3, 0, 1, 2)
        kernel = k.shape[2:]
        out = size or [n * stride if pad == SAME else (n - 1) * stride + f for n, f in zip(v.shape[2:], kernel)]
        full = F.conv_transpose2d(v, k, None, stride)
        crop = []
        for d in range(2):
            total = max(0, (v.shape[2 + d] - 1) * stride + kernel[d] - out[d])
            crop.append(total // 2)
            full = F.pad(full, [0, max(0, out[d] - full.shape[2 + d])] if d == 1 else [0, 0, 0, max(0, out[d] - full.shape[2 + d])])
        y = full[:, :, crop[0]:crop[0] + out[0], crop[1]:crop[1] + out[1]]
        if b >= 0:
            y = y + self.number(b)[:, None, None]
        shape = self.batched(x, out + [k.shape[1]]) if computed else self.const(np.array([1] + out + [k.shape[1]], np.int32))
        return self.result("TRANSPOSE_CONV", [shape, w, x, b] if b >= 0 else [shape, w, x], pixels(y),
                           [(0, "i8", pad), (1, "i32", stride), (2, "i32", stride), (3, "i8", a)], 49, a, quant)

    def batched(self, x, dims):
        """(batch of x, dims...), computed in the network."""
        v = self.values[x]
        s = self.op("SHAPE", [x], None, (v.dim(),), [(0, "i8", 2)], 55, "int32")
        ends = [self.const(np.array([k], np.int32)) for k in (0, 1, 1)]
        n = self.op("STRIDED_SLICE", [s] + ends, None, (), [(4, "i32", 1)], 32, "int32")
        rest = [self.const(np.array(d, np.int32)) for d in dims]
        return self.op("PACK", [n] + rest, None, (1 + len(dims),), [(0, "i32", 1 + len(dims))], 59, "int32")

    def reshape(self, x, *dims, computed=False, quant=None):
        to = self.batched(x, dims) if computed else self.const(np.array([-1] + list(dims), np.int32))
        y = self.values[x].reshape(self.images, *dims)
        return self.op("RESHAPE", [x, to], y, (1,) + dims, [], 17, "int8" if quant else "float32", quant)

    def unary(self, code, x, f, options=(), kind=0, quant=None):
        return self.result(code, [x], f(self.values[x]), options, kind, 0, quant)

    def pair(self, code, x, y, f, a=0, quant=None):
        return self.result(code, [x, y], f(self.number(x), self.number(y)), [(0, "i8", a)], {"ADD": 11, "MUL": 21, "SUB": 28, "DIV": 29}[code], a, quant)

    def resize(self, x, h, w, mode, centers, corners=False):
        v = planes(self.values[x])
        if mode == "nearest":
            ih, iw = [torch.tensor([pick(i, n, o, centers, corners) for i in range(o)]) for n, o in zip(v.shape[2:], (h, w))]
            y = v[:, :, ih][:, :, :, iw]
            return self.result("RESIZE_NEAREST_NEIGHBOR", [x, self.const(np.array([h, w], np.int32))], pixels(y), [(0, "bool", corners), (1, "bool", centers)], 74)
        y = bilinear(v, h, w, centers, corners)
        return self.result("RESIZE_BILINEAR", [x, self.const(np.array([h, w], np.int32))], pixels(y), [(2, "bool", corners), (3, "bool", centers)], 15)

    def pool(self, code, x, k, stride, pad):
        v = planes(self.values[x])
        if pad == SAME:
            fill = float("-inf") if code == "MAX_POOL_2D" else 0
            ones = samepad(torch.ones_like(v), (k, k), stride, 1)
            v = samepad(v, (k, k), stride, 1, fill)
        if code == "MAX_POOL_2D":
            y = F.max_pool2d(v, k, stride)
        else:
            y = F.avg_pool2d(v, k, stride)
            if pad == SAME:  # what was added does not count
                y = y / F.avg_pool2d(ones, k, stride)
        return self.result(code, [x], pixels(y), [(0, "i8", pad), (1, "i32", stride), (2, "i32", stride), (3, "i32", k), (4, "i32", k)], 5)

    def concat(self, parts, axis):
        y = torch.cat([self.values[p] for p in parts], axis)
        return self.result("CONCATENATION", parts, y, [(0, "i32", axis)], 10)

    def save(self, name, out):
        b = flatbuffers.Builder(1 << 16)
        with open(os.path.join(HERE, name + ".tflite"), "wb") as f:
            f.write(self.encode(b, out))
        for n, v in self.given.items():
            TENSORS[f"{name}.in.{n}"] = v
        TENSORS[name + ".out"] = self.values[out].numpy().astype(np.float32)
        CASES.append(name)

    def encode(self, b, out):
        buffers = [table(b, 3, [(0, "vec", vector(b, "u8", d, 16))] if d else []) for d in self.buffers]
        tensors = []
        for name, shape, typ, buffer, quant, signature in self.tensors:
            fields = [(0, "vec", vector(b, "i32", shape)), (1, "i8", typ), (2, "u32", buffer), (3, "vec", b.CreateString(name))]
            if quant:
                scale, zero, axis = quant
                q = [(2, "vec", vector(b, "f32", scale)), (3, "vec", vector(b, "i64", zero)), (6, "i32", axis)]
                fields.append((4, "vec", table(b, 7, q)))
            if signature:
                fields.append((7, "vec", vector(b, "i32", signature)))
            tensors.append(table(b, 8, fields))
        ops = []
        for code, ins, outs, options, kind in self.ops:
            fields = [(0, "u32", code), (1, "vec", vector(b, "i32", ins)), (2, "vec", vector(b, "i32", outs))]
            if kind:
                fields += [(3, "u8", kind), (4, "vec", table(b, 8, options))]
            ops.append(table(b, 9, fields))
        graph = table(b, 5, [(0, "vec", vector(b, "ref", tensors)), (1, "vec", vector(b, "i32", self.inputs)), (2, "vec", vector(b, "i32", [out])),
                             (3, "vec", vector(b, "ref", ops)), (4, "vec", b.CreateString("main"))])
        codes = [table(b, 4, [(0, "i8", min(c, 127)), (2, "i32", 1), (3, "i32", c)]) for c in self.codes]
        root = table(b, 8, [(0, "u32", 3), (1, "vec", vector(b, "ref", codes)), (2, "vec", vector(b, "ref", [graph])), (3, "vec", b.CreateString("networks.py")), (4, "vec", vector(b, "ref", buffers))])
        b.Finish(root, b"TFL3")
        return bytes(b.Output())


CODES = {"CUSTOM": 32, "SIN": 66, "L2_NORMALIZATION": 11, "ADD": 0, "AVERAGE_POOL_2D": 1, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "DEPTH_TO_SPACE": 5, "DEQUANTIZE": 6, "FULLY_CONNECTED": 9,
         "LOGISTIC": 14, "MAX_POOL_2D": 17, "MUL": 18, "RELU": 19, "RESHAPE": 22, "RESIZE_BILINEAR": 23, "SOFTMAX": 25, "TANH": 28, "PAD": 34, "GATHER": 36, "TRANSPOSE": 39,
         "MEAN": 40, "SUB": 41, "DIV": 42, "SQUEEZE": 43, "STRIDED_SLICE": 45, "EXP": 47, "SPLIT": 49, "PRELU": 54, "SLICE": 65, "TRANSPOSE_CONV": 67, "EXPAND_DIMS": 70,
         "RSQRT": 76, "SHAPE": 77, "PACK": 83, "RESIZE_NEAREST_NEIGHBOR": 97, "LEAKY_RELU": 98, "SQUARED_DIFFERENCE": 99, "ELU": 111, "QUANTIZE": 114, "HARD_SWISH": 117,
         "BATCH_MATMUL": 126}
TENSORS, CASES = {}, []


def planes(x):
    return x.permute(0, 3, 1, 2)


def pixels(x):
    return x.permute(0, 2, 3, 1).contiguous()


def limit(x, quant):
    """The nearest that 8-bit integers can stand for."""
    scale, zero = float(np.float32(quant[0][0])), quant[1][0]
    return ((x / scale).round() + zero).clamp(-128, 127).sub(zero) * scale


def samepad(v, kernel, stride, dilation, fill=0.0):
    pads = []
    for d in (1, 0):
        n = v.shape[2 + d]
        total = max(0, ((n + stride - 1) // stride - 1) * stride + dilation * (kernel[d] - 1) + 1 - n)
        pads += [total // 2, total - total // 2]
    return F.pad(v, pads, value=fill)


def pick(i, n, out, centers, corners):
    if corners:
        return min(int(np.floor(i * (n - 1) / (out - 1) + 0.5)), n - 1)
    return min(int(np.floor((i + 0.5) * n / out)) if centers else i * n // out, n - 1)


def bilinear(v, h, w, centers, corners):
    def weights(n, out):
        m = torch.zeros(out, n, dtype=torch.float64)
        for i in range(out):
            x = i * (n - 1) / (out - 1) if corners else (i + 0.5) * n / out - 0.5 if centers else i * n / out
            x = max(0.0, x)
            lo = min(int(np.floor(x)), n - 1)
            hi = min(lo + 1, n - 1)
            m[i, lo] += 1 - (x - lo)
            m[i, hi] += x - lo
        return m
    return torch.einsum("ah,nchw,bw->ncab", weights(v.shape[2], h), v, weights(v.shape[3], w))


def table(b, n, fields):
    b.StartObject(n)
    for slot, kind, v in fields:
        if kind == "vec":
            b.PrependUOffsetTRelativeSlot(slot, v, 0)
        elif kind == "i8":
            b.PrependInt8Slot(slot, v, 0)
        elif kind == "u8":
            b.PrependUint8Slot(slot, v, 0)
        elif kind == "bool":
            b.PrependBoolSlot(slot, v, False)
        elif kind == "i32":
            b.PrependInt32Slot(slot, v, 0)
        elif kind == "u32":
            b.PrependUint32Slot(slot, v, 0)
        elif kind == "f32":
            b.PrependFloat32Slot(slot, v, 0)
        else:
            raise ValueError(kind)
    return b.EndObject()


def vector(b, kind, values, align=None):
    if kind == "u8":
        b.StartVector(1, len(values), align or 1)
        b.head = b.head - len(values)
        b.Bytes[b.head:b.head + len(values)] = values
        return b.EndVector()
    size = {"i32": 4, "f32": 4, "i64": 8, "ref": 4}[kind]
    b.StartVector(size, len(values), size)
    for v in reversed(list(values)):
        {"i32": b.PrependInt32, "f32": b.PrependFloat32, "i64": b.PrependInt64, "ref": b.PrependUOffsetTRelative}[kind](v)
    return b.EndVector()


def reference(name, how="float32", computed=False):
    """The reference network, narrow: BatchNorm is folded, LeakyReLU is not."""
    n = Net(1)
    x = n.input("z", 10)
    y = n.fc(x, n.weight(4 * 4 * 6, 10, how="tensor" if "channel" in how else how), n.bias(4 * 4 * 6))
    leaky = lambda v: n.unary("LEAKY_RELU", v, lambda t: F.leaky_relu(t, 0.3), [(0, "f32", 0.3)], 75)
    y = n.reshape(leaky(y), 4, 4, 6, computed=computed)
    y = leaky(n.deconv(y, n.weight(5, 5, 5, 6, how=how), n.bias(5), 1, computed=computed))
    y = leaky(n.deconv(y, n.weight(4, 5, 5, 5, how=how), n.bias(4), 2, computed=computed))
    y = n.deconv(y, n.weight(3, 5, 5, 4, how=how), -1, 2, computed=computed)
    y = n.unary("TANH", n.pair("ADD", y, n.bias(3), lambda a, b: a + b), torch.tanh)
    n.save(name, y)


def blocks():
    """Convolutions of all kinds, branches, a gate by channel, pools."""
    n = Net(2)
    x = n.input("image", 9, 8, 4)
    y = n.conv(x, n.weight(6, 3, 3, 4), n.bias(6), a=RELU)
    z = n.depthwise(y, n.weight(1, 3, 3, 12, axis=3), n.bias(12), stride=2, a=RELU6)
    p = n.pool("MAX_POOL_2D", y, 3, 2, SAME)
    q = n.pool("AVERAGE_POOL_2D", y, 3, 2, SAME)
    z = n.pair("ADD", z, n.concat([p, q], 3), lambda a, b: a + b)
    mean = n.result("MEAN", [z, n.const(np.array([1, 2], np.int32))], n.values[z].mean((1, 2)), [(0, "bool", False)], 27)
    gate = n.unary("LOGISTIC", n.fc(n.fc(mean, n.weight(3, 12), n.bias(3), a=RELU), n.weight(12, 3), n.bias(12)), torch.sigmoid)
    z = n.pair("MUL", z, n.reshape(gate, 1, 1, 12), lambda a, b: a * b)
    z = n.unary("HARD_SWISH", z, F.hardswish, [], 0)
    slope = n.const((n.random.rand(1, 1, 12) * 0.5).astype(np.float32))
    z = n.result("PRELU", [z, slope], torch.where(n.values[z] > 0, n.values[z], n.values[z] * n.values[slope]), [], 0)
    d = n.values[z]
    d = d.reshape(2, 5, 4, 2, 2, 3).permute(0, 1, 3, 2, 4, 5).reshape(2, 10, 8, 3)
    z = n.result("DEPTH_TO_SPACE", [z], d, [(0, "i32", 2)], 94)
    z = n.result("PAD", [z, n.const(np.array([[0, 0], [1, 0], [0, 2], [0, 0]], np.int32))], F.pad(n.values[z], (0, 0, 0, 2, 1, 0)), [], 22)
    z = n.conv(z, n.weight(4, 3, 3, 3), n.bias(4), dilation=2, a=RELU6)
    z = n.conv(z, n.weight(6, 3, 3, 2), n.bias(6), pad=VALID)
    z = n.unary("ELU", z, F.elu)
    n.save("blocks", z)


def arithmetic():
    """Resizes in all ways, and what moves elements."""
    n = Net(3)
    x = n.input("z", 24)
    y = n.reshape(x, 3, 4, 2)
    y = n.resize(y, 6, 8, "nearest", True)
    y = n.conv(y, n.weight(4, 3, 3, 2), n.bias(4), a=RELU)
    y = n.resize(y, 12, 12, "bilinear", True)
    y = n.resize(y, 7, 9, "nearest", False)
    y = n.resize(y, 14, 18, "bilinear", False)
    y = n.resize(y, 15, 20, "bilinear", False, True)
    cut = [n.const(np.array(v, np.int32)) for v in ([0, 1, 0, 0], [0, 15, 0, 3], [1, 2, 1, 1])]
    y = n.result("STRIDED_SLICE", [y] + cut, n.values[y][:, 1:15:2, :, 0:3], [(0, "i32", 0b0101), (1, "i32", 0b0101)], 32)
    at = [n.const(np.array(v, np.int32)) for v in ([0, 0, 2, 1], [-1, 6, -1, 2])]
    y = n.result("SLICE", [y] + at, n.values[y][:, 0:6, 2:, 1:3], [], 53)
    a = n.op("EXPAND_DIMS", [y, n.const(np.array(3, np.int32))], n.values[y].unsqueeze(3), (1, 6, 18, 1, 2), [], 52)
    a = n.reshape(a, 6, 18, 2)
    a = n.result("TRANSPOSE", [a, n.const(np.array([0, 2, 1, 3], np.int32))], n.values[a].permute(0, 2, 1, 3).contiguous(), [], 26)
    e = n.unary("EXP", a, torch.exp, [], 33)
    s = n.pair("SUB", n.const(np.float32(2.5)), a, lambda p, q: p - q)
    d = n.pair("DIV", s, n.pair("ADD", e, n.const(np.array([1, 2], np.float32)), lambda p, q: p + q), lambda p, q: p / q, a=RELU6)
    # Instance normalization as it comes out of the converter.
    mean = n.result("MEAN", [d, n.const(np.array([1, 2], np.int32))], n.values[d].mean((1, 2), True), [(0, "bool", True)], 27)
    dev = n.result("SQUARED_DIFFERENCE", [d, mean], (n.values[d] - n.values[mean]) ** 2, [], 0)
    var = n.result("MEAN", [dev, n.const(np.array([1, 2], np.int32))], n.values[dev].mean((1, 2), True), [(0, "bool", True)], 27)
    inv = n.unary("RSQRT", n.pair("ADD", var, n.const(np.float32(1e-3)), lambda p, q: p + q), lambda t: 1 / t.sqrt())
    d = n.pair("MUL", n.pair("SUB", d, mean, lambda p, q: p - q), inv, lambda p, q: p * q)
    n.save("arithmetic", d)


def conditional():
    """A class, embedded, beside the latent."""
    n = Net(4, images=3)
    x = n.input("z", 6)
    c = n.input("label", 1, classes=5)
    e = n.weight(5, 4)
    v = n.op("GATHER", [e, c], n.values[e][n.values[c]], (1, 1, 4), [(0, "i32", 0)], 23)
    v = n.reshape(v, 4)
    y = n.fc(n.concat([x, v], 1), n.weight(4 * 4 * 3, 10), n.bias(48), a=RELU)
    y = n.reshape(y, 4, 4, 3, computed=True)
    y = n.deconv(y, n.weight(3, 2, 2, 3), n.bias(3), 2, pad=VALID)
    y = n.deconv(y, n.weight(2, 2, 2, 3), n.bias(2), 3, pad=VALID, size=[24, 24])  # gaps at the ends
    y = n.unary("LOGISTIC", n.conv(y, n.weight(1, 4, 4, 2), n.bias(1), stride=2), torch.sigmoid)
    n.save("conditional", y)


def eight_bits():
    """A network in 8-bit integers, with scales by channel. The oracle rounds what is between operators, not the output."""
    n = Net(5)
    q = lambda scale, zero: ([scale], [zero], 0)

    def bias(count, x, w):
        sx, sw = n.tensors[x][4][0][0], np.array(n.tensors[w][4][0])
        s = (sx * sw * np.ones(count)).astype(np.float32)
        b = np.round(n.random.randn(count) * 0.3 / s).astype(np.int32)
        k = 1 if sw.size == 1 else count  # scales: TensorFlow Lite takes one beside one of the weights
        return n.const(b, "int32", (list(s[:k]), [0] * k, 0))

    x = n.input("z", 8, quant=q(2.0 ** -5, 0))  # in steps that latents of gantiny can have
    w = n.weight(4 * 4 * 4, 8, how="tensor")
    y = n.fc(x, w, bias(64, x, w), a=RELU, quant=q(0.02, -128))
    y = n.reshape(y, 4, 4, 4, quant=q(0.02, -128))
    w = n.weight(6, 3, 3, 4, how="channel")
    y = n.deconv(y, w, bias(6, y, w), 2, quant=q(0.04, -10))
    w = n.weight(1, 3, 3, 6, how="channel", axis=3)
    z = n.depthwise(y, w, bias(6, y, w), a=RELU6, quant=q(6 / 255, -128))
    y = n.pair("ADD", y, z, lambda a, b: a + b, quant=q(0.05, -20))
    w = n.weight(3, 3, 3, 6, how="channel")
    y = n.conv(y, w, bias(3, y, w), quant=q(0.05, 0))
    y = n.op("TANH", [y], torch.tanh(n.values[y]), (1, 8, 8, 3), typ="int8", quant=q(1 / 128, 0))
    y = n.op("DEQUANTIZE", [y], n.values[y], (1, 8, 8, 3))
    n.save("eight_bits", y)


def refused():
    """Operators that are not imported, side by side."""
    n = Net(6)
    x = n.input("z", 4, 4, 2)
    parts = [n.op(code, [x], n.values[x], (1, 4, 4, 2), options, kind) for code, options, kind in (("SIN", [], 0), ("CUSTOM", [], 0), ("L2_NORMALIZATION", [], 12))]
    parts.append(n.result("CONV_2D", [x, n.weight(2, 3, 3, 2), n.bias(2)], n.values[x], [(0, "i8", 7), (1, "i32", 1), (2, "i32", 1)], 1))
    parts.append(n.unary("TANH", parts[0], torch.tanh))
    with open(os.path.join(HERE, "refused.tflite"), "wb") as f:
        f.write(n.encode(flatbuffers.Builder(1 << 12), n.concat(parts, 3)))


torch.set_default_dtype(torch.float64)
refused()
reference("reference")
reference("reference_open", computed=True)
reference("reference_half", how="float16")
reference("reference_range", how="channel behind")
blocks()
arithmetic()
conditional()
eight_bits()
write(os.path.join(HERE, "networks.oracle"), TENSORS, {"cases": CASES, "script": "tflite/testdata/networks.py"})
