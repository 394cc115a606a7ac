"""How each library does a case on a GPU: the calls that a user of it would write, by their names.

A library says how it takes an array of NumPy's and gives one, and which calls it has for a case; ainv's begin with
`ainv.`, the first of them counts. Those that wait for the device, to raise what went wrong, stand beside those that do not.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import ainv
import numpy as np
from gpu_cases import Array, Case
from gpu_device import POINTER, Device, compute

Call = Callable[[], Any]


class Missing(Exception):
    """A library is not here, or has no device."""


class Plain:
    """Arrays of no library, for ainv alone: where there is neither torch nor CuPy."""

    name = "no library"

    def __init__(self, device: Device) -> None:
        self.take, self.give = device.upload, device.download
        # What our functions are for its arrays.
        self.ainv: Any = SimpleNamespace()
        for function in ("inv", "inv_ex", "solve", "cholesky", "cholesky_inv", "pinv"):
            setattr(self.ainv, function, self.calling(function))
        self.stream: Any = contextlib.nullcontext()

    @staticmethod
    def calling(function: str) -> Callable[..., Any]:
        return lambda *arrays, **options: compute(function, *arrays, **options)

    def free(self) -> None:
        """Gives memory back that nobody has any more."""


class Torch:
    name = "torch"

    def __init__(self, device: Device) -> None:
        self.torch = torch = library("torch")
        with warnings.catch_warnings():
            # Of a driver that is too old for it.
            warnings.simplefilter("ignore")
            if not torch.cuda.is_available():
                raise Missing("it has no CUDA here")
        torch.backends.cuda.matmul.allow_tf32 = False
        self.version, self.ainv = torch.__version__, ainv
        self.there = torch.device("cuda", device.number)
        self.stream = torch.cuda.stream(torch.cuda.ExternalStream(device.stream, device=self.there))

    def take(self, a: Array) -> Any:
        return self.torch.from_numpy(a).to(self.there)

    def give(self, x: Any) -> Array:
        out: Array = x.cpu().numpy()
        return out

    def free(self) -> None:
        self.torch.cuda.empty_cache()

    def product(self, a: Any) -> Call:
        return lambda: self.torch.matmul(a, a)

    def calls(self, case: Case, a: Any, b: Any) -> dict[str, Call]:
        torch = self.torch
        linalg = torch.linalg
        inverses: dict[str, Call] = {
            "torch.linalg.inv_ex": lambda: linalg.inv_ex(a)[0],
            "torch.linalg.inv": lambda: linalg.inv(a),
        }
        if case.table == "call":
            return {"torch.linalg.inv_ex": inverses["torch.linalg.inv_ex"]}
        if case.table == "host":
            here = a.cpu()
            return {"torch.linalg.inv, there and back": lambda: linalg.inv(here.to(self.there)).cpu()}
        return {
            "inv": inverses,
            "posdef_inv": inverses
            | {"torch.cholesky_inverse(cholesky_ex)": lambda: torch.cholesky_inverse(linalg.cholesky_ex(a)[0])},
            "cholesky_inv": {"torch.cholesky_inverse": lambda: torch.cholesky_inverse(a)},
            "cholesky": {"torch.linalg.cholesky_ex": lambda: linalg.cholesky_ex(a)[0]},
            "solve": {"torch.linalg.solve_ex": lambda: linalg.solve_ex(a, b)[0]},
            "pinv": {"torch.linalg.pinv": lambda: linalg.pinv(a)},
        }[case.op]


class CuPy:
    name = "CuPy"

    def __init__(self, device: Device) -> None:
        self.cupy = cupy = library("cupy")
        self.version, self.ainv = cupy.__version__, ainv
        self.stream = cupy.cuda.ExternalStream(device.stream, device.number)
        self.take, self.give, self.product = cupy.asarray, cupy.asnumpy, lambda a: lambda: cupy.matmul(a, a)

    def free(self) -> None:
        self.cupy.get_default_memory_pool().free_all_blocks()

    def calls(self, case: Case, a: Any, b: Any) -> dict[str, Call]:
        linalg = self.cupy.linalg
        # Its default cuts nothing off; this is what the others cut off.
        cut = max(case.shape) * float(np.finfo(case.dtype).eps)
        inverse: dict[str, Call] = {"cupy.linalg.inv": lambda: linalg.inv(a)}
        if case.table == "host":
            here = self.give(a)
            return {"cupy.linalg.inv, there and back": lambda: self.give(linalg.inv(self.take(here)))}
        calls: dict[str, dict[str, Call]] = {
            "inv": inverse,
            "posdef_inv": inverse,
            "cholesky": {"cupy.linalg.cholesky": lambda: linalg.cholesky(a)},
            "solve": {"cupy.linalg.solve": lambda: linalg.solve(a, b)},
            "pinv": {"cupy.linalg.pinv": lambda: linalg.pinv(a, cut)},
        }
        return calls.get(case.op, {})


class CuBLAS:
    """Its matinvBatched, up to order 32. CuPy's own module of cuBLAS lacks it, so it is called as cublas_api.h declares
    it; the addresses of the matrices, and memory for the results, are there before."""

    name = "cuBLAS"

    def __init__(self, device: Device) -> None:
        self.device, self.take, self.give = device, device.upload, device.download
        self.stream: Any = contextlib.nullcontext()
        # That of torch or CuPy, which is loaded by now, or the system's.
        for major in (13, 12, 11):
            with contextlib.suppress(OSError):
                self.library = ctypes.CDLL(f"libcublas.so.{major}")
                break
        else:
            raise Missing("there is no libcublas.so")
        self.handle, number = POINTER(), ctypes.c_int()
        try:
            self.functions = {dtype: getattr(self.library, f"cublas{letter}matinvBatched")
                              for dtype, letter in (("float32", "S"), ("float64", "D"), ("complex64", "C"))}
            self.do(self.library.cublasCreate_v2, ctypes.byref(self.handle))
            self.do(self.library.cublasGetVersion_v2, self.handle, ctypes.byref(number))
            self.do(self.library.cublasSetStream_v2, self.handle, POINTER(device.stream))
        except (AttributeError, RuntimeError) as error:
            raise Missing(str(error)) from None
        self.version = str(number.value)

    def do(self, function: Any, *arguments: Any) -> None:
        if outcome := function(*arguments):
            raise RuntimeError(f"{function.__name__}: cuBLAS's error {outcome}")

    def free(self) -> None:
        """It has none of its own."""

    def calls(self, case: Case, a: Any, b: Any) -> dict[str, Call]:
        if case.op != "inv" or case.n > 32 or not case.count or case.table == "host":
            return {}
        count, n, x = a.shape[0], case.n, self.take(np.zeros(a.shape, a.dtype))
        step = n * n * a.dtype.itemsize
        places = [self.take((y.address + step * np.arange(count)).astype(np.uint64)) for y in (a, x)]
        info = self.take(np.zeros(count, np.int32))
        # It knows addresses alone: what lies there is kept with the call.
        kept = (*places, info, a, x)
        from_, to, outcomes, *_ = (POINTER(y.address) for y in kept)

        def matinv() -> Any:
            self.do(self.functions[case.dtype], self.handle, n, from_, n, to, n, outcomes, count)
            return kept[-1]

        return {"cublas matinvBatched": matinv}


def library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Missing("it is not installed") from None


class Ours:
    """ainv, of another library's arrays."""

    name = "ainv"

    def __init__(self, arrays: Any) -> None:
        self.arrays, self.version = arrays, ainv.__version__
        self.take, self.give, self.free, self.stream = arrays.take, arrays.give, arrays.free, arrays.stream

    def calls(self, case: Case, a: Any, b: Any) -> dict[str, Call]:
        f = self.arrays.ainv
        if case.table == "call":
            return {"ainv.inv_ex": lambda: f.inv_ex(a)[0]}
        if case.table == "host":
            here = self.give(a)
            return {"ainv.inv": lambda: ainv.inv(here, stream=ainv.gpu, precision="native")}
        return {
            "inv": {"ainv.inv_ex": lambda: f.inv_ex(a)[0], "ainv.inv": lambda: f.inv(a)},
            "posdef_inv": {"ainv.inv(posdef)": lambda: f.inv(a, assume="posdef", on_singular="nan")},
            "cholesky_inv": {"ainv.cholesky_inv": lambda: f.cholesky_inv(a, on_singular="nan")},
            "cholesky": {"ainv.cholesky": lambda: f.cholesky(a, on_singular="nan")},
            "solve": {"ainv.solve": lambda: f.solve(a, b, on_singular="nan")},
            "pinv": {"ainv.pinv": lambda: f.pinv(a, on_singular="nan")},
        }[case.op]


def libraries(device: Device) -> tuple[list[Any], dict[str, str]]:
    """ainv and its peers, and why some are missing."""
    found: list[Any] = []
    missing = {}
    for kind in (Torch, CuPy, CuBLAS):
        try:
            found.append(kind(device))
        except Missing as why:
            missing[kind.name] = str(why)
    arrays = next((one for one in found if isinstance(one, (Torch, CuPy))), None) or Plain(device)
    return [Ours(arrays), *found], missing
