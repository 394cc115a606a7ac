"""CuPy: arrays on the GPU in and out, as work of CuPy's current stream, in memory of CuPy's pool.

Single precision is computed in single, as CuPy does.
"""

import cupy

from ainv import _ainv
from ainv._ainv import InvExResult
from ainv._libraries import cuda
from ainv._libraries.arguments import functions

ARRAYS = (cupy.ndarray,)
# Single precision is computed in single where nothing is said.
NATIVE = True


def _scalar(dtype):
    """The scalar that arrays of a dtype are computed in."""
    return {"b": "float64", "i": "float64", "u": "float64"}.get(
        dtype.kind, "float32" if dtype.name == "float16" else dtype.name
    )


def _view(a):
    return a.data.ptr, a.shape, [step // a.itemsize for step in a.strides], a.dtype.name


def current(stream, a):
    """The context in which a stream is the current one of the array's device; None if it is not CuPy's."""
    if not isinstance(stream, (cupy.cuda.Stream, cupy.cuda.ExternalStream)):
        return None
    # -1 is every device's default stream.
    if stream.device_id not in (-1, a.device.id):
        raise ValueError(f"the stream is on device {stream.device_id}, the array on {a.device.id}")
    return stream


def _call(function, arrays, options):
    options = dict(options)
    out = options.pop("out", None)
    if not cuda.is_served():
        raise RuntimeError(
            f"the array is on device {arrays[0].device.id} of DLPack's kind 2, for which this version "
            "of ainv has no back-end: copy it to the CPU first"
        )
    for a in arrays:
        if not isinstance(a, cupy.ndarray):
            raise TypeError(f"one array is CuPy's, another one {type(a).__name__}: take both to the GPU")
        cuda.check(a.device.id)
    dtype = cupy.result_type(*arrays)
    half = dtype.name == "float16"
    views = [a.astype(_scalar(dtype), copy=False) for a in arrays]
    with arrays[0].device:

        def empty(shape, name):
            x = cupy.empty(shape, name)
            return x, x.data.ptr

        stream = cupy.cuda.get_current_stream().ptr
        x = cuda.compute(function.__name__, [_view(a) for a in views], empty, stream, options)
        if function is _ainv.inv_ex:
            inverse = x.inverse.astype(dtype) if half else x.inverse
            return InvExResult(_given(inverse, out and out[0]), _given(x.info, out and out[1]))
        return _given(x.astype(dtype) if half else x, out)


def _given(x, out):
    if out is None:
        return x
    if out.shape != x.shape:
        raise ValueError(f"out has shape {out.shape}, the result {x.shape}")
    if not cupy.can_cast(x.dtype, out.dtype, "safe"):
        raise TypeError(f"out has dtype {out.dtype}, which does not hold the result's {x.dtype}")
    out[...] = x
    return out


globals().update(functions(_call))
