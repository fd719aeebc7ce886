#!/usr/bin/env python3
"""Makes a gantiny model of a generator that Keras has saved.

    python3 keras_to_gantiny.py generator.h5 generator.safetensors
    python3 keras_to_gantiny.py generator.keras generator.safetensors --range sigmoid

Reads .h5 with its network (model.save of Keras 2) and .keras (Keras 3); needs NumPy and h5py, and neither
Keras nor TensorFlow. Weights become float32. Everything that gantiny has no layer for is listed at once.
"""
import argparse
import io
import json
import re
import struct
import sys
import zipfile

import h5py
import numpy as np

# The half of the sum that a BatchNorm divides by, so that one with a variance of as much is a plain a*x + b.
UNIT = 0.5


class Unsupported(Exception):
    """Everything in a file that cannot be converted."""

    def __init__(self, items):
        super().__init__("this network cannot be converted:\n  " + "\n  ".join(items))
        self.items = items


class Converter:
    """Collects the layers of a gantiny graph and their weights."""

    def __init__(self):
        self.inputs, self.layers, self.tensors, self.items = [], [], {}, []
        self.flat = set()  # values that are vectors
        self.shapes = {}  # (height, width, channels) of values, as far as they are known
        self.embedded = {}  # name of an input that is read by an Embedding -> classes

    def refuse(self, layer, why):
        self.items.append("%s %r: %s" % (layer["class_name"], layer["config"].get("name", ""), why))
        return None

    def add(self, kind, reads, params=(), **attributes):
        """Adds a layer and returns the name of what it makes."""
        name = "%s%d" % (kind, len(self.layers))
        self.layers.append(dict(kind=kind, name=name, **{"in": list(reads)}, **attributes))
        for role, value in params:
            self.tensors[name + "." + role] = np.ascontiguousarray(value, np.float32)
        return name

    def affine(self, x, factor, offset, channels):
        one = np.ones(channels, np.float32)
        return self.add("batchnorm", [x], [("gamma", one * factor), ("beta", one * offset), ("moving_mean", one * 0), ("moving_variance", one * UNIT)],
                        epsilon=UNIT, momentum=0.99)

    def activation(self, layer, x, name):
        if isinstance(name, dict):
            name = name.get("config") if isinstance(name.get("config"), str) else name.get("class_name")
        plain = {"relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid", "selu": "selu", "softplus": "softplus", "softmax": "softmax", "swish": "silu", "silu": "silu", "mish": "mish"}
        if name in (None, "linear"):
            return x
        if name in plain:
            return self.add(plain[name], [x])
        if name == "elu":
            return self.add("elu", [x], alpha=1.0)
        if name == "gelu":
            return self.add("gelu", [x])
        if name == "leaky_relu":
            return self.add("leakyrelu", [x], slope=0.2)
        if name == "relu6":
            return self.add("clip", [x], min=0.0, max=6.0)
        return self.refuse(layer, "activation %r" % name)

    def layer(self, layer, reads, weights):
        """Converts one layer, and returns the name of what it makes; None if that is nothing."""
        rule = RULES.get(layer["class_name"])
        if rule is None:
            return self.refuse(layer, "no such layer in gantiny")
        if any(r is None for r in reads):
            return None  # what it reads was refused
        try:
            y = rule(self, layer, layer["config"], reads, weights)
        except (KeyError, IndexError, TypeError, ValueError) as e:
            return self.refuse(layer, "it is not as Keras writes it (%s: %s)" % (type(e).__name__, e))
        if y is not None and y not in reads and "activation" in layer["config"] and layer["class_name"] != "Activation":
            flat, shape = y in self.flat, self.shapes.get(y)
            y = self.activation(layer, y, layer["config"]["activation"])
            if flat:
                self.flat.add(y)
            self.shapes[y] = shape
        return y


def same_shape(c, x, y):
    """y is of x's shape."""
    if x in c.flat:
        c.flat.add(y)
    c.shapes[y] = c.shapes.get(x)
    return y


