#!/usr/bin/env python3
"""Tests of keras_to_gantiny.py: small networks in the two forms of Keras' files, which are written here with
h5py, against plain loops in NumPy.

    GANTINY=path/to/gantiny python3 test_keras_to_gantiny.py
"""
import json
import os
import subprocess
import tempfile
import unittest
import zipfile

import h5py
import numpy as np

import keras_to_gantiny as keras

GANTINY = os.environ.get("GANTINY", "gantiny")
random = np.random.RandomState(1)


def weights(*shape):
    fan = np.prod(shape[:-1]) if len(shape) > 1 else 1
    return (random.randn(*shape) * (1.5 / fan ** 0.5 if len(shape) > 1 else 0.3)).astype(np.float32)


def norm(n):
    return [1 + weights(n), weights(n), weights(n), 0.5 + random.rand(n).astype(np.float32)]


# The network: class name, configuration, weights in Keras' order, and what it computes.

def conv(x, w, b, stride):
    """SAME, as TensorFlow has it."""
    n, h, wd, _ = x.shape
    kh, kw, _, co = w.shape
    oh, ow = -(-h // stride), -(-wd // stride)
    ph, pw = max(0, (oh - 1) * stride + kh - h), max(0, (ow - 1) * stride + kw - wd)
    x = np.pad(x, ((0, 0), (ph // 2, ph - ph // 2), (pw // 2, pw - pw // 2), (0, 0)))
    y = np.zeros((n, oh, ow, co))
    for i in range(oh):
        for j in range(ow):
            y[:, i, j] = np.tensordot(x[:, i * stride:i * stride + kh, j * stride:j * stride + kw], w, 3) + b
    return y


def deconv(x, w, b, stride):
    """The transpose of conv: (kh, kw, out, in)."""
    n, h, wd, _ = x.shape
    kh, kw, co, _ = w.shape
    y = np.zeros((n, (h - 1) * stride + kh, (wd - 1) * stride + kw, co))
    for i in range(h):
        for j in range(wd):
            y[:, i * stride:i * stride + kh, j * stride:j * stride + kw] += np.einsum("nc,hwoc->nhwo", x[:, i, j], w)
    top, left = (kh - stride) // 2, (kw - stride) // 2
    return y[:, top:top + h * stride, left:left + wd * stride] + b


def chain():
    """Layers of a generator and a function for each."""
    k, n0, d, b, c, cb = weights(5, 16), norm(16), weights(5, 5, 3, 4), weights(3), weights(3, 3, 3, 1), weights(1)
    same = {"padding": "same", "data_format": "channels_last", "use_bias": True, "dilation_rate": [1, 1]}
    return [
        ("Dense", {"units": 16, "activation": "linear", "use_bias": False}, [k], lambda x: x @ k),
        ("BatchNormalization", {"epsilon": 1e-3, "momentum": 0.99, "scale": True, "center": True}, n0,
         lambda x: (x - n0[2]) / np.sqrt(n0[3] + 1e-3) * n0[0] + n0[1]),
        ("LeakyReLU", {"alpha": 0.2}, [], lambda x: np.where(x > 0, x, 0.2 * x)),
        ("Reshape", {"target_shape": [2, 2, 4]}, [], lambda x: x.reshape(-1, 2, 2, 4)),
        ("Conv2DTranspose", dict(same, filters=3, kernel_size=[5, 5], strides=[2, 2], activation="relu", output_padding=None), [d, b], lambda x: np.maximum(deconv(x, d, b, 2), 0)),
        ("Dropout", {"rate": 0.3}, [], lambda x: x),
        ("UpSampling2D", {"size": [2, 2], "interpolation": "nearest"}, [], lambda x: x.repeat(2, 1).repeat(2, 2)),
        ("Conv2D", dict(same, filters=1, kernel_size=[3, 3], strides=[1, 1], groups=1, activation="sigmoid"), [c, cb], lambda x: 1 / (1 + np.exp(-conv(x, c, cb, 1)))),
    ]


NAMES = {"Dense": ["kernel", "bias"], "Conv2D": ["kernel", "bias"], "Conv2DTranspose": ["kernel", "bias"], "BatchNormalization": ["gamma", "beta", "moving_mean", "moving_variance"],
         "Embedding": ["embeddings"]}
SNAKE = {"Dense": "dense", "Conv2D": "conv2d", "Conv2DTranspose": "conv2d_transpose", "BatchNormalization": "batch_normalization", "Embedding": "embedding"}


def sequential(layers, name="generator"):
    made = [{"class_name": "InputLayer", "config": {"batch_input_shape": [None, 5], "name": "z"}}]
    made += [{"class_name": kind, "config": dict(config, name="l%d" % i)} for i, (kind, config, _, _) in enumerate(layers)]
    return {"class_name": "Sequential", "config": {"name": name, "layers": made}}


def put(group, path, arrays):
    for name, a in zip(path, arrays):
        group.create_dataset(name, data=a)


def write_h5(path, network, groups):
    """The form of Keras 2: groups maps a top layer's name to its weights' names and arrays."""
    with h5py.File(path, "w") as f:
        f.attrs["model_config"] = json.dumps(network)
        top = f.create_group("model_weights")
        for layer, named in groups.items():
            g = top.create_group(layer)
            g.attrs["weight_names"] = [n.encode() for n, _ in named]
            for n, a in named:
                g.create_dataset(n, data=a)


def named(layers):
    return {"l%d" % i: [("l%d/%s:0" % (i, n), a) for n, a in zip(NAMES[kind], arrays)] for i, (kind, _, arrays, _) in enumerate(layers) if arrays}


def write_keras(path, network, fill):
    """The form of Keras 3."""
    with tempfile.TemporaryDirectory() as d:
        h5 = os.path.join(d, "model.weights.h5")
        with h5py.File(h5, "w") as f:
            fill(f)
        with zipfile.ZipFile(path, "w") as z:
            z.writestr("metadata.json", "{}")
            z.writestr("config.json", json.dumps(network))
            z.write(h5, "model.weights.h5")


def vars_of(group, layers, under="layers", number=""):
    for i, (kind, _, arrays, _) in enumerate(layers):
        if arrays:
            g = group.create_group("%s/%s%s/vars" % (under, SNAKE[kind], number))
            for k, a in enumerate(arrays):
                g.create_dataset(str(k), data=a)


class Test(unittest.TestCase):
    def setUp(self):
        d = tempfile.TemporaryDirectory()
        self.addCleanup(d.cleanup)
        self.path = lambda name: os.path.join(d.name, name)

    def draw(self, z, *flags):
        np.save(self.path("z.npy"), z.astype(np.float32))
        subprocess.run([GANTINY, "generate", self.path("m.safetensors"), "-n", str(len(z)), "--latents", self.path("z.npy"), "-o", self.path("o.npy"), *flags],
                       check=True, stderr=subprocess.PIPE)
        return np.load(self.path("o.npy"))

    def check(self, layers, z, x, *flags):
        for _, _, _, f in layers:
            x = f(x)
        got = (self.draw(z, *flags) + 1) / 2  # a sigmoid's range became gantiny's
        self.assertEqual(got.shape, x.shape)
        self.assertLess(np.abs(got - x).max(), 1e-5)

    def test_sequential(self):
        layers, z = chain(), random.randn(3, 5)
        write_h5(self.path("m.h5"), sequential(layers), named(layers))
        keras.make(self.path("m.h5"), self.path("m.safetensors"))
        self.check(layers, z, z)
        # Keras 2.12 to 2.15 have another name for the group, and leave out numbers.
        for fill in (lambda f: vars_of(f, layers), lambda f: vars_of(f, layers, "_layer_checkpoint_dependencies", "_2"),
                     lambda f: (vars_of(f, layers), f.create_group("layers/l1/vars"))):  # a group that has a layer's name by chance
            write_keras(self.path("m.keras"), sequential(layers), fill)
            keras.make(self.path("m.keras"), self.path("m.safetensors"))
            self.check(layers, z, z)

    def test_class(self):
        """An embedded class times the latent, and then a network inside the network."""
        layers, table, z = chain(), weights(4, 5), random.randn(3, 5)
        for three in (False, True):
            def reads(*names):
                if three:
                    return [{"args": [[{"class_name": "__keras_tensor__", "config": {"keras_history": [n, 0, 0]}} for n in names]], "kwargs": {}}]
                return [[[n, 0, 0, {}] for n in names]]
            outer = [
                {"class_name": "InputLayer", "name": "label", "config": {"batch_input_shape": [None, 1], "name": "label"}, "inbound_nodes": []},
                {"class_name": "Embedding", "name": "embedding", "config": {"name": "embedding", "input_dim": 4, "output_dim": 5}, "inbound_nodes": reads("label")},
                {"class_name": "InputLayer", "name": "noise", "config": {"batch_input_shape": [None, 5], "name": "noise"}, "inbound_nodes": []},
                {"class_name": "Flatten", "name": "flatten", "config": {"name": "flatten"}, "inbound_nodes": reads("embedding")},
                {"class_name": "Multiply", "name": "multiply", "config": {"name": "multiply"}, "inbound_nodes": reads("noise", "flatten")},
                dict(sequential(layers, "inner"), name="inner", inbound_nodes=reads("multiply")),
            ]
            network = {"class_name": "Functional", "config": {"name": "model", "layers": outer, "input_layers": [["noise", 0, 0], ["label", 0, 0]], "output_layers": [["inner", 1, 0]]}}
            if three:
                def fill(f):
                    f.create_dataset("layers/embedding/vars/0", data=table)
                    vars_of(f.create_group("layers/sequential"), layers)
                write_keras(self.path("m"), network, fill)
            else:
                inner = [n for group in named(layers).values() for n in group]
                write_h5(self.path("m"), network, {"embedding": [("embedding/embeddings:0", table)], "inner": inner})
            keras.make(self.path("m"), self.path("m.safetensors"))
            self.check(layers, z, z * table[2], "--class", "2")

    def test_refused(self):
        """Everything is listed at once."""
        layers = chain()
        layers[2] = ("Softsign", {}, [], None)
        layers[3] = ("LSTM", {"units": 3}, [], None)
        layers[7] = ("Conv2D", dict(layers[7][1], data_format="channels_first"), layers[7][2], None)
        write_h5(self.path("m.h5"), sequential(layers), named(layers))
        with self.assertRaises(keras.Unsupported) as e:
            keras.make(self.path("m.h5"), self.path("m.safetensors"))
        self.assertIn("Softsign", e.exception.items[0])
        with h5py.File(self.path("w.h5"), "w") as f:
            f.create_group("model_weights")
        with self.assertRaises(keras.Unsupported) as e:
            keras.make(self.path("w.h5"), self.path("m.safetensors"))
        self.assertIn("weights alone", str(e.exception))
        self.assertFalse(os.path.exists(self.path("m.safetensors")))


if __name__ == "__main__":
    unittest.main()
