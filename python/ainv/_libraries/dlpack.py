"""Any other library whose arrays speak DLPack: NumPy views their memory, and the result goes back.

The way back is the library's own ``from_dlpack``, of the array's namespace or of the package that
defines its class; a library without one gets a NumPy array.
"""

import sys

import numpy as np

from ainv._ainv import InvExResult
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


def _given(x, *arrays):
    """A result as an array of the library of the first array that has one."""
    for a in arrays:
        if hasattr(a, "__array_namespace__"):
            return a.__array_namespace__().from_dlpack(np.asarray(x))
        library = sys.modules.get(type(a).__module__.partition(".")[0])
        if hasattr(a, "__dlpack__") and hasattr(library, "from_dlpack"):
            return library.from_dlpack(np.asarray(x))
    return x


def _call(function, arrays, options):
    x = function(*map(memory, arrays), **{name: memory(t) for name, t in options.items()})
    if options.get("out") is not None:
        return options["out"]
    if isinstance(x, InvExResult):
        return InvExResult(*(_given(part, *arrays) for part in x))
    return _given(x, *arrays)


globals().update(functions(_call))
