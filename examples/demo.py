"""Runs the installed `ainv` command on the example data and checks what it gives.

    python examples/demo.py

Needs ainv and NumPy in the Python that runs it. Exits with 1 if a check fails.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from math import inf, log10
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
EXACT_VOLUME = 24052.247354624884  # mm^3, of this mesh in exact rational arithmetic
CAD_VOLUME = 24052.842902  # mm^3, of the part
# What a backward stable pinv in double precision owes Longley's matrix: the unit roundoff times the
# condition number. How much better a program does is luck of the order of rows and columns.
LONGLEY_LIMIT = 2**-53 * 4.86e9

failed: list[str] = []


def command() -> str:
    """The ainv beside this Python, else the one on the PATH."""
    found = shutil.which("ainv", path=str(Path(sys.executable).parent)) or shutil.which("ainv")
    return found or sys.exit("demo: no ainv command found; pip install it into this Python")


def ainv(*args: str | Path) -> dict[str, Any]:
    """Runs the command and returns what it says of the work."""
    shown = [arg.name if isinstance(arg, Path) else arg for arg in args]
    print("$ ainv", *shown)
    done = subprocess.run(
        [command(), *map(str, args), "--json"], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"demo: ainv ended with {done.returncode}: {done.stdout}")
    said: dict[str, Any]
    (said,) = json.loads(done.stdout)["arrays"]
    print(f"  {said['method']}")
    return said


def check(what: str, value: float, limit: float) -> None:
    """Prints a measured error and remembers whether it is in its limit."""
    good = value <= limit  # false for NaN, too
    if not good:
        failed.append(what)
    print(f"  {what:<52}{value:9.1e}   at most {limit:.0e}   {'ok' if good else 'FAILED'}")


def digits(error: float) -> float:
    return inf if error == 0 else -log10(error)


def longley(folder: Path) -> None:
    """A regression so ill-conditioned that NIST certifies programs with it."""
    data = HERE / "longley"
    names = "constant deflator GNP unemployed forces population year".split()
    y = np.loadtxt(data / "longley_y.csv")
    certified = np.loadtxt(data / "certified.csv")

    print("Longley's regression: coefficients = pinv(X) y, condition number 4.9e9\n")
    out = folder / "pinv.csv"
    ainv("pinv", data / "longley_x.csv", "-o", out)
    found = np.loadtxt(out, delimiter=",") @ y

    print(f"\n  {'':<12}{'ainv':>24}{'certified by NIST':>24}{'digits agreed':>16}")
    errors = np.abs(found / certified - 1)
    for name, ours, nist, error in zip(names, found, certified, errors):
        print(f"  {name:<12}{ours:24.15g}{nist:24.15g}{digits(error):16.1f}")
    print()
    check("largest relative error", errors.max(), LONGLEY_LIMIT)


def jacobians(folder: Path) -> None:
    """What a finite-element program does with the elements of an L-bracket."""
    jac = np.load(HERE / "jacobians" / "jacobians.npy")

    print("\n\nInverse Jacobians of the tetrahedra of an L-bracket\n")
    out = folder / "inverse.npy"
    said = ainv("inv", HERE / "jacobians" / "jacobians.npy", "-o", out)
    inverse = np.load(out)
    took = said["seconds"]
    print(f"  {len(jac)} inverses in {took * 1e3:.2f} ms: {len(jac) / took / 1e6:.1f} million a second")
    print(f"  worst reciprocal condition number {said['worst_rcond']['value']:.3g}\n")

    # Row k of an inverse is the gradient of the shape function that is 1 at vertex k. That of
    # vertex 0 comes from the face opposite to it, without the inverse; the four sum to zero.
    e1, e2, e3 = np.moveaxis(jac, 2, 0)
    det = np.einsum("ij,ij->i", e1, np.cross(e2, e3))
    first = -np.cross(e2 - e1, e3 - e1) / det[:, None]
    total = first + inverse.sum(axis=1)
    volume = (1 / np.linalg.det(inverse)).sum() / 6

    check("largest entry of |J X - I|", np.abs(jac @ inverse - np.eye(3)).max(), 1e-13)
    check("largest entry of |X J - I|", np.abs(inverse @ jac - np.eye(3)).max(), 1e-13)
    size = np.abs(inverse).max()
    check("the four gradients sum to zero (relative)", np.abs(total).max() / size, 1e-13)
    check("volume from the inverses, against the exact sum", abs(volume / EXACT_VOLUME - 1), 1e-13)
    check("volume from the inverses, against the CAD's", abs(volume / CAD_VOLUME - 1), 1e-4)
    print(f"\n  volume  {volume:.9f} mm^3 from the inverses: sum of 1 / (6 det X)")
    print(f"          {EXACT_VOLUME:.9f} mm^3 exact for this mesh")
    print(f"          {CAD_VOLUME:.6f}    mm^3 by the CAD kernel")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        longley(Path(folder))
        jacobians(Path(folder))
    if failed:
        sys.exit(f"\ndemo: {len(failed)} checks failed: {'; '.join(failed)}")
    print("\nAll checks passed.")


if __name__ == "__main__":
    main()
