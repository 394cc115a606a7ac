"""torch: tensors in and out, derivatives, transforms, compilers."""

import copy
import pickle

import ainv
import numpy as np
import pytest
from helpers import A3, DTYPES, SINGULAR, check, random
from libraries import CALLS, DERIVATIVES, check_calls, points

torch = pytest.importorskip("torch")

# What the compiler imports warns of its own deprecations.
pytestmark = pytest.mark.filterwarnings(
    "ignore::FutureWarning",
    "ignore::DeprecationWarning",
    "ignore:Sparse",
    "ignore:The .grad attribute",
)

calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
derivatives = pytest.mark.parametrize("case", DERIVATIVES.values(), ids=DERIVATIVES)
FUNCTIONS = {
    "inv": ainv.inv,
    "inv_ex": lambda a: ainv.inv_ex(a).inverse,
    "pinv": ainv.pinv,
    "cholesky_inv": ainv.cholesky_inv,
    "tri_inv": ainv.tri_inv,
    "cholesky": ainv.cholesky,
    "solve": lambda a: ainv.solve(a, a),
    "rcond": ainv.rcond,
}
functions = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)


# Cases that take a.mT.conj() themselves, at which torch fails for batches in forward mode.
CONJUGATED = {"pinv hermitian", "cholesky", "cholesky upper"}
CONJUGATED |= {f"{f} {known}" for f in ("inv", "solve") for known in ("hermitian", "posdef")}


def tensors(arrays, **keywords):
    return [torch.tensor(a, **keywords) for a in arrays]


@calls
@pytest.mark.parametrize("dtype", [*DTYPES, "float16"])
def test_same_bits_as_numpy(call, dtype):
    def is_ours(x):
        return type(x) is torch.Tensor and x.is_contiguous() and not x.requires_grad

    check_calls(call, dtype, torch.from_numpy, torch.Tensor.numpy, is_ours)


def test_result_of_inv_ex_is_torchs():
    assert type(ainv.inv_ex(torch.eye(3))) is torch.return_types.linalg_inv_ex


def test_memory_is_shared():
    from ainv._libraries.torch import _memory

    a = torch.eye(3, dtype=torch.float64).T[:, ::2]
    assert _memory(a).__array_interface__["data"][0] == a.data_ptr()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@functions
def test_half(f, dtype):
    a = torch.tensor(A3 + A3.T).to(dtype)
    expected = f(a.float())
    assert f(a).dtype is dtype
    torch.testing.assert_close(f(a), expected.to(dtype), rtol=0, atol=0)


def test_half_tolerance_is_of_its_own_epsilon():
    for dtype, epsilon in ((torch.bfloat16, 2.0**-7), (torch.float16, 2.0**-10)):
        a = torch.diag(torch.tensor([1.0, epsilon])).to(dtype)
        assert torch.equal(ainv.pinv(a), torch.diag(torch.tensor([1.0, 0.0])).to(dtype))
        assert ainv.pinv(a, atol=epsilon / 2)[1, 1] == 1 / epsilon
        assert ainv.pinv(a, atol=torch.tensor(0.0))[1, 1] == 0


@functions
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.uint8])
def test_integers_are_refused(f, dtype):
    with pytest.raises(TypeError, match=str(dtype)):
        f(torch.ones((2, 2), dtype=dtype))


@functions
def test_lazy_bits_and_layouts(f):
    a = torch.tensor(random((3, 3), "complex128") + (4 - 4j) * np.eye(3))
    lazy = [a.conj(), a.mH, a.mT, torch._neg_view(-a), a.conj().imag, a[None].expand(4, 3, 3)]
    assert lazy[0].is_conj() and lazy[3].is_neg() and lazy[4].is_neg()
    # A complex diagonal has no Cholesky factor.
    for view in lazy[4:5] if f is ainv.cholesky else lazy:
        plain = torch.tensor(view.resolve_conj().resolve_neg().tolist(), dtype=view.dtype)
        assert torch.equal(f(view), f(plain))


