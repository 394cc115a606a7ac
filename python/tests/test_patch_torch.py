"""`patch("torch")`: torch's signatures, result types, words, and its own samples."""

import operator

import ainv
import pytest

torch = pytest.importorskip("torch")

NAMES = ["linalg.inv", "linalg.inv_ex", "linalg.pinv", "linalg.solve"]
NAMES += ["inverse", "pinverse", "cholesky_inverse"]
DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]


pytestmark = pytest.mark.usefixtures("unpatched")
METHODS = {"inverse", "pinverse", "cholesky_inverse"}


def own():
    """The functions and the methods, and those methods that are not inherited: none."""
    functions = [operator.attrgetter(name)(torch) for name in NAMES]
    methods = [getattr(torch.Tensor, name) for name in sorted(METHODS)]
    return functions, methods, METHODS & set(vars(torch.Tensor))


def random(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def same(call, *, tolerance=None, patched="torch"):
    """That a call gives the same with the patch, and in the same types; or raises the same."""
    try:
        expected = call()
    except Exception as own:
        with ainv.patch(patched), pytest.raises(type(own)) as ours:
            call()
        assert str(ours.value) == str(own) and type(ours.value) is type(own)
        return
    with ainv.patch(patched):
        x = call()
    assert type(x) is type(expected)
    pairs = zip(x, expected, strict=True) if isinstance(x, tuple) else [(x, expected)]
    for a, b in pairs:
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(3, 3), (5, 4, 4), (2, 3, 2, 2), (0, 2, 2), (2, 0, 0)])
def test_results(shape, dtype, calls):
    a = random(*shape, dtype=dtype) + 3 * torch.eye(shape[-1], dtype=dtype)
    factor = torch.linalg.cholesky(a @ a.mH + torch.eye(shape[-1], dtype=dtype))
    vector, matrix = a.sum(-1), a[..., :2]
    tolerance = 1e-3 if dtype in (torch.float32, torch.complex64) else 1e-9
    for call in (
        lambda: torch.linalg.inv(a),
        lambda: torch.linalg.inv(A=a.mT),
        lambda: torch.inverse(a),
        lambda: a.inverse(),
        lambda: torch.linalg.inv_ex(a),
        lambda: torch.linalg.inv_ex(a, check_errors=True),
        lambda: torch.linalg.pinv(a[..., :-1]),
        lambda: torch.linalg.pinv(a, 1e-3),
        lambda: torch.linalg.pinv(a, rcond=1e-3),
        lambda: torch.linalg.pinv(a, rtol=1e-3, atol=0.1),
        lambda: torch.linalg.pinv(a + a.mH, hermitian=True),
        lambda: torch.pinverse(a),
        lambda: a.pinverse(1e-3),
        lambda: torch.cholesky_inverse(factor),
        lambda: torch.cholesky_inverse(factor.mH, upper=True),
        lambda: factor.cholesky_inverse(),
        lambda: torch.linalg.solve(a, matrix),
        lambda: torch.linalg.solve(a, vector),
        lambda: torch.linalg.solve(a, torch.ones(shape[-1], dtype=dtype)),
    ):
        same(call, tolerance=tolerance)
    assert {name for name, served in calls() if served} == {
        *(f"torch.{name}" for name in NAMES),
        *(f"torch.Tensor.{name}" for name in ("inverse", "pinverse", "cholesky_inverse")),
    }


def test_exceptions():
    zero, three = torch.zeros(2, 2), torch.zeros(2, 3, 2, 2)
    three[0] = three[1, 0] = torch.eye(2)
    nan = torch.full((2, 2), torch.nan)
    for call in (
        lambda: torch.linalg.inv(zero),
        lambda: torch.linalg.inv(three),
        lambda: zero.inverse(),
        lambda: torch.linalg.inv_ex(three, check_errors=True),
        lambda: torch.linalg.solve(zero, torch.ones(2)),
        lambda: torch.linalg.solve(three, torch.ones(2, 3, 2, 1)),
        lambda: torch.linalg.solve(three[1], torch.ones(2, 3, 2, 1)),
        lambda: torch.cholesky_inverse(zero),
        lambda: torch.cholesky_inverse(three[1]),
        lambda: torch.linalg.pinv(nan),
        lambda: torch.linalg.pinv(torch.stack([zero, nan])),
        lambda: torch.linalg.pinv(nan, hermitian=True).isnan().all(),
        lambda: torch.linalg.inv(torch.ones(3)),
        lambda: torch.linalg.inv(torch.ones(2, 3)),
        lambda: torch.linalg.inv(torch.ones(2, 2, dtype=torch.int64)),
        lambda: torch.linalg.inv(torch.ones(2, 2, dtype=torch.float16)),
        lambda: torch.linalg.inv([[1.0]]),
        lambda: torch.linalg.inv(),
        lambda: torch.linalg.inv(zero, zero),
        lambda: torch.linalg.inv(zero, upper=True),
        lambda: torch.linalg.solve(torch.eye(2), torch.ones(3)),
        lambda: torch.linalg.solve(torch.eye(2), torch.ones(2, dtype=torch.float64)),
        lambda: torch.linalg.pinv(torch.eye(2), 1e-3, rtol=1e-3),
        lambda: torch.cholesky_inverse(torch.ones(2, 3)),
    ):
        same(call)


def test_info():
    a = torch.stack([torch.eye(2), torch.zeros(2, 2), torch.tensor([[1.0, 2.0], [2.0, 4.0]])])
    own = torch.linalg.inv_ex(a)
    with ainv.patch("torch"):
        ours = torch.linalg.inv_ex(a)
    assert type(ours) is type(own) and ours.info.dtype is torch.int32
    assert ours.info.tolist() == own.info.tolist() == [0, 1, 2]
    assert torch.equal(ours.inverse[0], own.inverse[0]) and ours.inverse[1:].isnan().all()


