"""Any other library whose arrays speak DLPack: NumPy views their memory, and the result goes back.

What lies in the memory of CUDA's device stays there: it is lent to a stream of ours, and lent until
that is done with it.

The way back is the library's own ``from_dlpack``, of the array's namespace or of the package that
defines its class; a library without one gets a NumPy array.
"""

import sys

import numpy as np

from ainv import _ainv
from ainv._ainv import InvExResult
from ainv._libraries import cuda
from ainv._libraries.arguments import functions

# DLPack's numbers of the devices whose memory the CPU reads: the CPU, and memory pinned for a GPU.
_READABLE = (1, 3, 11)


def memory(a):
    """The NumPy view of an array; of another library's, or what NumPy reads."""
    if isinstance(a, np.ndarray) or not hasattr(a, "__dlpack__"):
        return a
    kind, number = a.__dlpack_device__()
    if kind not in _READABLE:
        raise RuntimeError(
            f"the array is on device {number} of DLPack's kind {int(kind)}, for which this version "
            "of ainv has no back-end: copy it to the CPU first"
        )
    return np.from_dlpack(a)


def _own(x):
    """A result that speaks DLPack: NumPy's scalars do not."""
    return x if hasattr(x, "__dlpack__") else np.asarray(x)


def _given(x, *arrays):
    """A result as an array of the library of the first array that has one."""
    for a in arrays:
        if hasattr(a, "__array_namespace__"):
            return a.__array_namespace__().from_dlpack(_own(x))
        library = sys.modules.get(type(a).__module__.partition(".")[0])
        if hasattr(a, "__dlpack__") and hasattr(library, "from_dlpack"):
            return library.from_dlpack(_own(x))
    return x


def on_cuda(a):
    """Whether an array lies in the memory of a device of CUDA's, and this build has the feature for it."""
    return (
        cuda.is_served()
        and hasattr(a, "__dlpack_device__")
        and int(a.__dlpack_device__()[0]) == cuda.KIND
    )


def call_on_cuda(function, arrays, options):
    """Our function of arrays on the device, as work of our own stream."""
    options = dict(options)
    if options.pop("out", None) is not None:
        raise TypeError("results on a GPU are new arrays: leave out= away")
    if not all(map(on_cuda, arrays)):
        raise TypeError("one array is on the GPU, another one is not: take both there")
    for a in arrays:
        cuda.check(int(a.__dlpack_device__()[1]))
    lent = [_ainv._Import(a) for a in arrays]

    def empty(shape, dtype):
        x = _ainv._DeviceArray(shape, dtype)
        return x, x.address

    try:
        views = [a.view for a in lent]
        x = cuda.compute(function.__name__, views, empty, _ainv._cuda_stream(), options)
    finally:
        _ainv._keep(lent)
    if isinstance(x, InvExResult):
        return InvExResult(*(_given(part, *arrays) for part in x))
    return _given(x, *arrays)


def _call(function, arrays, options):
    if any(map(on_cuda, arrays)):
        return call_on_cuda(function, arrays, options)
    x = function(*map(memory, arrays), **{name: memory(t) for name, t in options.items()})
    if options.get("out") is not None:
        return options["out"]
    if isinstance(x, InvExResult):
        return InvExResult(*(_given(part, *arrays) for part in x))
    return _given(x, *arrays)


globals().update(functions(_call))