def test_subclasses():
    class Mine(torch.Tensor):
        pass

    a = torch.eye(3).as_subclass(Mine)
    for f in FUNCTIONS.values():
        assert type(f(a)) is Mine
        assert type(f(torch.nn.Parameter(torch.eye(3)))) is torch.Tensor
    assert all(type(x) is Mine for x in ainv.inv_ex(a))
    a = torch.eye(3, requires_grad=True).as_subclass(Mine)
    assert type(ainv.inv(a)) is Mine and ainv.inv(a).requires_grad
    with pytest.raises(torch.linalg.LinAlgError):
        ainv.inv(torch.zeros(2, 2).as_subclass(Mine))


def test_function_modes_see_our_functions():
    seen = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            seen.append(function)
            return function(*args, **kwargs or {})

    with Watch():
        ainv.inv(torch.eye(2))
    assert ainv.inv in seen


@functions
def test_meta(f):
    a = torch.empty((2, 3, 3), device="meta", dtype=torch.float64)
    x, real = f(a), f(torch.eye(3, dtype=torch.float64).expand(2, 3, 3))
    assert x.is_meta and x.shape == real.shape and x.dtype == real.dtype
    with pytest.raises(ainv.LinAlgError):
        ainv.inv(a[:, :2])


def test_what_is_elsewhere_is_named():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        a = torch.empty((3, 3), dtype=torch.float64, device="cuda")
        with pytest.raises(RuntimeError, match=r"cuda:0.*back-end.*cpu"):
            ainv.inv(a)
    for sparse in (torch.eye(3).to_sparse(), torch.eye(3).to_sparse_csr()):
        with pytest.raises(TypeError, match="to_dense"):
            ainv.inv(sparse)


def test_errors_are_torchs_too():
    a = torch.tensor(np.stack([A3, np.ones((3, 3))]))
    for make in (lambda a: a, lambda a: a.requires_grad_(), lambda a: a.bfloat16()):
        with pytest.raises(torch.linalg.LinAlgError, match="Batch element 1") as e:
            ainv.inv(make(a.clone()))
        assert isinstance(e.value, ainv.LinAlgError) and isinstance(e.value, np.linalg.LinAlgError)
        assert (e.value.batch_index, e.value.diagonal) == ((1,), 2)
        for twin in (pickle.loads(pickle.dumps(e.value)), copy.copy(e.value)):
            assert type(twin) is type(e.value) and twin.batch_index == (1,)
    for f in FUNCTIONS.values():
        with pytest.raises(torch.linalg.LinAlgError):
            f(torch.ones(3))
    assert ainv.inv(a, on_singular="nan")[1].isnan().all()
    assert ainv.inv_ex(a).info.tolist() == [0, 2]
    with pytest.raises(torch.linalg.LinAlgError):
        ainv.solve(torch.tensor(SINGULAR), torch.ones(2))


def test_streams():
    a = torch.eye(3)
    assert torch.equal(ainv.inv(a, stream=torch.device("cpu")), a)
    assert torch.equal(ainv.inv(a, stream=torch.cpu.current_stream()), a)
    for stream in (torch.device("cuda"), torch.device("cuda", 1)):
        with pytest.raises(RuntimeError, match="gpu"):
            ainv.inv(a, stream=stream)
    for stream in (a, torch.float32, torch):
        with pytest.raises(TypeError, match="Device"):
            ainv.inv(a, stream=stream)


