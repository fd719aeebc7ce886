"""Writes the .npy files of this folder with NumPy: python3 make.py"""

import io
import numpy as np
from numpy.lib import format as npy

a = (np.arange(24, dtype="<f4") * 0.25 - 3).reshape(2, 3, 4)
for version in (1, 2, 3):
    with open(f"v{version}.npy", "wb") as f:
        npy.write_array(f, a, version=(version, 0))
np.save("vector.npy", a.ravel()[:5])
np.save("scalar.npy", np.float32(1.5))
np.save("empty.npy", np.zeros((0, 100), "<f4"))
np.save("double.npy", a.astype("<f8"))
np.save("big_endian.npy", a.astype(">f4"))
np.save("fortran.npy", np.asfortranarray(a))
np.save("int8.npy", a.astype("i1"))
np.save("record.npy", np.zeros(2, [("x", "<f4")]))
