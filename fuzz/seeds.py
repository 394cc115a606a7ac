"""Writes a few small files of each format to begin from, as NumPy, SciPy and safetensors make them."""

import io
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse
from safetensors.numpy import save

CORPUS = Path(__file__).parent / "corpus"


def put(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def written(write, *args, **options):
    file = io.BytesIO()
    write(file, *args, **options)
    return file.getvalue()


def arrays():
    a = np.arange(24.0).reshape(2, 3, 4) - 7.5
    for dtype in "?", "<i2", ">u8", "<f2", ">f4", "<f8", "<c8", ">c16":
        yield dtype.strip("<>?") or "b1", a.astype(dtype)
    yield "fortran", np.asfortranarray(a)
    yield "fortran4", np.asfortranarray(a.reshape(2, 3, 2, 2))
    yield "column", a[0, 0]
    yield "empty", a[:0]


for name, a in arrays():
    put("npy", name, written(np.save, a))
    put("npz", name, written(np.savez, a, b=a[..., :1]))
    put("npz", name + "_deflated", written(np.savez_compressed, a, **{"x/y": a}))
    if a.dtype.isnative and a.dtype != np.complex128:
        put("safetensors", name, save({"a": np.ascontiguousarray(a), "b": np.ones((2, 2))}))
put("npz", "strings", written(np.savez, np.array(["x"]), b=np.eye(2), c=np.float64(1)))

real = np.array([[1.5, 0, 2], [0, -1e300, 0], [2, 0, np.inf]])
for name, a in {
    "real": real,
    "integer": np.arange(9).reshape(3, 3),
    "complex": real + 1j * np.tri(3),
    "hermitian": np.array([[1, 2 - 1j], [2 + 1j, 3]]),
    "skew": np.array([[0.0, 2], [-2, 0]]),
}.items():
    put("mtx", name, written(scipy.io.mmwrite, a))
    put("mtx", name + "_sparse", written(scipy.io.mmwrite, scipy.sparse.coo_array(a)))
pattern = written(scipy.io.mmwrite, scipy.sparse.coo_array(real), field="pattern")
put("mtx", "pattern", pattern)
put("table", "real", b"1,-2.5e-3\n30,nan\n")
put("table", "complex", b'"1+2j", (3-4e-5j)\r\n inf,-j\r\n\r\n')