def test_solve_takes_what_goes_together():
    a, b = torch.tensor(A3), torch.tensor(A3[:, 0])
    for x in (ainv.solve(a, b.numpy()), ainv.solve(a.numpy(), b), ainv.solve(a, b.tolist())):
        assert type(x) is torch.Tensor
        torch.testing.assert_close(x, torch.tensor([1.0, 0, 0]).double())
    assert ainv.solve(a, b.float()).dtype is torch.float64
    assert ainv.solve(a.float().requires_grad_(), b.to(torch.complex64)).dtype is torch.complex64
    with pytest.raises(ValueError, match=r"b\[\.\.\., None\]"):
        ainv.solve(torch.eye(3).expand(2, 3, 3), torch.ones(2, 3))


def test_tolerances_are_tensors_too():
    a = torch.diag_embed(torch.tensor([[1.0, 0.1], [1.0, 0.1]]))
    x = ainv.pinv(a, rtol=torch.tensor([0.5, 0.01]))
    assert torch.equal(x[:, 1, 1], torch.tensor([0.0, 10.0]))
    x = ainv.pinv(a, torch.tensor([0.5, 0.01]), atol=torch.tensor(0.2, dtype=torch.float64))
    assert torch.equal(x[:, 1, 1], torch.zeros(2))
    with pytest.raises(TypeError, match="real"):
        ainv.pinv(a, rtol=torch.tensor(1j))
    with pytest.raises(ValueError, match="batch"):
        ainv.pinv(a, rtol=torch.ones(3))


class TestOut:
    def test_memory_is_written(self):
        a = torch.tensor(random((5, 3, 3)))
        for out in (torch.empty_like(a), torch.empty(5, 3, 3).double().mT, a.clone()):
            before = out._version
            assert ainv.inv(a, out=out) is out
            assert torch.equal(out, ainv.inv(a)) and out._version > before
        assert ainv.inv(a, out=a) is a
        pair = (torch.empty_like(a), torch.empty(5, dtype=torch.int32))
        x, info = ainv.inv_ex(a, out=pair)
        assert x is pair[0] and info is pair[1] and not info.any()

    def test_empty_ones_grow(self):
        out = torch.empty(0)
        assert ainv.inv(torch.eye(3), out=out) is out
        assert torch.equal(out, torch.eye(3))

    def test_any_dtype_that_holds_it(self):
        out = torch.empty(2, 2, dtype=torch.complex128)
        assert torch.equal(ainv.inv(2 * torch.eye(2), out=out).real, 0.5 * torch.eye(2).double())
        out = torch.empty(2, 2)
        ainv.inv(2 * torch.eye(2).bfloat16(), out=out)
        assert torch.equal(out, 0.5 * torch.eye(2))
        conjugate = torch.empty(2, 2, dtype=torch.complex64).conj()
        ainv.inv(2j * torch.eye(2), out=conjugate)
        assert torch.equal(conjugate, -0.5j * torch.eye(2))

    def test_refused(self):
        a = torch.eye(3)
        for out, error in (
            (torch.empty(2, 3), ValueError),
            (torch.empty(1).expand(3, 3), ValueError),
            (torch.empty(3, 3, dtype=torch.float16), TypeError),
            (torch.empty(3, 3, dtype=torch.int32), TypeError),
            (np.empty((3, 3)), TypeError),
            (torch.empty(3, 3, requires_grad=True), RuntimeError),
        ):
            with pytest.raises(error):
                ainv.inv(a, out=out)
        with pytest.raises(RuntimeError, match="automatic differentiation"):
            ainv.inv(torch.eye(3, requires_grad=True), out=a)
        with pytest.raises(TypeError, match="tuple"):
            ainv.inv_ex(a, out=a)
        with torch.no_grad():
            x = torch.eye(3, requires_grad=True)
            assert torch.equal(ainv.inv(x, out=torch.empty(3, 3)), x)

    def test_saved_tensors_are_protected(self):
        a = torch.eye(2).double().requires_grad_()
        x = ainv.inv(a)
        with torch.no_grad():
            ainv.inv(torch.eye(2).double(), out=x.detach())
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            x.sum().backward()


