"""Classes that do functions themselves: NumPy's ``__array_function__``."""

import ainv
import numpy as np
import pytest


class Asked:
    def __init__(self, answer):
        self.answer = answer

    def __array_function__(self, function, types, arguments, options):
        return self.answer(function, types, arguments, options)


def test_a_class_is_asked():
    seen = []
    a = Asked(lambda *call: seen.append(call) or "done")
    assert ainv.inv(a, on_singular="nan") == "done"
    assert ainv.solve(np.eye(2), a) == "done"
    (function, types, arguments, options), (second, _, operands, _) = seen
    assert function is ainv.inv and types == (Asked,) and arguments == (a,)
    assert options["on_singular"] == "nan" and second is ainv.solve and operands[1] is a


def test_no_answer():
    with pytest.raises(TypeError, match=r"no implementation found for ainv\.inv"):
        ainv.inv(Asked(lambda *_: NotImplemented))


def test_a_class_without_a_module():
    kind = type("Odd", (), {"__module__": None})
    with pytest.raises((TypeError, ainv.LinAlgError)):
        ainv.inv(kind())
