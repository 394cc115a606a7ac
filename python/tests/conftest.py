"""What the tests of `patch` share."""

import ainv
import pytest
from ainv._patch import _swap


@pytest.fixture
def unpatched(request):
    """The functions that the module's `own` finds are the library's again after the test."""
    own = request.module.own
    before = own()
    yield
    ainv.unpatch()
    assert own() == before


@pytest.fixture
def calls():
    """What is called, and whether ainv did it."""
    before, tally = _swap.tally, _swap.count()
    yield lambda: [(call.function, call.served) for call in tally.elements()]
    _swap.tally = before