class TestDerivatives:
    @pytest.mark.parametrize("name", DERIVATIVES)
    @pytest.mark.parametrize("dtype", ["float64", "complex128"])
    def test_checked_by_differences(self, name, dtype):
        f, shapes = DERIVATIVES[name]
        a = tensors(points(shapes, dtype), requires_grad=True)
        batched = dtype == "float64" or name not in CONJUGATED
        batches = {"check_batched_grad": True, "check_batched_forward_grad": batched}
        assert torch.autograd.gradcheck(f, a, check_forward_ad=True, **batches)
        assert torch.autograd.gradgradcheck(f, a, check_fwd_over_rev=True, check_rev_over_rev=True)

    def test_as_torchs_own(self):
        a = torch.tensor(points([(3, 3)], "complex128")[0])
        for ours, theirs in (
            (ainv.inv, torch.linalg.inv),
            (ainv.pinv, torch.linalg.pinv),
            (
                lambda a: ainv.pinv(a, hermitian=True),
                lambda a: torch.linalg.pinv(a, hermitian=True),
            ),
            (ainv.cholesky, torch.linalg.cholesky),
            (lambda a: ainv.cholesky_inv(a.tril()), lambda a: torch.cholesky_inverse(a.tril())),
            (lambda a: ainv.solve(a, a.mT), lambda a: torch.linalg.solve(a, a.mT)),
        ):
            a = (a + a.mH) / 2
            x, y = a.clone().requires_grad_(), a.clone().requires_grad_()
            g = torch.tensor(random((3, 3), "complex128", seed=5))
            ours(x).backward(g)
            theirs(y).backward(g)
            # Of a Hermitian matrix, torch leaves the gradient's other part undefined.
            torch.testing.assert_close(x.grad + x.grad.mH, y.grad + y.grad.mH)

    def test_plain_tensors_have_no_graph(self):
        a = torch.eye(3, requires_grad=True)
        with torch.no_grad():
            assert not ainv.inv(a).requires_grad
        with torch.inference_mode():
            assert ainv.inv(torch.eye(3)).shape == (3, 3)
        assert ainv.inv(a).requires_grad
        assert ainv.inv(a.bfloat16()).requires_grad and ainv.inv(a.half()).requires_grad

    def test_what_has_none_says_so(self):
        x = ainv.rcond(torch.eye(3, requires_grad=True))
        assert x.requires_grad
        with pytest.raises(NotImplementedError, match="detach"):
            x.backward()
        assert not ainv.inv_ex(torch.eye(3, requires_grad=True)).info.requires_grad

    def test_the_unread_triangle_may_hold_anything(self):
        a = torch.tensor([[2.0, np.nan], [1.0, 3.0]], requires_grad=True)
        for f in (
            lambda a: ainv.inv(a, assume="hermitian"),
            lambda a: ainv.inv(a, assume="lower"),
            lambda a: ainv.pinv(a, hermitian=True),
            ainv.cholesky,
            ainv.tri_inv,
            ainv.cholesky_inv,
        ):
            (g,) = torch.autograd.grad(f(a).sum(), a)
            assert g.isfinite().all()

    def test_a_bad_matrix_spoils_only_itself(self):
        a = torch.stack([torch.eye(2), torch.zeros(2, 2)]).requires_grad_()
        (g,) = torch.autograd.grad(ainv.inv(a, on_singular="nan").sum(), a)
        assert torch.equal(g[0], -torch.ones(2, 2)) and g[1].isnan().all()


