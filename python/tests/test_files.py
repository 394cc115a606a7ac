"""The command on files that NumPy, SciPy and safetensors write, and they on files that it writes."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import scipy.io
import scipy.sparse
from helpers import assert_inverse, random

AINV = shutil.which("ainv", path=Path(sys.executable).parent)


def run(*args, input=None):
    done = subprocess.run([AINV, *map(str, args)], input=input, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def load(path):
    """What the peer of a format reads; of several arrays the first."""
    match path.suffix:
        case ".npy":
            return np.load(path)
        case ".npz":
            with np.load(path) as arrays:
                return arrays[arrays.files[0]]
        case ".safetensors":
            return next(iter(safetensors.numpy.load_file(path).values()))
        case ".mtx":
            a = scipy.io.mmread(path)
            return a.toarray() if scipy.sparse.issparse(a) else a
        case ".csv" | ".tsv":
            delimiter = "," if path.suffix == ".csv" else "\t"
            text = path.read_text()
            dtype = complex if "j" in text else float
            return np.loadtxt(io.StringIO(text), dtype=dtype, delimiter=delimiter, ndmin=2)


def assert_inverted(folder, file, a, ending=None, dtype=None):
    out = folder / f"out{ending or file.suffix}"
    run("inv", file, "-o", out)
    x = load(out)
    assert x.shape == a.shape
    assert x.dtype == (dtype or a.dtype)
    assert_inverse(a.astype(x.dtype), x)


@pytest.mark.parametrize("ending", [".npy", ".npz", ".safetensors"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_stacks(tmp_path, dtype, ending):
    if ending == ".safetensors" and dtype == "complex128":
        pytest.skip("the format has no complex128")
    a = random((5, 4, 4), dtype)
    np.save(tmp_path / "a.npy", a)
    assert_inverted(tmp_path, tmp_path / "a.npy", a, ending)
    np.savez(tmp_path / "b.npz", a=a)
    assert_inverted(tmp_path, tmp_path / "b.npz", a, ending)
    np.savez_compressed(tmp_path / "c.npz", a=a)
    assert_inverted(tmp_path, tmp_path / "c.npz", a, ending)
    if dtype != "complex128":
        safetensors.numpy.save_file({"a": a}, tmp_path / "d.safetensors")
        assert_inverted(tmp_path, tmp_path / "d.safetensors", a, ending)


@pytest.mark.parametrize("dtype", ["<f2", ">f4", ">f8", ">c8", ">c16", "<i2", ">i8", "u1", "<u4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_storages(tmp_path, dtype, order):
    a = np.asarray(np.round(4 * random((3, 4, 4))) + 40 * np.eye(4))
    a = np.abs(a).astype(dtype, order=order)
    read = np.result_type(a.dtype.newbyteorder("="), np.float32)
    read = np.dtype(np.float64) if a.dtype.kind in "iu" else read
    np.save(tmp_path / "a.npy", a)
    assert_inverted(tmp_path, tmp_path / "a.npy", a, dtype=read)
    np.savez_compressed(tmp_path / "a.npz", a=a)
    assert_inverted(tmp_path, tmp_path / "a.npz", a, dtype=read)


def test_bfloat16(tmp_path):
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    a = (random((4, 4)) + 4 * np.eye(4)).astype(bfloat16)
    safetensors.numpy.save_file({"a": a}, tmp_path / "a.safetensors")
    wide = a.astype(np.float32)
    assert_inverted(tmp_path, tmp_path / "a.safetensors", wide)


def structured(symmetry, field):
    a = random((6, 6), "complex128" if field == "complex" else "float64") + 8 * np.eye(6)
    if field == "integer":
        a = np.round(a)
    match symmetry:
        case "symmetric":
            a = a + a.T
        case "skew-symmetric":
            a = a - a.T
        case "hermitian":
            a = a + a.conj().T
    return a.astype(int) if field == "integer" else a


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("field", ["real", "complex", "integer"])
@pytest.mark.parametrize("symmetry", ["general", "symmetric", "skew-symmetric", "hermitian"])
def test_matrix_market(tmp_path, symmetry, field, sparse):
    if symmetry == "hermitian" and field != "complex":
        pytest.skip("the format has it for complex matrices alone")
    a = structured(symmetry, field)
    file = tmp_path / "a.mtx"
    content = scipy.sparse.coo_array(a) if sparse else a
    scipy.io.mmwrite(file, content, field=field, symmetry=symmetry)
    assert symmetry in file.read_text().splitlines()[0]
    dtype = "complex128" if field == "complex" else "float64"
    for ending in ".mtx", ".npy":
        assert_inverted(tmp_path, file, a, ending, dtype)


def test_matrix_market_pattern_and_duplicates(tmp_path):
    a = scipy.sparse.coo_array(np.tri(5))
    file = tmp_path / "a.mtx"
    scipy.io.mmwrite(file, a, field="pattern")
    assert_inverted(tmp_path, file, np.tri(5))
    file.write_text("%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1\n1 1 1\n2 2 4\n")
    assert_inverted(tmp_path, file, scipy.io.mmread(file).toarray())


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_tables(tmp_path, dtype, ending):
    a = random((4, 4), dtype)
    file = tmp_path / f"a{ending}"
    np.savetxt(file, a, delimiter="," if ending == ".csv" else "\t")
    assert_inverted(tmp_path, file, a)


def test_an_archive_of_several_arrays(tmp_path):
    a, b = random((3, 3)), random((2, 4, 4), "complex64")
    np.savez(tmp_path / "a.npz", a=a, b=b, note=np.array("not a matrix"))
    said = run("info", tmp_path / "a.npz").decode()
    assert "one float64 matrix of 3 x 3" in said
    assert "2 complex64 matrices of 4 x 4" in said


def test_pipes():
    a = random((7, 3, 3))
    for order in "C", "F":
        file = io.BytesIO()
        np.save(file, a.copy(order=order))
        out = run("inv", "-", "--format", "npy", "-o", "-", input=file.getvalue())
        assert_inverse(a, np.load(io.BytesIO(out)))


def test_numbers_keep_all_their_digits(tmp_path):
    np.save(tmp_path / "a.npy", random((3, 3)) * 1e-200)
    run("inv", tmp_path / "a.npy", "-o", tmp_path / "x.npy")
    exact = np.load(tmp_path / "x.npy")
    for ending in ".csv", ".tsv", ".mtx":
        run("inv", tmp_path / "a.npy", "-o", tmp_path / f"x{ending}")
        np.testing.assert_array_equal(load(tmp_path / f"x{ending}"), exact)
