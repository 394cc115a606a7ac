"""Runs a program with other libraries' functions done by ainv: ``python -m ainv script.py``."""

import argparse
import atexit
import io
import os
import runpy
import sys
import types
from collections import Counter, defaultdict

from ainv._patch import LIBRARIES, _swap, patch


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ainv",
        usage="%(prog)s [--libraries NAMES] [--numpy-rcond] [--stats] (SCRIPT | -m MODULE) ...",
        description="Run a program whose calls of inv, pinv, solve and their kin of other "
        "libraries are done by ainv.",
    )
    parser.add_argument(
        "--libraries",
        metavar="NAMES",
        default="",
        help=f"the libraries to patch, with commas between: of {', '.join(LIBRARIES)} "
        "(all that are installed)",
    )
    parser.add_argument(
        "--numpy-rcond",
        action="store_true",
        help="keep NumPy's cut-off of 1e-15 in numpy.linalg.pinv",
    )
    parser.add_argument(
        "--stats",
        action="store_true",
        help="say on standard error, at the end, what was called, how often and on what shapes",
    )
    parser.add_argument("-m", dest="module", action="store_true", help="run a module, as python -m")
    parser.add_argument("program", metavar="SCRIPT", help="a Python file, or a module after -m")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="its arguments")
    return parser


def table(tally: Counter[_swap.Call]) -> str:
    """The calls that were counted, the most frequent first.

    Parameters
    ----------
    tally : Counter of Call
        The calls.

    Returns
    -------
    str
        A line for each function, and under it one for each shape and dtype.

    Examples
    --------
    >>> from collections import Counter
    >>> from ainv._patch._swap import Call
    >>> print(table(Counter([Call("numpy.linalg.inv", (9, 3, 3), "float64", True)] * 2)))
    numpy.linalg.inv  2 calls
             2  float64 (9, 3, 3)
    """
    functions: defaultdict[str, Counter[_swap.Call]] = defaultdict(Counter)
    for call, number in tally.items():
        functions[call.function][call] += number
    lines = []
    for name, calls in sorted(functions.items(), key=lambda item: -item[1].total()):
        lines.append(f"{name}  {calls.total()} calls")
        for call, number in calls.most_common():
            own = "" if call.served else f"  by {name.partition('.')[0]} itself"
            shape = "" if call.shape is None else f" {call.shape}"
            lines.append(f"{number:10}  {call.dtype}{shape}{own}")
    return "\n".join(lines) or "no function that ainv does was called"


def run(parser: argparse.ArgumentParser, script: str) -> None:
    """Run a script as ``__main__``, which it stays until the end, as Python itself does."""
    try:
        with io.open_code(script) as file:
            code = compile(file.read(), script, "exec")
    except OSError as error:
        parser.error(f"can't open {script}: {error.strerror}")
    program = types.ModuleType("__main__")
    program.__file__ = script
    sys.modules["__main__"] = program
    exec(code, program.__dict__)


def main() -> None:
    """Patch, then run what the command line names as ``__main__``."""
    parser = _parser()
    options = parser.parse_args()
    tally = _swap.count() if options.stats else None
    try:
        patch(*filter(None, options.libraries.split(",")), numpy_rcond=options.numpy_rcond)
    except (ValueError, ModuleNotFoundError) as error:
        parser.error(str(error))
    sys.argv = [options.program, *options.arguments]
    if not getattr(sys.flags, "safe_path", False):
        # As Python itself does: the folder of the script, or the one to look for the module in.
        script = os.path.abspath(options.program)
        sys.path[0] = os.getcwd() if options.module else os.path.dirname(script)
    if tally is not None:
        # Registered first, it comes last: after the program's own threads and exit functions.
        atexit.register(lambda: print(table(tally), file=sys.stderr))
    if options.module:
        runpy.run_module(options.program, run_name="__main__", alter_sys=True)
    else:
        run(parser, options.program)


if __name__ == "__main__":
    main()