class TestTransforms:
    def test_vmap(self):
        a, b = (torch.tensor(x) for x in points([(4, 2, 3, 3), (4, 3)], "float64"))
        vmap = torch.func.vmap
        assert torch.equal(vmap(ainv.inv)(a), ainv.inv(a))
        assert torch.equal(vmap(ainv.inv, in_dims=1, out_dims=1)(a), ainv.inv(a))
        assert torch.equal(vmap(vmap(ainv.inv))(a), ainv.inv(a))
        assert torch.equal(vmap(ainv.pinv)(a[..., :2]), ainv.pinv(a[..., :2]))
        assert torch.equal(vmap(ainv.rcond)(a), ainv.rcond(a))
        assert all(torch.equal(*x) for x in zip(vmap(ainv.inv_ex)(a), ainv.inv_ex(a)))
        one = a[0, 0]
        expected = ainv.solve(one, b[..., None])[..., 0]
        assert torch.equal(vmap(ainv.solve, in_dims=(None, 0))(one, b), expected)
        x = vmap(ainv.solve, in_dims=(0, None))(a, b.T)
        assert torch.equal(x, ainv.solve(a, b.T))
        rtol = torch.tensor([1e-9, 1e9])
        x = vmap(lambda rtol: ainv.pinv(one, rtol=rtol))(rtol)
        assert torch.equal(x[0], ainv.pinv(one)) and not x[1].any()
        x = vmap(lambda a, rtol: ainv.pinv(a, rtol=rtol))(a[:2], rtol)
        assert torch.equal(x[0], ainv.pinv(a[0])) and not x[1].any()

    def test_vmap_leaves_matrices_whole(self):
        for f in FUNCTIONS.values():
            with pytest.raises(torch.linalg.LinAlgError, match="two-dimensional"):
                torch.func.vmap(f)(torch.eye(3))
        with pytest.raises(torch.linalg.LinAlgError, match="one-dimensional"):
            torch.func.vmap(ainv.solve)(torch.eye(3)[None], torch.ones(1))

    def test_func(self):
        from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

        a = torch.tensor(points([(3, 3)], "float64")[0])
        torch.testing.assert_close(jacrev(ainv.inv)(a), jacfwd(ainv.inv)(a))

        def f(a):
            return (ainv.solve(a, ainv.inv(a)) ** 2).sum()

        torch.testing.assert_close(hessian(f)(a), jacrev(jacrev(f))(a))
        stack = torch.stack([a, 2 * a])
        torch.testing.assert_close(vmap(grad(f))(stack)[1], grad(f)(2 * a))
        x, dx = jvp(ainv.inv, (a,), (torch.eye(3).double(),))
        torch.testing.assert_close(dx, -x @ x)

    def test_forward_mode(self):
        import torch.autograd.forward_ad as forward

        a = torch.tensor(A3)
        with forward.dual_level():
            dual = forward.make_dual(a, torch.eye(3).double())
            x, dx = forward.unpack_dual(ainv.inv(dual))
            assert torch.equal(x, ainv.inv(a))
            torch.testing.assert_close(dx, -x @ x)
            assert forward.unpack_dual(ainv.inv(a)).tangent is None
            _, dx = forward.unpack_dual(ainv.solve(a, forward.make_dual(a, a)))
            torch.testing.assert_close(dx, torch.eye(3).double())


def test_the_derivative_where_a_pseudo_inverse_stands_in():
    a = torch.tensor([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]], dtype=torch.float64)
    a.requires_grad_()
    x = ainv.inv(a, on_singular="pinv")
    (g,) = torch.autograd.grad(x.sum(), a)
    (expected,) = torch.autograd.grad(ainv.pinv(a).sum(), a)
    assert torch.allclose(g, expected, atol=1e-12)
    regular = a[1].detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda a: ainv.inv(a, on_singular="pinv"), regular)


def test_out_is_on_the_same_device():
    with pytest.raises(RuntimeError, match="same device"):
        ainv.inv(torch.eye(2), out=torch.empty(2, 2, device="meta"))


def test_out_after_an_error_is_known_to_be_changed():
    w = torch.eye(2, dtype=torch.float64).repeat(2, 1, 1)
    w[0] = 0
    out, x = torch.ones_like(w), torch.ones_like(w).requires_grad_()
    y = (x * out).sum()
    with pytest.raises(ainv.LinAlgError):
        ainv.inv(w, out=out)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


