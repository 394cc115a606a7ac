"""A program that uses the package as its types say: it is checked by mypy, and never run."""

from typing import Any

import ainv
import numpy as np
from ainv import linalg
from numpy.typing import NDArray
from typing_extensions import assert_type

a = np.eye(3)
out = np.empty((3, 3))

assert_type(ainv.inv(a), NDArray[Any])
assert_type(ainv.inv([[1.0]], assume="posdef", on_singular="pinv", out=out), NDArray[Any])
assert_type(ainv.inv(a, axes=(0, 1), stream=ainv.cpu), NDArray[Any])
assert_type(ainv.inv_ex(a, check_errors=True).inverse, NDArray[Any])
assert_type(ainv.pinv(a, 1e-3, True, atol=[0.0]), NDArray[Any])
assert_type(ainv.cholesky_inverse(ainv.cholesky(a, upper=True), upper=True), NDArray[Any])
assert_type(ainv.tri_inv(a, unit_diagonal=True, precision="native"), NDArray[Any])
assert_type(ainv.solve(a, np.ones(3)), NDArray[Any])
ainv.inv(a, assume="banded")  # type: ignore[call-overload]
ainv.inv(a, axes=(0,))  # type: ignore[arg-type]
ainv.pinv(a, on_singular="pinv")  # type: ignore[call-overload]

assert_type(ainv.report(a, [[1.0]], assume="posdef"), ainv.Report)
assert_type(ainv.report(a).worst, tuple[int, ...] | None)
ainv.report(a).to_html("report.html")
ainv.report(a).to_html()  # type: ignore[call-arg]

try:
    ainv.inv(a)
except ainv.LinAlgError as error:
    assert_type(error.batch_index, tuple[int, ...] | None)
    assert_type(error.diagonal, int | None)
    assert_type(error.rcond, float | None)


class Tensor:
    """An array of another library, which comes back as what it was."""

    def __dlpack__(self, *, stream: Any = None) -> Any: ...


assert_type(ainv.inv(Tensor(), axes=(0, 1)), Tensor)
assert_type(ainv.solve(Tensor(), Tensor()), Tensor)

ours = ainv.asarray(a, "float32", stream="cpu")
assert_type(ours, ainv.Array)
assert_type(ainv.inv(ours, stream=ainv.new_stream(ainv.cpu)), ainv.Array)
assert_type(ainv.inv_ex(ours).inverse, ainv.Array)
assert_type(ainv.solve(ours, ours), ainv.Array)
assert_type(ours[0, ..., :].mT @ a, ainv.Array)
assert_type(ours.shape, tuple[int, ...])
assert_type(np.asarray(ours), NDArray[Any])
ours + ours  # type: ignore[operator]
ours["a"]  # type: ignore[index]
with ainv.stream(ainv.cpu):
    ainv.eval(ours, [ours])

with ainv.ill_conditioned("warn", limit=1e-12):
    assert_type(ainv.LinAlgWarning().batch_index, tuple[int, ...] | None)
ainv.ill_conditioned("panic")  # type: ignore[arg-type]

x = linalg.inv(a)
linalg.solve(x1=a, x2=a)  # type: ignore[call-arg]

with ainv.threads(1), ainv.patch("numpy", np) as patched:
    assert_type(patched.libraries, tuple[str, ...])
ainv.patch(1)  # type: ignore[arg-type]
ainv.unpatch()
