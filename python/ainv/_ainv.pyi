from collections.abc import Iterator, Sequence
from os import PathLike
from types import EllipsisType
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar, final, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from typing_extensions import NamedTuple, Self

_Assume: TypeAlias = Literal[
    "auto",
    "general",
    "gen",
    "symmetric",
    "sym",
    "hermitian",
    "her",
    "posdef",
    "pos",
    "positive definite",
    "lower",
    "lower triangular",
    "upper",
    "upper triangular",
    "diagonal",
]
_OnSingular: TypeAlias = Literal["raise", "nan"]
_Precision: TypeAlias = Literal["native", "double"] | None
# Any: the device or stream objects of torch, JAX, MLX and CuPy.
_Stream: TypeAlias = Device | Stream | Literal["cpu", "gpu"] | Any | None
_Device: TypeAlias = Device | Literal["cpu", "gpu"] | Any
_Index: TypeAlias = int | slice | EllipsisType

class _Speaker(Protocol):
    def __dlpack__(self) -> Any: ...

# An array of any library but NumPy, which gets its own kind back.
_Array = TypeVar("_Array", bound=_Speaker)
_T = TypeVar("_T")

__all__ = [
    "Array",
    "Device",
    "InvExResult",
    "LinAlgError",
    "LinAlgWarning",
    "Report",
    "Stream",
    "__version__",
    "_main",
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
    "new_stream",
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
]

__version__: str
cpu: Device
gpu: Device

class LinAlgError(np.linalg.LinAlgError, RuntimeError):
    batch_index: tuple[int, ...] | None
    diagonal: int | None
    rcond: float | None

class LinAlgWarning(RuntimeWarning):
    batch_index: tuple[int, ...] | None
    rcond: float | None

class InvExResult(NamedTuple, Generic[_T]):
    inverse: _T
    info: Any

@final
class Device:
    def __new__(cls, kind: Literal["cpu", "gpu"], index: int = 0) -> Self: ...
    @property
    def kind(self) -> Literal["cpu", "gpu"]: ...
    @property
    def index(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[str, int]: ...

@final
class Stream:
    def __new__(cls, index: int, device: Device) -> Self: ...
    @property
    def device(self) -> Device: ...
    @property
    def kind(self) -> Literal["cpu", "gpu"]: ...
    @property
    def index(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[int, Device]: ...

@final
class Array:
    __array_priority__: float
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def ndim(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def device(self) -> Device: ...
    @property
    def mT(self) -> Array: ...
    @property
    def __array_interface__(self) -> dict[str, Any]: ...
    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[Any]: ...
    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: object, /) -> bool: ...
    def __le__(self, other: object, /) -> bool: ...
    def __gt__(self, other: object, /) -> bool: ...
    def __ge__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __bool__(self) -> bool: ...
    def __len__(self) -> int: ...
    def __getitem__(self, key: _Index | tuple[_Index, ...], /) -> Array: ...
    def __iter__(self) -> Iterator[Array]: ...
    def __matmul__(self, other: ArrayLike | Array, /) -> Array: ...
    def __rmatmul__(self, other: ArrayLike | Array, /) -> Array: ...

@final
class Report:
    # Arrays of the stack's shape, scalars for a single matrix.
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def verdict(self) -> Any: ...
    @property
    def status(self) -> Any: ...
    @property
    def info(self) -> Any: ...
    @property
    def rcond(self) -> Any: ...
    @property
    def digits(self) -> Any: ...
    @property
    def right_residual(self) -> Any: ...
    @property
    def left_residual(self) -> Any: ...
    @property
    def norm(self) -> Any: ...
    @property
    def inverse_norm(self) -> Any: ...
    @property
    def structure(self) -> Any: ...
    @property
    def rank(self) -> Any: ...
    @property
    def route(self) -> Any: ...
    @property
    def reason(self) -> Any: ...
    @property
    def worst(self) -> tuple[int, ...] | None: ...
    def _repr_html_(self) -> str: ...
    def to_html(self, path: str | PathLike[str]) -> None: ...

@final
class stream:
    def __new__(cls, s: _Device | Stream) -> Self: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_exception: object) -> None: ...

@final
class ill_conditioned:
    def __new__(
        cls, action: Literal["ignore", "warn", "raise"], limit: float | None = None
    ) -> Self: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_exception: object) -> None: ...

@final
class threads:
    def __new__(cls, n: int) -> Self: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_exception: object) -> None: ...