class TestCompilers:
    @derivatives
    def test_compile(self, case):
        f, shapes = case
        a = tensors(points(shapes, "float64"), requires_grad=True)
        torch._dynamo.reset()
        compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
        x, y = f(*a), compiled(*a)
        assert torch.equal(x, y)
        g = torch.ones_like(x)
        for expected, got in zip(torch.autograd.grad(x, a, g), torch.autograd.grad(y, a, g)):
            torch.testing.assert_close(got, expected)

    def test_compile_with_other_shapes(self):
        torch._dynamo.reset()
        compiled = torch.compile(ainv.inv, fullgraph=True, backend="aot_eager", dynamic=True)
        for n in (2, 3, 5):
            a = torch.tensor(random((4, n, n)))
            assert torch.equal(compiled(a), ainv.inv(a))
        x, info = torch.compile(ainv.inv_ex, fullgraph=True, backend="aot_eager")(a)
        assert torch.equal(x, ainv.inv(a)) and not info.any()
        with pytest.raises(ainv.LinAlgError, match="Batch element 1"):
            compiled(torch.stack([torch.eye(2), torch.zeros(2, 2)]))

    def test_compile_of_transforms(self):
        torch._dynamo.reset()
        a = torch.tensor(points([(4, 3, 3)], "float64")[0])
        # torch.func.grad of operators is not in torch's graphs: it runs beside them.
        for f, whole in (
            (torch.func.vmap(ainv.inv), True),
            (torch.func.vmap(torch.func.grad(lambda a: ainv.inv(a).sum())), False),
        ):
            y = torch.compile(f, fullgraph=whole, backend="aot_eager")(a)
            torch.testing.assert_close(y, f(a))

    @pytest.mark.parametrize("strict", [True, False])
    def test_export(self, strict):
        class Module(torch.nn.Module):
            def forward(self, a, b):
                return ainv.solve(a, b) + ainv.inv(a, assume="pos") @ b

        a, b = (torch.tensor(x) for x in points([(3, 3), (3, 2)], "float64"))
        a = a @ a.T
        program = torch.export.export(Module(), (a, b), strict=strict)
        assert torch.equal(program.module()(a, b), Module()(a, b))
        names = {str(node.target) for node in program.graph.nodes}
        assert {"ainv.solve.default", "ainv.inv.default"} <= names

    def test_operators(self):
        from ainv._libraries.torch.primitives import operator

        a, b, l, p = points([(2, 3, 3), (3, 2), (3, 3), (3, 3)], "float64")
        a, b, l, p = tensors([a, b, np.tril(l), p @ p.T], requires_grad=True)
        for name, arguments in {
            "inv": (a, "auto", "raise", "native"),
            "inv_ex": (a, False, "auto", "native"),
            "pinv": (a, torch.tensor(1e-9), None, False, "raise", "native"),
            "cholesky_inv": (l, True, "raise", "native"),
            "tri_inv": (l, False, False, "raise", "native"),
            "cholesky": (p, False, "raise", "native"),
            "solve": (a, b, "auto", "raise", "native"),
            "rcond": (a.detach(), 1.0, "auto"),
            "as_hermitian": (a,),
            "as_symmetric": (a,),
        }.items():
            torch.library.opcheck(operator(name), arguments)

    @pytest.mark.parametrize(
        "first",
        [
            "import ainv, torch",
            "import torch, ainv",
            "import torch, torch._dynamo, ainv",
            "import ainv, torch; ainv.inv(torch.eye(2))",
        ],
    )
    def test_the_compiler_knows_us_whatever_comes_first(self, first):
        code = first + "\nf = torch.compile(ainv.inv, fullgraph=True, backend='eager')\n"
        code += "assert torch.equal(f(2 * torch.eye(2)), torch.eye(2) / 2)"
        check(code, "-W", "ignore")
