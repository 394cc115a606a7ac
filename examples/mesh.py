"""Inverse Jacobians of a mesh's elements, kept component by component.

    python examples/mesh.py [--picture FILE]

Problem  A finite-element program needs each element's inverse Jacobian: its rows are the gradients of the
         shape functions. Such programs keep J[i, k, element], the components first, so that loops over
         the elements run through memory; ainv reads and writes that layout where it lies (axes=, out=).
Data     The 13,125 tetrahedra of an L-bracket, meshed by Gmsh (examples/jacobians), in mm.
Prints   The volume, the worst element, and how far its gradients can be trusted.
Checks   Both residuals; that each element's four gradients sum to zero, one of them computed without the
         inverse; the volume against exact rational arithmetic on this mesh, and against the CAD's.
"""

from pathlib import Path
from typing import Any

import ainv
import numpy as np
from common import arguments, check, finish

HERE = Path(__file__).resolve().parent
EXACT_VOLUME = 24052.247354624884  # mm^3, of this mesh in exact rational arithmetic
CAD_VOLUME = 24052.842902  # mm^3, of the part


def main() -> None:
    asked = arguments(__doc__)
    stored = np.load(HERE / "jacobians" / "jacobians.npy")
    jac = np.ascontiguousarray(np.moveaxis(stored, 0, -1))  # (3, 3, elements)
    inverse = np.empty_like(jac)
    ainv.inv(jac, axes=(0, 1), out=inverse)

    # Row k of an inverse is the gradient of the shape function that is 1 at vertex k. That of
    # vertex 0 comes from the face opposite to it, without the inverse; the four sum to zero.
    e1, e2, e3 = np.moveaxis(jac, 1, 0)
    det = np.einsum("in,in->n", e1, np.cross(e2, e3, axis=0))
    first = -np.cross(e2 - e1, e3 - e1, axis=0) / det
    total = np.abs(first + inverse.sum(axis=0)).max() / np.abs(inverse).max()
    volume = (1 / np.linalg.det(np.moveaxis(inverse, -1, 0))).sum() / 6

    rcond = ainv.rcond(stored, p=2)
    worst = int(rcond.argmin())
    print(f"{len(stored)} tetrahedra of a bracket, {jac.nbytes / 1e6:.1f} MB of Jacobians\n")
    print(f"  {'volume from the inverses, sum of 1 / (6 det X)':<52}{volume:20.9f} mm^3")
    print(f"  {'exact for this mesh':<52}{EXACT_VOLUME:20.9f} mm^3")
    print(f"  {'of the part, by the CAD kernel':<52}{CAD_VOLUME:20.6f}    mm^3")
    print(f"  {f'condition of the worst element (number {worst})':<52}{1 / rcond[worst]:13.2f}")
    trusted = f"{ainv.report(stored[worst]).digits:.0f} of 16"
    print(f"  {'digits of its gradients that can be trusted':<52}{trusted:>13}\n")

    left = np.einsum("ikn,kjn->ijn", inverse, jac) - np.eye(3)[..., None]
    right = np.einsum("ikn,kjn->ijn", jac, inverse) - np.eye(3)[..., None]
    check("largest entry of |J X - I|", np.abs(right).max(), 1e-13)
    check("largest entry of |X J - I|", np.abs(left).max(), 1e-13)
    check("the four gradients sum to zero (relative)", total, 1e-13)
    check("volume from the inverses, against the exact sum", abs(volume / EXACT_VOLUME - 1), 1e-13)
    check("volume from the inverses, against the CAD's", abs(volume / CAD_VOLUME - 1), 1e-4)

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        left.hist(1 / rcond, bins=60, color="#2a6f97")
        left.axvline(1 / rcond[worst], color="#e07a3f", lw=1)
        left.annotate("the worst ", (1 / rcond[worst], 300), ha="right", color="#e07a3f")
        left.set(xlabel="condition of the Jacobian (2-norm)", ylabel="elements")
        gradients = np.concatenate([inverse, first[None]]).transpose(2, 0, 1)
        steepest = np.linalg.norm(gradients, axis=2).max(axis=1)
        right.scatter(det / 6, steepest, s=2, c=1 / rcond, cmap="viridis", rasterized=True)
        right.set(xscale="log", yscale="log", xlabel="volume of the element (mm$^3$)")
        right.set_yticks(ticks := [0.3, 0.5, 1, 2, 4], [str(tick) for tick in ticks])
        right.set_yticks([], minor=True)
        right.set_ylabel("steepest gradient (1/mm)")
        figure.colorbar(right.collections[0], ax=right, label="condition")

    finish(asked.picture, draw)


if __name__ == "__main__":
    main()