@overload
def inv(
    a: NDArray[Any],
    *,
    assume: _Assume = "auto",
    on_singular: _OnSingular | Literal["pinv"] = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    axes: tuple[int, int] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...
@overload
def inv(
    a: _Array,
    *,
    assume: _Assume = "auto",
    on_singular: _OnSingular | Literal["pinv"] = "raise",
    precision: _Precision = None,
    out: Any = None,
    axes: tuple[int, int] | None = None,
    stream: _Stream = None,
) -> _Array: ...
@overload
def inv(
    a: ArrayLike,
    *,
    assume: _Assume = "auto",
    on_singular: _OnSingular | Literal["pinv"] = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    axes: tuple[int, int] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...
@overload
def inv_ex(
    a: NDArray[Any],
    *,
    check_errors: bool = False,
    assume: _Assume = "auto",
    precision: _Precision = None,
    out: tuple[NDArray[Any], NDArray[np.int32]] | None = None,
    stream: _Stream = None,
) -> InvExResult[NDArray[Any]]: ...
@overload
def inv_ex(
    a: _Array,
    *,
    check_errors: bool = False,
    assume: _Assume = "auto",
    precision: _Precision = None,
    out: Any = None,
    stream: _Stream = None,
) -> InvExResult[_Array]: ...
@overload
def inv_ex(
    a: ArrayLike,
    *,
    check_errors: bool = False,
    assume: _Assume = "auto",
    precision: _Precision = None,
    out: tuple[NDArray[Any], NDArray[np.int32]] | None = None,
    stream: _Stream = None,
) -> InvExResult[NDArray[Any]]: ...
@overload
def pinv(
    a: NDArray[Any],
    rcond: ArrayLike | None = None,
    hermitian: bool = False,
    *,
    rtol: ArrayLike | None = None,
    atol: ArrayLike | None = None,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...
@overload
def pinv(
    a: _Array,
    rcond: ArrayLike | None = None,
    hermitian: bool = False,
    *,
    rtol: ArrayLike | None = None,
    atol: ArrayLike | None = None,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: Any = None,
    stream: _Stream = None,
) -> _Array: ...
@overload
def pinv(
    a: ArrayLike,
    rcond: ArrayLike | None = None,
    hermitian: bool = False,
    *,
    rtol: ArrayLike | None = None,
    atol: ArrayLike | None = None,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...
@overload
def cholesky_inv(
    L: NDArray[Any],
    upper: bool = False,
    *,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...
@overload
def cholesky_inv(
    L: _Array,
    upper: bool = False,
    *,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: Any = None,
    stream: _Stream = None,
) -> _Array: ...
@overload
def cholesky_inv(
    L: ArrayLike,
    upper: bool = False,
    *,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...

cholesky_inverse = cholesky_inv

@overload
def tri_inv(
    a: NDArray[Any],
    upper: bool = False,
    *,
    unit_diagonal: bool = False,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...
@overload
def tri_inv(
    a: _Array,
    upper: bool = False,
    *,
    unit_diagonal: bool = False,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: Any = None,
    stream: _Stream = None,
) -> _Array: ...
@overload
def tri_inv(
    a: ArrayLike,
    upper: bool = False,
    *,
    unit_diagonal: bool = False,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...
@overload
def cholesky(
    a: NDArray[Any],
    upper: bool = False,
    *,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...
@overload
def cholesky(
    a: _Array,
    upper: bool = False,
    *,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: Any = None,
    stream: _Stream = None,
) -> _Array: ...
@overload
def cholesky(
    a: ArrayLike,
    upper: bool = False,
    *,
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...
@overload
def solve(
    a: NDArray[Any],
    b: NDArray[Any],
    *,
    assume: _Assume = "auto",
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...
@overload
def solve(
    a: _Array,
    b: _Array,
    *,
    assume: _Assume = "auto",
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: Any = None,
    stream: _Stream = None,
) -> _Array: ...
@overload
def solve(
    a: ArrayLike,
    b: ArrayLike,
    *,
    assume: _Assume = "auto",
    on_singular: _OnSingular = "raise",
    precision: _Precision = None,
    out: NDArray[Any] | None = None,
    stream: _Stream = None,
) -> NDArray[Any]: ...
@overload
def rcond(
    a: NDArray[Any],
    *,
    p: float = 1,
    assume: _Assume = "auto",
    stream: _Stream = None,
) -> Any: ...
@overload
def rcond(
    a: _Array,
    *,
    p: float = 1,
    assume: _Assume = "auto",
    stream: _Stream = None,
) -> _Array: ...
@overload
def rcond(
    a: ArrayLike,
    *,
    p: float = 1,
    assume: _Assume = "auto",
    stream: _Stream = None,
) -> Any: ...
def report(
    a: ArrayLike | _Speaker,
    x: ArrayLike | _Speaker | None = None,
    *,
    assume: _Assume = "auto",
    stream: _Stream = None,
) -> Report: ...
def asarray(
    x: Any,
    dtype: DTypeLike | None = None,
    *,
    stream: _Stream = None,
    copy: bool | None = None,
) -> Array: ...
def eval(*arrays: Any) -> None: ...
def default_device() -> Device: ...
def set_default_device(device: _Device) -> None: ...
def default_stream(device: _Device) -> Stream: ...
def set_default_stream(stream: Stream) -> None: ...
def new_stream(device: _Device) -> Stream: ...
def synchronize(stream: _Stream = None) -> None: ...
def device_count(kind: _Device) -> int: ...
def device_info(device: _Device | None = None) -> dict[str, Any]: ...
def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def show_config() -> None: ...
def _main(arguments: Sequence[str]) -> int: ...