def test_what_goes_to_torch(calls):
    a, out = random(3, 3), torch.empty(3, 3, dtype=torch.float64)

    class Own(torch.Tensor):
        pass

    for call in (
        lambda: torch.linalg.inv(a, out=out),
        lambda: torch.linalg.inv(a.as_subclass(Own)),
        lambda: torch.linalg.solve(a, a, left=False),
        lambda: torch.linalg.pinv(a, rtol=torch.tensor([1e-3])),
        lambda: torch.func.vmap(torch.linalg.inv)(a.expand(2, 3, 3)),
        lambda: torch.func.jacrev(torch.linalg.inv)(a),
        lambda: torch.func.jacfwd(torch.linalg.inv)(a),
    ):
        same(call)
    with ainv.patch("torch"):
        x = torch.linalg.inv(a.to("meta"))
    assert x.device.type == "meta"
    assert not any(served for _, served in calls())


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_gradients(calls):
    with ainv.patch("torch"):
        for f in (torch.linalg.inv, torch.linalg.pinv, lambda a: torch.linalg.solve(a, a[0])):
            a = random(3, 3).requires_grad_()
            torch.autograd.gradcheck(f, (a,), check_forward_ad=True)
            torch.autograd.gradgradcheck(f, (a,))
    assert {name for name, served in calls() if served} == {
        f"torch.linalg.{name}" for name in ("inv", "pinv", "solve")
    }


def test_gradients_of_what_is_half_read(calls):
    """torch's conventions for the triangle that is not read are its own."""
    a = random(4, 4)
    posdef = a @ a.mT
    for f in (torch.cholesky_inverse, lambda a: torch.linalg.pinv(a, hermitian=True)):

        def gradient(f=f):
            x = posdef.clone().requires_grad_()
            return torch.autograd.grad(f(x).square().sum(), x)

        same(gradient)
    assert not any(served for _, served in calls())
    with ainv.patch("torch"), torch.no_grad():
        torch.cholesky_inverse(torch.nn.Parameter(posdef))
    assert ("torch.cholesky_inverse", True) in calls()


def test_a_module_and_an_optimiser(calls):
    """A training step, with nothing changed in it."""

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(random(4, 4) + 4 * torch.eye(4))

        def forward(self, x):
            return torch.linalg.solve(self.weight, x) + self.weight.inverse() @ x

    def train():
        torch.manual_seed(0)
        model = Model()
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimiser.zero_grad()
            model(torch.ones(4, 2, dtype=torch.float64)).square().sum().backward()
            optimiser.step()
        return model.weight.detach()

    same(train)
    assert len(calls()) == 10 and all(served for _, served in calls())


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_traced():
    """What is traced holds torch's operation, and so outlives the patch."""
    a = random(3, 3)
    with ainv.patch("torch"):
        traced = torch.jit.trace(lambda x: torch.linalg.inv(x), a)
    assert "aten::linalg_inv" in str(traced.graph)
    torch.testing.assert_close(traced(2 * a), torch.linalg.inv(2 * a))


def test_compiled():
    a = random(3, 3)

    def f(x):
        return torch.linalg.inv(x) + x.inverse()

    with ainv.patch("torch"):
        compiled = torch.compile(f, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(a), f(a))


OPINFO = ["linalg.inv", "linalg.inv_ex", "linalg.pinv", "linalg.solve", "cholesky_inverse"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    "name", [*OPINFO, "pinverse", "linalg.pinv hermitian", "linalg.pinv singular"]
)
def test_torch_samples(name, dtype, calls, capsys):
    """torch's own OpInfo: samples with and without gradients, and erroneous inputs."""
    pytest.importorskip("expecttest")
    module = pytest.importorskip("torch.testing._internal.common_methods_invocations")
    name, _, variant = name.partition(" ")
    (op,) = [o for o in module.op_db if o.name == name and o.variant_test_name == variant]
    owner = torch.linalg if name.startswith("linalg") else torch
    bare = name.rpartition(".")[2]
    count = 0
    for grad in (False, True):
        for sample in op.sample_inputs("cpu", dtype, requires_grad=grad):
            count += 1
            own = op(sample.input, *sample.args, **sample.kwargs)
            with ainv.patch("torch"):
                # The singular variant's operator makes the matrix of its factors.
                function = op.op if variant == "singular" else getattr(owner, bare)
                ours = function(sample.input, *sample.args, **sample.kwargs)
            assert type(ours) is type(own)
            own, ours = (x if isinstance(x, tuple) else (x,) for x in (own, ours))
            single = dtype in (torch.float32, torch.complex64)
            for x, y in zip(ours, own, strict=True):
                assert x.requires_grad == y.requires_grad
                tolerance = 2e-3 if single else 1e-7
                torch.testing.assert_close(x, y, rtol=tolerance, atol=tolerance)
            if grad:
                weight = torch.ones_like(own[0])
                expected = torch.autograd.grad(own[0], sample.input, weight)
                found = torch.autograd.grad(ours[0], sample.input, weight)
                tolerance = 2e-2 if single else 1e-6
                torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    for error in op.error_inputs(torch.device("cpu")) if op.error_inputs_func else ():
        count += 1
        sample = error.sample_input
        with ainv.patch("torch"), pytest.raises(error.error_type, match=error.error_regex):
            getattr(owner, bare)(sample.input, *sample.args, **sample.kwargs)
    served = sum(served for _, served in calls())
    with capsys.disabled():
        print(f"\n{name} {variant} {dtype}: {count} samples, {served} calls served")
    assert count > 3 and served