def dense(c, layer, cfg, reads, w):
    if reads[0] not in c.flat and c.shapes.get(reads[0]) is not None:
        h, wd, _ = c.shapes[reads[0]]
        y = c.add("conv2d", reads, kernel_params(cfg, w, w[0][None, None]), filters=cfg["units"], kernel=[1, 1], bias=cfg["use_bias"])
        c.shapes[y] = (h, wd, cfg["units"])
        return y
    y = c.add("dense", reads, kernel_params(cfg, w, w[0]), units=cfg["units"], bias=cfg["use_bias"])
    c.flat.add(y)
    return y


def kernel_params(cfg, w, kernel):
    return [("weight", kernel)] + ([("bias", w[1])] if cfg["use_bias"] else [])


def geometry(c, layer, cfg):
    """The attributes that all convolutions have."""
    if cfg.get("data_format", "channels_last") != "channels_last":
        c.refuse(layer, "data_format %r" % cfg["data_format"])
    if cfg.get("padding") not in ("same", "valid"):
        c.refuse(layer, "padding %r" % cfg.get("padding"))
    a = dict(kernel=list(cfg["kernel_size"]), stride=list(cfg["strides"]), dilation=list(cfg.get("dilation_rate", (1, 1))), bias=cfg["use_bias"])
    if cfg["padding"] == "same":
        a["same"] = True
    return a


