"""Inverses of matrices, and of stacks of matrices, at the speed of the hardware.

>>> import numpy as np, ainv
>>> a = np.array([[[4.0, 7.0], [2.0, 6.0]], [[1.0, 2.0], [3.0, 4.0]]])
>>> ainv.inv(a)
array([[[ 0.6, -0.7],
        [-0.2,  0.4]],
<BLANKLINE>
       [[-2. ,  1. ],
        [ 1.5, -0.5]]])
"""

from ainv import _libraries as _libraries
from ainv import _threadpoolctl, linalg
from ainv._ainv import (
    Array,
    Device,
    InvExResult,
    LinAlgError,
    LinAlgWarning,
    Report,
    Stream,
    __version__,
    asarray,
    cholesky,
    cholesky_inv,
    cholesky_inverse,
    cpu,
    default_device,
    default_stream,
    device_count,
    device_info,
    eval,
    get_num_threads,
    gpu,
    ill_conditioned,
    inv,
    inv_ex,
    new_stream,
    pinv,
    rcond,
    report,
    set_default_device,
    set_default_stream,
    set_num_threads,
    show_config,
    solve,
    stream,
    synchronize,
    threads,
    tri_inv,
)
from ainv._imports import when_imported
from ainv._patch import patch, unpatch

__all__ = [
    "Array",
    "Device",
    "InvExResult",
    "LinAlgError",
    "LinAlgWarning",
    "Report",
    "Stream",
    "__version__",
    "asarray",
    "cholesky",
    "cholesky_inv",
    "cholesky_inverse",
    "cpu",
    "default_device",
    "default_stream",
    "device_count",
    "device_info",
    "eval",
    "get_num_threads",
    "gpu",
    "ill_conditioned",
    "inv",
    "inv_ex",
    "linalg",
    "new_stream",
    "patch",
    "pinv",
    "rcond",
    "report",
    "set_default_device",
    "set_default_stream",
    "set_num_threads",
    "show_config",
    "solve",
    "stream",
    "synchronize",
    "threads",
    "tri_inv",
    "unpatch",
]

when_imported("threadpoolctl", _threadpoolctl.register)
