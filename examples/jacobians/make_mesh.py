"""Mesh an L-bracket with tetrahedra and save one 3x3 Jacobian per element.

    pip install gmsh numpy
    python make_mesh.py                 # writes jacobians.npy beside this script

Units: mm.  Column k of a Jacobian is the edge x_k - x_0 of its tetrahedron,
so det(J) is six times the element's volume.
"""

from pathlib import Path

import gmsh
import numpy as np
from numpy.typing import NDArray

WIDTH, LENGTH, HEIGHT, THICK = 40.0, 60.0, 50.0, 6.0  # y, x, z, wall
FILLET, CORNER = 6.0, 8.0  # inner and outer bend radius
BOLT = 4.5  # radius of the bolt hole in the base
SCREW, SCREW_Y, SCREW_Z = 2.75, (10.0, 30.0), 34.0  # two holes in the upright


def edge_along_y(x: float, z: float) -> int:
    """The bracket's straight edge through (x, *, z), parallel to y."""
    e = 1e-3
    box = (x - e, -e, z - e, x + e, WIDTH + e, z + e)
    tag: int
    ((_, tag),) = gmsh.model.getEntitiesInBoundingBox(*box, dim=1)
    return tag


def bracket() -> int:
    """Build the part and return its volume tag."""
    occ = gmsh.model.occ
    block = occ.addBox(0, 0, 0, LENGTH, WIDTH, HEIGHT)
    notch = occ.addBox(THICK, 0, THICK, LENGTH, WIDTH, HEIGHT)
    part: int
    ((_, part),), _ = occ.cut([(3, block)], [(3, notch)])
    occ.synchronize()
    bend = [edge_along_y(THICK, THICK), edge_along_y(0, 0)]
    ((_, part),) = occ.fillet([part], bend, [FILLET, CORNER])
    holes = [(3, occ.addCylinder(40, WIDTH / 2, -1, 0, 0, THICK + 2, BOLT))]
    for y in SCREW_Y:
        holes.append((3, occ.addCylinder(-1, y, SCREW_Z, THICK + 2, 0, 0, SCREW)))
    ((_, part),), _ = occ.cut([(3, part)], holes)
    occ.synchronize()
    return part


def jacobians(part: int) -> NDArray[np.float64]:
    """The Jacobians of the part's linear tetrahedra, shape (n, 3, 3)."""
    tags, xyz, _ = gmsh.model.mesh.getNodes()
    point = np.empty((int(tags.max()) + 1, 3))
    point[tags.astype(int)] = xyz.reshape(-1, 3)
    _, nodes = gmsh.model.mesh.getElementsByType(4, part)
    x = point[nodes.reshape(-1, 4).astype(int)]  # element, vertex, coordinate
    return np.ascontiguousarray((x[:, 1:] - x[:, :1]).transpose(0, 2, 1))


def main() -> None:
    gmsh.initialize()
    gmsh.option.setNumber("General.Terminal", 0)
    gmsh.option.setNumber("General.NumThreads", 1)
    gmsh.option.setNumber("Mesh.MeshSizeMax", 3.0)
    gmsh.option.setNumber("Mesh.MeshSizeFromCurvature", 16)  # per full circle
    part = bracket()
    volume = gmsh.model.occ.getMass(3, part)
    gmsh.model.mesh.generate(3)
    jac = jacobians(part)
    gmsh.finalize()

    det = np.linalg.det(jac)
    assert det.min() > 0, "inverted element"
    np.save(Path(__file__).with_name("jacobians.npy"), jac)
    print(f"elements        {len(jac)}")
    print(f"CAD volume      {volume:.6f} mm^3")
    print(f"sum det/6       {det.sum() / 6:.6f} mm^3")
    print(f"difference      {det.sum() / 6 / volume - 1:+.2e} (relative)")
    print(f"smallest det    {det.min():.6f} mm^3")
    print(f"largest cond_2  {np.linalg.cond(jac).max():.4f}")


if __name__ == "__main__":
    main()
