"""The array API standard's view of ainv's functions.

``inv``, ``pinv``, ``solve`` and ``cholesky`` with the names, signatures and results of the
standard's `linalg extension <https://data-apis.org/array-api/2025.12/extensions/linear_algebra_functions.html>`_:
for generic code that is written against it. The functions of `ainv` itself say more.

>>> import numpy as np
>>> from ainv import linalg
>>> linalg.inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
array([[0.5 , 0.  ],
       [0.  , 0.25]])
"""

from typing import Any

import ainv

__all__ = ["cholesky", "inv", "pinv", "solve"]


def inv(x: Any, /) -> Any:
    """Inverses of square matrices.

    Parameters
    ----------
    x : array
        A stack of matrices, shape (..., M, M), of a floating-point dtype.

    Returns
    -------
    array
        The inverses, of the shape, the dtype and the library of `x`.

    Raises
    ------
    LinAlgError
        If a matrix is singular, or if the matrices are not square.

    See Also
    --------
    ainv.inv : The same with more to say.

    Examples
    --------
    >>> import numpy as np
    >>> from ainv import linalg
    >>> linalg.inv(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[-2. ,  1. ],
           [ 1.5, -0.5]])
    """
    return ainv.inv(x)


def pinv(x: Any, /, *, rtol: Any = None) -> Any:
    """Moore-Penrose inverses.

    Parameters
    ----------
    x : array
        A stack of matrices, shape (..., M, N), of a floating-point dtype.
    rtol : float or array, optional
        A singular value counts as zero if it is not over `rtol` times the largest: one number, or
        an array that broadcasts to the leading dimensions. max(M, N) times the epsilon of the
        dtype if None.

    Returns
    -------
    array
        The pseudo-inverses, shape (..., N, M), of the dtype and the library of `x`.

    See Also
    --------
    ainv.pinv : The same with more to say.

    Examples
    --------
    >>> import numpy as np
    >>> from ainv import linalg
    >>> np.allclose(linalg.pinv(np.ones((2, 4))), np.full((4, 2), 0.125))
    True
    """
    return ainv.pinv(x, rtol=rtol)


def solve(x1: Any, x2: Any, /) -> Any:
    """Solutions of x1 @ x = x2.

    Parameters
    ----------
    x1 : array
        A stack of matrices, shape (..., M, M), of a floating-point dtype.
    x2 : array
        The right-hand sides, of a floating-point dtype: one vector if the shape is (M,), matrices
        of shape (..., M, K) otherwise. The leading dimensions of both broadcast.

    Returns
    -------
    array
        The solutions, of the dtype to which both promote.

    Raises
    ------
    LinAlgError
        If a matrix is singular, or if the matrices are not square.

    See Also
    --------
    ainv.solve : The same with more to say.

    Examples
    --------
    >>> import numpy as np
    >>> from ainv import linalg
    >>> linalg.solve(np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([9.0, 8.0]))
    array([2., 3.])
    """
    return ainv.solve(x1, x2)


def cholesky(x: Any, /, *, upper: bool = False) -> Any:
    """Cholesky factors of positive definite matrices.

    Parameters
    ----------
    x : array
        A stack of Hermitian positive definite matrices, shape (..., M, M), of a floating-point
        dtype.
    upper : bool, optional
        Whether the factor U of x = U^H U is wanted; otherwise the factor L of x = L L^H.

    Returns
    -------
    array
        The factors, of the shape, the dtype and the library of `x`, zero in the other triangle.

    Raises
    ------
    LinAlgError
        If a matrix is not positive definite, or if the matrices are not square.

    See Also
    --------
    ainv.cholesky : The same with more to say.

    Examples
    --------
    >>> import numpy as np
    >>> from ainv import linalg
    >>> linalg.cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
    array([[2., 0.],
           [1., 2.]])
    """
    return ainv.cholesky(x, upper)