def conv(c, layer, cfg, reads, w):
    a = geometry(c, layer, cfg)
    y = c.add("conv2d", reads, kernel_params(cfg, w, w[0]), filters=cfg["filters"], groups=cfg.get("groups", 1), **a)
    s = c.shapes.get(reads[0])
    if s:
        size = [-(-n // k) if a.get("same") else (n - d * (f - 1) - 1) // k + 1 for n, k, f, d in zip(s, a["stride"], a["kernel"], a["dilation"])]
        c.shapes[y] = (size[0], size[1], cfg["filters"])
    return y


def depthwise(c, layer, cfg, reads, w):
    kh, kw, ch, times = w[0].shape
    y = c.add("conv2d", reads, kernel_params(cfg, w, w[0].reshape(kh, kw, 1, ch * times)), filters=ch * times, groups=ch, **geometry(c, layer, cfg))
    c.shapes[y] = None
    return y


def deconv(c, layer, cfg, reads, w):
    if cfg.get("output_padding"):
        return c.refuse(layer, "output_padding %r" % (cfg["output_padding"],))
    a = geometry(c, layer, cfg)
    y = c.add("convtranspose2d", reads, kernel_params(cfg, w, w[0].transpose(0, 1, 3, 2)), filters=cfg["filters"], **a)
    s = c.shapes.get(reads[0])
    if s:
        size = [n * k if a.get("same") else (n - 1) * k + f for n, k, f in zip(s, a["stride"], a["kernel"])]
        if not a.get("same") and any(f < k for f, k in zip(a["kernel"], a["stride"])):
            return c.refuse(layer, "strides %s that are longer than the kernel" % a["stride"])
        c.shapes[y] = (size[0], size[1], cfg["filters"])
    return y


def batchnorm(c, layer, cfg, reads, w):
    w = list(w)
    n = len(w[-1])
    gamma = w.pop(0) if cfg.get("scale", True) else np.ones(n)
    beta = w.pop(0) if cfg.get("center", True) else np.zeros(n)
    y = c.add("batchnorm", reads, [("gamma", gamma), ("beta", beta), ("moving_mean", w[0]), ("moving_variance", w[1])],
              epsilon=cfg["epsilon"], momentum=cfg.get("momentum", 0.99))
    return same_shape(c, reads[0], y)


def slope_of(cfg, unset):
    for key in ("negative_slope", "alpha"):
        if key in cfg and cfg[key] is not None:
            v = cfg[key]
            return float(v["config"]["value"] if isinstance(v, dict) else v)
    return unset


def leaky(c, layer, cfg, reads, w):
    return same_shape(c, reads[0], c.add("leakyrelu", reads, slope=slope_of(cfg, 0.3)))


def relu(c, layer, cfg, reads, w):
    slope, top = slope_of(cfg, 0.0), cfg.get("max_value")
    if cfg.get("threshold") or slope and top is not None:
        return c.refuse(layer, "threshold %r, negative_slope %r, max_value %r" % (cfg.get("threshold"), slope, top))
    if top is not None:
        y = c.add("clip", reads, min=0.0, max=float(top))
    elif slope:
        y = c.add("leakyrelu", reads, slope=slope)
    else:
        y = c.add("relu", reads)
    return same_shape(c, reads[0], y)


def prelu(c, layer, cfg, reads, w):
    if w[0].size != w[0].shape[-1]:
        return c.refuse(layer, "slopes of %s" % (w[0].shape,))
    return same_shape(c, reads[0], c.add("prelu", reads, [("slope", w[0].ravel())]))


def reshape(c, layer, cfg, reads, w):
    to = list(cfg["target_shape"])
    if -1 in to:
        s = c.shapes.get(reads[0])
        if not s:
            return c.refuse(layer, "target_shape %s of an input whose size is not known" % to)
        to[to.index(-1)] = int(np.prod(s) // -np.prod(to))
    if len(to) == 1:
        y = c.add("flatten", reads) if reads[0] not in c.flat else reads[0]
        c.flat.add(y)
        return y
    if len(to) == 2:
        to.append(1)
    if len(to) != 3:
        return c.refuse(layer, "target_shape %s" % to)
    y = c.add("reshape", reads, h=to[0], w=to[1], c=to[2])
    c.shapes[y] = tuple(to)
    return y


def flatten(c, layer, cfg, reads, w):
    y = reads[0] if reads[0] in c.flat else c.add("flatten", reads)
    c.flat.add(y)
    return y


def upsample(c, layer, cfg, reads, w):
    s, size = c.shapes.get(reads[0]), cfg["size"]
    how = cfg.get("interpolation", "nearest")
    if not s or how not in ("nearest", "bilinear"):
        return c.refuse(layer, "interpolation %r of an image of %s" % (how, s))
    h, wd = s[0] * size[0], s[1] * size[1]
    y = c.add("resize", reads, h=h, w=wd, mode=how, coordinates="asymmetric" if how == "nearest" else "half_pixel")
    c.shapes[y] = (h, wd, s[2])
    return y


def pad(c, layer, cfg, reads, w):
    (top, bottom), (left, right) = cfg["padding"]
    y = c.add("pad", reads, pad=[top, bottom, left, right], mode="zero")
    s = c.shapes.get(reads[0])
    c.shapes[y] = s and (s[0] + top + bottom, s[1] + left + right, s[2])
    return y


def crop(c, layer, cfg, reads, w):
    (top, bottom), (left, right) = cfg["cropping"]
    s = c.shapes.get(reads[0])
    if not s:
        return c.refuse(layer, "an image whose size is not known")
    size = [s[0] - top - bottom, s[1] - left - right, s[2]]
    y = c.add("slice", reads, **{"from": [top, left, 0], "size": size})
    c.shapes[y] = tuple(size)
    return y


def pool(kind):
    def rule(c, layer, cfg, reads, w):
        if cfg["padding"] != "valid":
            return c.refuse(layer, "padding %r" % cfg["padding"])
        k, st = list(cfg["pool_size"]), list(cfg["strides"] or cfg["pool_size"])
        y = c.add(kind, reads, kernel=k, stride=st)
        s = c.shapes.get(reads[0])
        c.shapes[y] = s and ((s[0] - k[0]) // st[0] + 1, (s[1] - k[1]) // st[1] + 1, s[2])
        return y
    return rule


def global_average(c, layer, cfg, reads, w):
    y = c.add("globalavgpool", reads)
    c.flat.add(y)
    return y


def joined(kind):
    def rule(c, layer, cfg, reads, w):
        return same_shape(c, reads[0], c.add(kind, reads))
    return rule


def concatenate(c, layer, cfg, reads, w):
    if cfg.get("axis", -1) not in (-1, 3) and not all(r in c.flat for r in reads):
        return c.refuse(layer, "axis %r" % cfg["axis"])
    y = c.add("concat", reads)
    if all(r in c.flat for r in reads):
        c.flat.add(y)
    shapes = [c.shapes.get(r) for r in reads]
    c.shapes[y] = (shapes[0][0], shapes[0][1], sum(s[2] for s in shapes)) if all(shapes) else None
    return y


def embedding(c, layer, cfg, reads, w):
    if reads[0] not in c.embedded:
        return c.refuse(layer, "it reads no input of the network")
    have = c.embedded[reads[0]]
    if have not in (0, cfg["input_dim"]):
        return c.refuse(layer, "%d classes of an input that has %d" % (cfg["input_dim"], have))
    c.embedded[reads[0]] = cfg["input_dim"]
    y = c.add("embedding", reads, [("weight", w[0])], dim=cfg["output_dim"])
    c.flat.add(y)
    return y


def rescaling(c, layer, cfg, reads, w):
    s = c.shapes.get(reads[0])
    if not s:
        return c.refuse(layer, "an input whose channels are not known")
    return same_shape(c, reads[0], c.affine(reads[0], float(cfg["scale"]), float(cfg["offset"]), s[2]))


def elementwise(kind, **keys):
    def rule(c, layer, cfg, reads, w):
        return same_shape(c, reads[0], c.add(kind, reads, **{to: float(cfg.get(key, 1.0)) for to, key in keys.items()}))
    return rule


RULES = {
    "Dense": dense, "Conv2D": conv, "Convolution2D": conv, "Conv2DTranspose": deconv, "DepthwiseConv2D": depthwise, "BatchNormalization": batchnorm,
    "Activation": lambda c, layer, cfg, reads, w: same_shape(c, reads[0], c.activation(layer, reads[0], cfg["activation"])),
    "LeakyReLU": leaky, "ReLU": relu, "PReLU": prelu, "ELU": elementwise("elu", alpha="alpha"), "Softmax": elementwise("softmax"),
    "Dropout": lambda c, layer, cfg, reads, w: reads[0], "SpatialDropout2D": lambda c, layer, cfg, reads, w: reads[0],
    "GaussianNoise": lambda c, layer, cfg, reads, w: reads[0], "GaussianDropout": lambda c, layer, cfg, reads, w: reads[0],
    "Reshape": reshape, "Flatten": flatten, "UpSampling2D": upsample, "ZeroPadding2D": pad, "Cropping2D": crop,
    "MaxPooling2D": pool("maxpool"), "AveragePooling2D": pool("avgpool"), "GlobalAveragePooling2D": global_average,
    "Concatenate": concatenate, "Add": joined("add"), "Multiply": joined("mul"), "Embedding": embedding, "Rescaling": rescaling,
}
CONTAINERS = ("Sequential", "Functional", "Model")


def histories(node):
    """The layers that a call reads, as either version of Keras notes them."""
    if isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            return [node["config"]["keras_history"][0]]
        return [n for v in node.values() for n in histories(v)]
    if isinstance(node, (list, tuple)):
        if len(node) >= 3 and isinstance(node[0], str) and isinstance(node[1], int) and isinstance(node[2], int):
            return [node[0]]
        return [n for v in node for n in histories(v)]
    return []


class Weights:
    """The weights of a file's layers."""

    def __init__(self, group, keras3):
        self.group, self.keras3, self.count, self.by_name = group, keras3, {}, False

    def layers(self):
        return self.group.get("layers", self.group.get("_layer_checkpoint_dependencies", {}))  # the second in Keras 2.12 to 2.15

    def begin(self, layers):
        """Tells of which layers it will be asked. Names of groups are those of classes with numbers, which can be other
        layers' names; only where all layers are there by name, those count."""
        self.by_name = all(l["config"].get("name", l.get("name", "")) in self.layers() for l in layers if l["class_name"] != "InputLayer")

    def of(self, layer):
        """A layer's arrays, in Keras' order; for a container the Weights of its layers."""
        name, container = layer["config"].get("name", layer.get("name", "")), layer["class_name"] in CONTAINERS
        if not self.keras3:
            if container:
                return self  # whose layers' names stand before their weights
            names = [n.decode() if isinstance(n, bytes) else n for g in self.group.values() for n in g.attrs.get("weight_names", [])]
            mine = [n for n in names if n.split("/")[-2] == name] if all("/" in n for n in names) else []
            order = ("gamma", "beta", "moving_mean", "moving_variance", "kernel", "depthwise_kernel", "bias")
            mine.sort(key=lambda n: order.index(n.split("/")[-1].split(":")[0]) if n.split("/")[-1].split(":")[0] in order else 0)
            places = {n.decode() if isinstance(n, bytes) else n: g for g in self.group.values() for n in g.attrs.get("weight_names", [])}
            return [np.asarray(places[n][n]) for n in mine]
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", layer["class_name"].replace("2D", "2d")).lower()
        k = self.count.get(snake, 0)
        self.count[snake] = k + 1
        layers = self.layers()
        same = sorted((n for n in layers if re.fullmatch(snake + r"(_\d+)?", n)), key=lambda n: int(n[len(snake) + 1:] or 0))  # some numbers may be left out
        at = layers.get(name) if self.by_name else layers[same[k]] if k < len(same) else None
        if container:
            return Weights(at if at is not None else {}, True)
        if at is None or "vars" not in at:
            return []
        return [np.asarray(at["vars"][n]) for n in sorted(at["vars"], key=int)]


def shape_of(cfg):
    return cfg.get("batch_input_shape") or cfg.get("batch_shape")


def add_input(c, layer, embedded):
    """Adds an input of the network."""
    name, shape = layer["config"]["name"], shape_of(layer["config"])
    if embedded:
        c.inputs.append({"name": name, "classes": 0})
        c.embedded[name] = 0
        return name
    dims = list(shape[1:])
    if None in dims or len(dims) not in (1, 2, 3):
        return c.refuse(layer, "a shape of %s" % (shape,))
    image = {1: [1, 1] + dims, 2: dims + [1], 3: dims}[len(dims)]
    c.inputs.append({"name": name, "shape": image})
    c.shapes[name] = tuple(image)
    if len(dims) == 1:
        c.flat.add(name)
        c.shapes[name] = None
    return name


def convert(c, network, reads, weights):
    """Converts a Sequential or Functional network that reads values, or inputs of its own if reads is None."""
    layers = network["config"]["layers"] if isinstance(network["config"], dict) else network["config"]
    weights.begin(layers)
    if network["class_name"] == "Sequential":
        return sequence(c, layers, reads, weights)
    embedded = {n for l in layers if l["class_name"] == "Embedding" for n in histories(l["inbound_nodes"])}
    values, given = {}, list(reads or [])
    order = histories(network["config"].get("input_layers", []))
    for l in layers:
        name = l.get("name", l["config"].get("name"))
        if l["class_name"] == "InputLayer":
            if reads is None:
                values[name] = add_input(c, l, name in embedded)
            else:
                values[name] = given[order.index(name)]
            continue
        mine = weights.of(l)
        nodes = l["inbound_nodes"]
        if len(nodes) != 1:
            c.refuse(l, "it is called %d times" % len(nodes))
            values[name] = None
            continue
        values[name] = one(c, l, [values[n] for n in histories(nodes)], mine)
    outs = histories(network["config"]["output_layers"])
    if len(outs) != 1:
        c.items.append("%d outputs, want one" % len(outs))
        return None
    return values[outs[0]]


def sequence(c, layers, reads, weights):
    x = reads[0] if reads else None
    for l in layers:
        mine = weights.of(l)
        if l["class_name"] == "InputLayer":
            if reads is None:
                x = add_input(c, l, any(k["class_name"] == "Embedding" for k in layers[:2]))
            continue
        if x is None and reads is None and not c.inputs and not c.items:
            shape = shape_of(l["config"])
            if shape is None:
                c.refuse(l, "the shape of its input is not known")
                return None
            x = add_input(c, {"class_name": "InputLayer", "config": {"name": "z", "batch_shape": shape}}, l["class_name"] == "Embedding")
        x = one(c, l, [x], mine)
    return x


def one(c, layer, reads, weights):
    if layer["class_name"] in CONTAINERS:
        return convert(c, layer, reads, weights)
    return c.layer(layer, reads, weights)


def read(path):
    """A file's network and weights."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as z:
            network = json.loads(z.read("config.json"))
            return network, Weights(h5py.File(io.BytesIO(z.read("model.weights.h5")), "r"), True)
    f = h5py.File(path, "r")
    text = f.attrs.get("model_config")
    if text is None:
        raise Unsupported(["it holds weights alone: save the network too, with model.save"])
    return json.loads(text), Weights(f["model_weights"], False)


def finish(c, out, pixels):
    """Gives the image gantiny's range, -1 to 1."""
    kind = c.layers[-1]["kind"] if c.layers else ""
    shape = c.shapes.get(out)
    if pixels == "auto":
        pixels = "sigmoid" if kind == "sigmoid" or kind in ("reshape", "flatten") and len(c.layers) > 1 and c.layers[-2]["kind"] == "sigmoid" else "tanh"
        if shape is None or shape[2] > 4:
            pixels = "tanh"
    if pixels == "sigmoid" and kind == "sigmoid":  # 2*sigmoid(x)-1 is tanh(x/2), which quantizes better
        before = c.layers.pop()["in"][0]
        return c.add("tanh", [c.affine(before, 0.5, 0, shape[2])])
    if pixels in ("sigmoid", "0..255"):
        if shape is None:
            raise Unsupported(["--range %s of an output that is no image" % pixels])
        return c.affine(out, 2 / (1 if pixels == "sigmoid" else 255), -1, shape[2])
    return out


def write(path, c, name, out, source):
    d = {"format": 2, "name": name, "inputs": c.inputs, "layers": c.layers, "outputs": [out], "provenance": {"command": "keras_to_gantiny.py " + source}}
    header, at = {"__metadata__": {"gantiny": json.dumps(d)}}, 0
    for key, v in c.tensors.items():
        header[key] = {"dtype": "F32", "shape": list(v.shape), "data_offsets": [at, at + v.nbytes]}
        at += v.nbytes
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head)
        for v in c.tensors.values():
            f.write(v.astype("<f4").tobytes())


def make(source, target, pixels="auto"):
    """Converts a file; raises Unsupported with everything that cannot be."""
    network, weights = read(source)
    c = Converter()
    out = convert(c, network, None, weights)
    if not c.items and out is None:
        c.items.append("it makes nothing")
    for i in c.inputs:
        if "classes" in i:
            i["classes"] = c.embedded[i["name"]]
    if c.items:
        raise Unsupported(c.items)
    out = finish(c, out, pixels)
    write(target, c, network["config"].get("name", "generator") if isinstance(network["config"], dict) else "generator", out, source)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("source", help="FILE.h5 or FILE.keras")
    p.add_argument("target", help="FILE.safetensors")
    p.add_argument("--range", default="auto", choices=["auto", "none", "tanh", "sigmoid", "0..255"], help="of the output's numbers, black and white")
    a = p.parse_args()
    try:
        make(a.source, a.target, a.range)
    except (Unsupported, OSError, KeyError, ValueError) as e:
        sys.exit("keras_to_gantiny: %s: %s" % (a.source, e))


if __name__ == "__main__":
    main()
