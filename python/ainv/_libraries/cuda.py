"""Arrays in the memory of a GPU, by CUDA: what the adapters of all libraries share.

The work is given to a stream, behind what its owner told it before; nothing is copied to the host.
An adapter says where an array lies, its ``view``: the address, the shape, the strides in elements
and the dtype's name; and what ``empty`` memory a result has.
"""

from ainv import _ainv

# DLPack's number of CUDA's devices.
KIND = 2


def is_served():
    """Whether this build has the feature for it."""
    return hasattr(_ainv, "_on_cuda")


def check(index):
    """Refuses arrays of a device that is not the one that is served."""
    try:
        served = _ainv._cuda_device()
    except RuntimeError as e:
        raise RuntimeError(f"no back-end serves the array's device: {e}; copy it to the CPU first") from None
    if index != served:
        raise RuntimeError(
            f"the array is on CUDA's device {index}, ainv serves device {served}: copy it there, or "
            "choose another one before ainv is first used, by CUDA_VISIBLE_DEVICES or AINV_GPU"
        )


def compute(function, views, empty, stream, options):
    """What our function of that name is of arrays on the device."""
    options = {name: value for name, value in options.items() if value is not None}
    if function == "rcond":
        return _ainv._rcond_on_cuda(*views, empty, stream, **options)
    return _ainv._on_cuda(function, views, empty, stream, **options)
