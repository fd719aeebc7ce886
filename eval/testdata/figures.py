"""Writes figures.oracle: sets of features and the figures of one against the other, in float64 by numpy and scipy.

    python3 eval/testdata/figures.py eval/testdata/figures.oracle

The formulas are those of the papers: Heusel et al. 2017 for the Frechet distance, Binkowski et al. 2018 for the
KID, Kynkaanniemi et al. 2019 for precision and recall, Naeem et al. 2020 for density and coverage.
"""
import os
import sys

import numpy as np
from scipy import linalg
from scipy.spatial.distance import cdist

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "internal", "oracle"))
import write  # noqa: E402

K = 5


def frechet(x, y):
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(a @ b)
    return np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(a) + np.trace(b) - 2 * np.trace(root).real


def frechet_singular(x, y):
    """The same for singular covariances, on which sqrtm fails: the roots are taken of symmetric matrices."""
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    w, v = np.linalg.eigh(a)
    half = (v * np.sqrt(np.maximum(w, 0))) @ v.T
    inner = np.linalg.eigvalsh(half @ b @ half)
    return np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(a) + np.trace(b) - 2 * np.sum(np.sqrt(np.maximum(inner, 0)))


def kid(x, y):
    d = x.shape[1]
    k = lambda a, b: (a @ b.T / d + 1) ** 3
    off = lambda m: (m.sum() - np.trace(m)) / (len(m) * (len(m) - 1))
    return off(k(x, x)) + off(k(y, y)) - 2 * k(x, y).mean()


def radii(x):
    return np.sort(cdist(x, x), axis=1)[:, K]  # column 0 is the row itself


def neighbors(x, y):
    """x are samples, y references."""
    d, own, their = cdist(x, y), radii(x), radii(y)
    inside = d <= their[None, :]
    return {
        "precision": inside.any(1).mean(),
        "recall": (d <= own[:, None]).any(0).mean(),
        "density": inside.sum() / K / len(x),
        "coverage": inside.any(0).mean(),
        "radii": their.sum(),
        "nearest": d.argmin(1).tolist(),
    }


def case(x, y, singular=False):
    figures = {"frechet": (frechet_singular if singular else frechet)(x, y), "kid": kid(x, y)}
    figures.update(neighbors(x, y))
    return figures


def main(path):
    rng = np.random.default_rng(1)
    sets, figures = {}, {}

    def add(name, x, y, singular=False):
        x, y = write.f32(x), write.f32(y)
        sets[name + ".samples"], sets[name + ".references"] = x, y
        figures[name] = {k: v if isinstance(v, list) else float(v) for k, v in case(x, y, singular).items()}

    mix = rng.normal(size=(8, 8))
    add("normal", rng.normal(size=(200, 8)) @ mix + 0.3, rng.normal(size=(200, 8)) @ mix)
    # As features are: none below 0, some always 0, far from the origin; other numbers of rows than a block's.
    add("features", np.maximum(rng.normal(size=(131, 21)) + np.linspace(-6, 6, 21), 0), np.maximum(1.2 * rng.normal(size=(157, 21)) + np.linspace(-6, 6, 21), 0), True)
    # More features than rows.
    add("wide", rng.normal(size=(40, 64)), 0.5 * rng.normal(size=(40, 64)), True)
    clusters = rng.normal(size=(10, 3)) * 5
    add("modes", clusters[rng.integers(0, 6, 300)] + rng.normal(size=(300, 3)), clusters[rng.integers(0, 10, 300)] + rng.normal(size=(300, 3)))
    write.write(path, sets, {"figures": figures, "k": K})


if __name__ == "__main__":
    main(sys.argv[1])
