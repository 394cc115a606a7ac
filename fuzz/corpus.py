"""The inputs that fuzzing begins from, and those that are kept.

`corpus.py begin` fills corpus/ with a few small files of each format, as NumPy, SciPy and safetensors make
them, a few views and command lines, and what is in kept/. `corpus.py keep TARGET...` packs the smallest inputs of
corpus/ into kept/, of the targets that are named: one file a target, each input after its length in four bytes.
"""

import io
import struct
import sys
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse
from safetensors.numpy import save

HERE = Path(__file__).parent
CORPUS, KEPT = HERE / "corpus", HERE / "kept"
# Bytes that are kept of a target.
ROOM = 48 << 10


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


def begin():
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
    put("csv", "real", b"1,-2.5e-3\n30,nan\n")
    put("csv", "complex", b'"1+2j", (3-4e-5j)\r\n inf,-j\r\n\r\n')
    put("csv", "one", b"7")
    put("csv", "huge", b"1e999,inf\n-0.0,5e-324\n")
    put("csv", "ragged", b"1,2\n3\n")
    put("tsv", "one", b"7\n")
    put("tsv", "ragged", b"1\t2\n3\n")
    put("tsv", "real", b"1\t-2.5e-3\n30\tnan\n")
    put("tsv", "complex", b"1+2j\t(3-4e-5j)\r\n inf\t-j\r\n")
    # Axes, offset, length (the sum of two), then sizes, then strides: see fuzz/src/stack.rs.
    put("stack", "plain", bytes([3, 0, 24, 0, 2, 3, 4, 12, 4, 1]))
    put("stack", "square", bytes([3, 0, 200, 0, 5, 6, 6, 36, 6, 1]))
    put("stack", "transposed", bytes([3, 0, 200, 0, 5, 6, 6, 36, 1, 6]))
    put("stack", "reversed", bytes([3, 179, 180, 0, 5, 6, 6, 220, 250, 255]))
    put("stack", "broadcast", bytes([4, 0, 9, 0, 2, 7, 3, 3, 0, 0, 3, 1]))
    put("stack", "huge", bytes([2, 0, 9, 0, 128, *[255] * 8, 1, 0, 0]))
    for i, line in enumerate(
        [
            "inv a.npy -o x.npy --threads 2 --on-singular nan",
            "pinv a.npz --rtol 1e-9 --array b --array c --json",
            "solve a.mtx b.csv -o - --assume posdef --dtype float32",
            "tri-inv - --format tsv --upper --unit-diagonal --max-memory 2G",
            "report a.npy --html x.html",
            "info *.npy --json",
            "completions bash",
            "--help",
        ]
    ):
        put("arguments", str(i), "\n".join(line.split()).encode())
    for kept in sorted(KEPT.glob("*")):
        for i, content in enumerate(unpacked(kept.read_bytes())):
            put(kept.name, f"kept{i}", content)


def unpacked(packed):
    while packed:
        (length,) = struct.unpack_from("<I", packed)
        yield packed[4 : 4 + length]
        packed = packed[4 + length :]


def keep(targets):
    KEPT.mkdir(exist_ok=True)
    for folder in map(CORPUS.joinpath, targets):
        inputs = sorted({file.read_bytes() for file in folder.iterdir()}, key=lambda x: (len(x), x))
        packed = b""
        for content in inputs:
            if len(packed) + 4 + len(content) <= ROOM:
                packed += struct.pack("<I", len(content)) + content
        (KEPT / folder.name).write_bytes(packed)
        print(
            f"{folder.name}: {sum(1 for _ in unpacked(packed))} of {len(inputs)} inputs, {len(packed)} bytes"
        )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["begin"]:
            begin()
        case ["keep", *targets]:
            keep(targets)
