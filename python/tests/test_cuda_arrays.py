"""Arrays in the memory of CUDA's device: in and out, in the order of streams, without a wait of the host.

They are tried on the device in software (`scripts/cuda`), whose memory the host reads: here is a library whose
arrays lie there, and stand-ins for what CuPy and torch say of theirs.
"""

import contextlib
import ctypes
import gc
import os
import sys
import types

import numpy as np
import pytest

import ainv
from ainv._libraries import dlpack, within

software = "AINV_SOFTWARE_KERNELS" in os.environ and hasattr(ainv._ainv, "_on_cuda")
pytestmark = pytest.mark.skipif(not software, reason="no device of CUDA in software, or no feature cuda")

POINTER = ctypes.c_void_p
RANDOM = np.random.default_rng(0)
DTYPES = ["float32", "float64", "complex64", "complex128"]
CODES = {"i": 0, "f": 2, "c": 5}


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", POINTER),
        ("device", ctypes.c_int32 * 2),
        ("axes", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("offset", ctypes.c_uint64),
    ]


DELETER = ctypes.CFUNCTYPE(None, POINTER)


class Managed(ctypes.Structure):
    _fields_ = [("tensor", Tensor), ("context", POINTER), ("deleter", DELETER)]


class Versioned(ctypes.Structure):
    _fields_ = [
        ("version", ctypes.c_uint32 * 2),
        ("context", POINTER),
        ("deleter", DELETER),
        ("flags", ctypes.c_uint64),
        ("tensor", Tensor),
    ]


KINDS = {b"dltensor": Managed, b"dltensor_versioned": Versioned}
python = ctypes.pythonapi
python.PyCapsule_New.restype = ctypes.py_object
python.PyCapsule_New.argtypes = [POINTER, ctypes.c_char_p, POINTER]
python.PyCapsule_GetName.restype = ctypes.c_char_p
python.PyCapsule_GetName.argtypes = [ctypes.py_object]
python.PyCapsule_GetPointer.restype = POINTER
python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
python.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]


def ok(outcome):
    assert outcome == 0, outcome


class Device:
    """The driver's functions, in the context of the device."""

    def __init__(self):
        assert ainv.device_count("gpu") == 1
        self.driver = ctypes.CDLL("libcuda.so.1")
        self.driver.ainv_software_waits.restype = ctypes.c_size_t
        context = POINTER()
        ok(self.driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0))
        ok(self.driver.cuCtxPushCurrent_v2(context))
        self.gate = ctypes.c_int(1)
        self.stream = self.new_stream()

    def new_stream(self):
        stream = POINTER()
        ok(self.driver.cuStreamCreate(ctypes.byref(stream), 1))
        return stream

    def waits(self):
        return self.driver.ainv_software_waits()

    def synchronize(self, stream=None):
        ok(self.driver.cuStreamSynchronize(stream or self.stream))

    def close(self):
        """What the stream is told from now on is not done before `open`."""
        self.gate.value = 0
        ok(self.driver.ainv_software_hold(self.stream, ctypes.byref(self.gate)))

    def open(self):
        self.gate.value = 1
        self.driver.ainv_software_look()

    def order(self, before, after):
        event = POINTER()
        ok(self.driver.cuEventCreate(ctypes.byref(event), 2))
        ok(self.driver.cuEventRecord(event, before))
        ok(self.driver.cuStreamWaitEvent(after, event, 0))


@pytest.fixture(scope="module")
def device():
    return Device()


class Array:
    """An array of a library that has DLPack and a stream. Its memory is NumPy's: the host's and the device's are one."""

    lent = {}

    def __init__(self, device, a, versions=True, number=0, fill=True):
        self.device, self.versions, self.number = device, versions, number
        self.base = a
        self.streams, self.deleted, self.capsules = [], 0, []
        if not fill:
            self.values = a.copy()
            a[...] = np.nan
            to, values = ctypes.c_uint64(a.ctypes.data), POINTER(self.values.ctypes.data)
            size = ctypes.c_size_t(a.nbytes)
            ok(device.driver.cuMemcpyHtoDAsync_v2(to, values, size, device.stream))

    def __dlpack_device__(self):
        return (2, self.number)

    def __dlpack__(self, *, stream, **keywords):
        if keywords and not self.versions:
            raise TypeError("no such keyword")
        assert not keywords or keywords == {"max_version": (1, 0)}
        assert type(stream) is int and stream not in (0, -1)
        self.streams.append(stream)
        self.device.order(self.device.stream, POINTER(stream))
        a = self.base
        shape = (ctypes.c_int64 * a.ndim)(*a.shape)
        strides = (ctypes.c_int64 * a.ndim)(*(s // a.itemsize for s in a.strides))
        dtype = CODES[a.dtype.kind], 8 * a.itemsize, 1
        tensor = Tensor(a.ctypes.data, (2, self.number), a.ndim, *dtype, shape, strides, 0)

        def delete(_):
            self.deleted += 1

        deleter = DELETER(delete)
        if self.versions:
            name, managed = b"dltensor_versioned", Versioned((1, 0), None, deleter, 0, tensor)
        else:
            name, managed = b"dltensor", Managed(tensor, None, deleter)
        self.lent[id(managed)] = (managed, shape, strides, deleter, self)
        capsule = python.PyCapsule_New(ctypes.addressof(managed), name, None)
        self.capsules.append(capsule)
        return capsule

    def __array_namespace__(self):
        return types.SimpleNamespace(from_dlpack=lambda x: Taken(self.device, x, self.versions))


class Taken:
    """What the library makes of another one's array."""

    def __init__(self, device, x, versions):
        assert x.__dlpack_device__() == (2, 0)
        for wrong in (0, -2):
            with pytest.raises(ValueError, match="stream"):
                x.__dlpack__(stream=wrong)
        with pytest.raises(BufferError):
            x.__dlpack__(stream=-1, copy=True)
        with pytest.raises(BufferError):
            x.__dlpack__(stream=-1, dl_device=(1, 0))
        keywords = {"max_version": (1, 1)} if versions else {}
        # One that no one takes, and one that is taken.
        x.__dlpack__(stream=-1)
        capsule = x.__dlpack__(stream=device.stream.value, **keywords)
        name = b"dltensor_versioned" if versions else b"dltensor"
        assert python.PyCapsule_GetName(capsule) == name
        self.at = python.PyCapsule_GetPointer(capsule, name)
        self.managed = KINDS[name].from_address(self.at)
        used = b"used_dltensor_versioned" if versions else b"used_dltensor"
        ok(python.PyCapsule_SetName(capsule, used))
        tensor = self.managed.tensor
        assert tuple(tensor.device) == (2, 0) and tensor.lanes == 1
        self.shape = tuple(tensor.shape[i] for i in range(tensor.axes))
        kind = {0: "int", 2: "float", 5: "complex"}[tensor.code]
        self.dtype = np.dtype(f"{kind}{tensor.bits}")
        self.data, self.device = tensor.data + tensor.offset, device

    def values(self):
        self.device.synchronize()
        count = int(np.prod(self.shape)) * self.dtype.itemsize
        data = ctypes.string_at(self.data, count)
        return np.frombuffer(data, self.dtype).reshape(self.shape)

    def __del__(self):
        if hasattr(self, "managed"):
            self.managed.deleter(self.at)


def random(shape, dtype):
    a = RANDOM.standard_normal(shape)
    if dtype.startswith("c"):
        a = a + 1j * RANDOM.standard_normal(shape)
    return a.astype(dtype)


def posdef(a):
    return a @ a.conj().swapaxes(-1, -2) + a.shape[-1] * np.eye(a.shape[-1], dtype=a.dtype)


CALLS = {
    "inv": lambda a, **o: ainv.inv(a, **o),
    "hermitian": lambda a, **o: ainv.inv(a, assume="hermitian", **o),
    "symmetric": lambda a, **o: ainv.inv(a, assume="sym", **o),
    "posdef": lambda a, **o: ainv.inv(a, assume="posdef", **o),
    "lower": lambda a, **o: ainv.inv(a, assume="lower", **o),
    "upper": lambda a, **o: ainv.inv(a, assume="upper", **o),
    "diagonal": lambda a, **o: ainv.inv(a, assume="diagonal", **o),
    "cholesky": lambda a, **o: ainv.cholesky(a, **o),
    "cholesky upper": lambda a, **o: ainv.cholesky(a, upper=True, **o),
    "cholesky_inv": lambda a, **o: ainv.cholesky_inv(a, **o),
    "tri_inv": lambda a, **o: ainv.tri_inv(a, **o),
    "tri_inv unit": lambda a, **o: ainv.tri_inv(a, upper=True, unit_diagonal=True, **o),
    "pinv": lambda a, **o: ainv.pinv(a, rtol=1e-3, **o),
    "solve": lambda a, **o: ainv.solve(a, a, **o),
    "solve posdef": lambda a, **o: ainv.solve(a, a, assume="posdef", **o),
    "solve diagonal": lambda a, **o: ainv.solve(a, a, assume="diagonal", **o),
    "instead": lambda a, **o: ainv.inv(a, assume="upper", on_singular="pinv", **o),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_bits_of_arrays_of_the_host(device, call, dtype):
    for n in (3, 6, 40):
        a = posdef(random((2, 3, n, n), dtype))
        # In C order, transposed, every other one of a larger array backwards, one for all.
        backwards, repeated = np.repeat(a, 2, axis=1)[:, ::-2], np.broadcast_to(a[:1, :1], a.shape)
        cases = [a, a.swapaxes(-1, -2), backwards, repeated]
        for case in cases if n == 6 else cases[1:2]:
            there = Array(device, case)
            for precision in ("native", "double") if n == 6 else ("native",):
                x = call(there, precision=precision)
                expected = call(np.ascontiguousarray(case), stream=ainv.gpu, precision=precision)
                assert isinstance(x, Taken) and x.dtype == expected.dtype
                np.testing.assert_array_equal(x.values(), expected)


def test_shapes_of_systems_and_pseudo_inverses(device):
    a, b = random((3, 1, 5, 5), "float64"), random((4, 5, 2), "float64")
    x = ainv.solve(Array(device, a), Array(device, b))
    np.testing.assert_array_equal(x.values(), ainv.solve(a, b, stream=ainv.gpu))
    vector = ainv.solve(Array(device, a[0, 0]), Array(device, b[0, :, 0]))
    np.testing.assert_array_equal(vector.values(), ainv.solve(a[0, 0], b[0, :, 0], stream=ainv.gpu))
    for shape in ((3, 7, 4), (3, 4, 7)):
        a = random(shape, "float64")
        np.testing.assert_array_equal(ainv.pinv(Array(device, a)).values(), ainv.pinv(a, stream=ainv.gpu))
    for shape in ((0, 3, 3), (2, 0, 0)):
        x, info = ainv.inv_ex(Array(device, np.zeros(shape)))
        assert x.shape == shape and info.shape == shape[:1] and not info.values().any()


@pytest.mark.parametrize("n", [2, 6, 40])
def test_the_device_decides_again(device, n):
    # Rows and columns far apart: what is near zero beside the largest entry is not in its own row.
    a = random((5, n, n), "float64")
    a[1] *= 2.0 ** np.linspace(-400, 400, n)[:, None]
    a[2] = np.diag(2.0 ** np.linspace(-500, 500, n))
    a[3, :, 1] = 0
    a[4, 0, 0] = np.nan
    x, info = ainv.inv_ex(Array(device, a))
    expected, numbers = ainv.inv_ex(a, stream=ainv.gpu)
    np.testing.assert_array_equal(x.values(), expected)
    assert info.dtype == np.int32
    np.testing.assert_array_equal(info.values(), numbers)
    b = random((5, n, 3), "float64") * 2.0**300
    x = ainv.solve(Array(device, a), Array(device, b), on_singular="nan")
    np.testing.assert_array_equal(x.values(), ainv.solve(a, b, on_singular="nan", stream=ainv.gpu))


@pytest.mark.parametrize("versions", [True, False])
def test_order_of_streams_and_lent_memory(device, versions):
    a = random((4, 6, 6), "float64")
    ainv.inv_ex(Array(device, a))  # compiles the kernels
    expected = ainv.inv(a, stream=ainv.gpu)
    ainv._ainv._keep([])
    before = device.waits()
    device.close()
    late = Array(device, a, versions, fill=False)
    x, info = ainv.inv_ex(late)
    assert device.waits() == before, "the host looked for the end of something"
    assert late.deleted == 0 and len(late.streams) == 1
    name = b"used_dltensor_versioned" if versions else b"used_dltensor"
    assert python.PyCapsule_GetName(late.capsules[0]) == name
    device.open()
    np.testing.assert_array_equal(x.values(), expected)
    assert not info.values().any()
    device.synchronize(POINTER(late.streams[0]))
    ainv._ainv._keep([])
    gc.collect()
    assert late.deleted == 1


def test_errors(device):
    a = random((4, 6, 6), "float64")
    a[2, :, 3] = 0
    with pytest.raises(ainv.LinAlgError) as e:
        ainv.inv(Array(device, a))
    assert e.value.batch_index == (2,) and e.value.diagonal == 4
    with pytest.raises(ainv.LinAlgError):
        ainv.inv_ex(Array(device, a), check_errors=True)
    there = Array(device, a)
    for pattern, error, call in [
        ("device 1.*device 0", RuntimeError, lambda: ainv.inv(Array(device, a, number=1))),
        ("out=", TypeError, lambda: ainv.inv(there, out=there)),
        ("one array is on the GPU", TypeError, lambda: ainv.solve(there, a)),
        ("int64", TypeError, lambda: ainv.inv(Array(device, np.eye(3, dtype=int)))),
        ("square", ainv.LinAlgError, lambda: ainv.inv(Array(device, a[:, :2]))),
        ("rcond in the 2-norm", RuntimeError, lambda: ainv.rcond(there, p=2)),
        ("none of: 1, 2, inf", ValueError, lambda: ainv.rcond(there, p=3)),
        ("stream=", ValueError, lambda: ainv.inv(there, stream=ainv.cpu)),
    ]:
        with pytest.raises(error, match=pattern):
            call()
    ainv.inv(Array(device, a[:1]), stream=ainv.gpu).values()


def test_pseudo_inverses_of_what_has_no_inverse(device):
    a = random((2, 4, 6, 6), "float32")
    a[1, 2, :, 3] = 0
    a[0, 1, 2] = 0
    a[0, 0, 0, 0] = np.nan
    x = ainv.inv(Array(device, a), on_singular="pinv").values()
    expected = ainv.inv(a, on_singular="pinv", stream=ainv.gpu, precision="native")
    np.testing.assert_array_equal(x, expected)
    assert np.isfinite(x[1]).all() and np.isnan(x[0, 0]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_conditions(device, dtype):
    a = posdef(random((2, 3, 6, 6), dtype))
    a[1, 1, 2] = a[1, 1, 3]
    a[1, 1, 2, 2] *= 1 + np.finfo(dtype).eps
    a[1, 2] = 0
    for assume in ("auto", "diagonal", "posdef"):
        for p in (1, np.inf):
            x = ainv.rcond(Array(device, a.swapaxes(-1, -2)), p=p, assume=assume)
            assert isinstance(x, Taken) and x.shape == (2, 3) and x.dtype == a.real.dtype
            # An array of ours is computed in its own precision.
            there = ainv.asarray(a.swapaxes(-1, -2).copy())
            expected = np.asarray(ainv.rcond(there, p=p, assume=assume, stream=ainv.gpu))
            np.testing.assert_array_equal(x.values(), expected)
    alone = ainv.rcond(Array(device, a[0, 0]))
    assert alone.shape == () and 0 < alone.values() < 1
    calls = {
        "inv": lambda a, **o: ainv.inv(a, on_singular="nan", **o),
        "solve": lambda a, **o: ainv.solve(a, a, on_singular="nan", **o),
        "tri_inv": lambda a, **o: ainv.tri_inv(a, on_singular="nan", **o),
    }
    for call in calls.values():
        here = ainv.asarray(a)
        with ainv.ill_conditioned("raise", 0.5):
            with pytest.raises(ainv.LinAlgError) as e:
                call(Array(device, a))
            with pytest.raises(ainv.LinAlgError) as expected:
                ainv.eval(call(here, stream=ainv.gpu))
        assert e.value.batch_index == expected.value.batch_index
        assert e.value.rcond == expected.value.rcond
        with ainv.ill_conditioned("warn", 0.5), pytest.warns(ainv.LinAlgWarning):
            x = call(Array(device, a)).values()
        np.testing.assert_array_equal(x, np.asarray(call(here, stream=ainv.gpu)))


def test_conditions_do_not_wait(device):
    a = random((4, 6, 6), "float64")
    ainv.rcond(Array(device, a))  # compiles the kernels
    expected = ainv.rcond(a, stream=ainv.gpu)
    before = device.waits()
    device.close()
    late = Array(device, a, fill=False)
    x = ainv.rcond(late)
    with ainv.ill_conditioned("raise"):
        ainv.inv_ex(late)
    assert device.waits() == before, "the host looked for the end of something"
    device.open()
    np.testing.assert_array_equal(x.values(), expected)


def test_cupy_by_a_stand_in(device, monkeypatch):
    """What ainv asks of CuPy's module, done by NumPy in memory that the device in software reads."""
    cupy = types.ModuleType("cupy")

    class ndarray(np.ndarray):
        __module__ = "cupy"

        @property
        def data(self):
            return types.SimpleNamespace(ptr=self.ctypes.data)

    class Here:
        id = 0
        __enter__ = __exit__ = lambda *_: None

    ndarray.device = Here()
    cupy.ndarray, cupy.result_type, cupy.can_cast = ndarray, np.result_type, np.can_cast
    cupy.empty = lambda shape, dtype: np.empty(shape, dtype).view(ndarray)
    used = []

    class Stream:
        device_id = -1

        def __init__(self, handle):
            self.handle = handle

        @property
        def ptr(self):
            used.append(self)
            return self.handle

        def __enter__(self):
            streams.append(self)

        def __exit__(self, *_):
            streams.pop()

    streams = [Stream(device.stream.value)]
    cupy.cuda = types.SimpleNamespace(
        get_current_stream=lambda: streams[-1], Stream=Stream, ExternalStream=type(cupy)
    )
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    from ainv._libraries import cupy as adapter

    a = random((3, 6, 6), "float32")
    x = adapter.inv(a.swapaxes(-1, -2).view(ndarray))
    device.synchronize()
    expected = ainv.inv(a.swapaxes(-1, -2).copy(), stream=ainv.gpu, precision="native")
    np.testing.assert_array_equal(x, expected)
    x, info = adapter.inv_ex(a.view(ndarray))
    device.synchronize()
    assert isinstance(x, ndarray) and info.dtype == np.int32 and not info.any()
    found = adapter.rcond(a.view(ndarray), None, "auto")
    device.synchronize()
    assert isinstance(found, ndarray) and found.shape == (3,) and found.dtype == np.float32

    other = Stream(device.new_stream().value)
    used.clear()
    x = within(adapter, other, a.view(ndarray)).inv(a.swapaxes(-1, -2).view(ndarray))
    device.synchronize(POINTER(other.handle))
    np.testing.assert_array_equal(x, expected)
    assert used == [other] and len(streams) == 1
    assert within(adapter, ainv.cpu, a.view(ndarray)) is None
    other.device_id = 1
    with pytest.raises(ValueError, match="the stream is on device 1"):
        within(adapter, other, a.view(ndarray))


def test_other_streams(device, monkeypatch):
    class Stream:
        """One of CuPy's, by its name."""

        __module__ = "cupy.cuda.stream"

    entered = []

    class Context:
        def __enter__(self):
            entered.append("in")

        def __exit__(self, *_):
            entered.append("out")

    a, stream = random((3, 6, 6), "float64"), Stream()
    there = Array(device, a)
    with pytest.raises(ValueError, match="stream="):
        ainv.inv(there, stream=stream)
    current = lambda s, array: Context() if s is stream and array is there else None
    monkeypatch.setattr(dlpack, "current", current, raising=False)
    x = ainv.inv(there, stream=stream)
    assert entered == ["in", "out"]
    np.testing.assert_array_equal(x.values(), ainv.inv(a, stream=ainv.gpu))
    with pytest.raises(ValueError, match="stream="):
        ainv.inv(there, stream=ainv.new_stream(ainv.gpu))


def test_what_jax_hands_over(monkeypatch):
    """Arrays of the host taken for the device's: what is asked of DLPack's way."""
    jax = pytest.importorskip("jax")
    from ainv._libraries import jax as adapter

    asked = []
    monkeypatch.setattr(dlpack, "on_cuda", lambda a: True)
    monkeypatch.setattr(dlpack, "call_on_cuda", lambda *arguments: asked.append(arguments))
    a, b = jax.numpy.eye(3, dtype="float32"), jax.numpy.ones(3, dtype="complex64")
    adapter.inv(a)
    adapter.rcond(a)
    adapter.solve(a, b, assume="posdef")
    functions = [function.__name__ for function, _, _ in asked]
    assert functions == ["inv", "rcond", "solve"]
    _, systems, options = asked[2]
    assert [str(x.dtype) for x in systems] == ["complex64"] * 2 and options["assume"] == "posdef"


# torch finds the driver in software, which is older than the one that it wants.
@pytest.mark.filterwarnings("ignore:CUDA initialization")
def test_torch_by_a_stand_in(device, monkeypatch):
    """Tensors of the host taken for the device's, which in software has the same memory."""
    torch = pytest.importorskip("torch")
    from ainv._libraries.torch import general, gpu

    monkeypatch.setattr(gpu, "has", lambda a: True)
    monkeypatch.setattr(gpu.cuda, "check", lambda index: None)
    stream = types.SimpleNamespace(cuda_stream=device.stream.value)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    a = torch.randn(3, 6, 6, dtype=torch.float64, requires_grad=True)
    x = general.inv(a.mT, "auto", "raise", "native")
    np.testing.assert_array_equal(x.detach(), ainv.inv(a.detach().mT.numpy(), stream=ainv.gpu))
    x.sum().backward()
    other = a.detach().clone().requires_grad_()
    torch.linalg.inv(other.mT).sum().backward()
    torch.testing.assert_close(a.grad, other.grad)

    found = general.rcond(a.detach(), torch.inf, "auto")
    device.synchronize()
    expected = ainv.rcond(a.detach().numpy(), p=np.inf, stream=ainv.gpu)
    np.testing.assert_array_equal(found, expected)

    Stream = types.SimpleNamespace
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext(stream))
    assert gpu.current(ainv.cpu, a) is None
    with gpu.current(Stream(device=a.device), a) as entered:
        assert entered.device == a.device
    with pytest.raises(ValueError, match="the stream is on meta"):
        gpu.current(Stream(device=torch.device("meta")), a)
