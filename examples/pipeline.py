"""Inverts the matrices of a file while it is being read and the results are being written.

    python examples/pipeline.py [INPUT.npy OUTPUT.npy]

The matrices go through in parts: while one is inverted on a stream, the next is read and the one before
it is written. A few parts at a time are in memory, whatever the size of the file. Without files it takes
copies of the Jacobians beside it, and writes to a temporary file.
"""

import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import ainv
import numpy as np
from numpy.typing import NDArray

# Bytes of a part, and how many parts may be on their way.
PART = 4 << 20
AHEAD = 2


def parts(a: NDArray[Any]) -> Iterator[slice]:
    """Which matrices go through together."""
    step = max(1, PART // max(1, a[:1].nbytes))
    return (slice(first, first + step) for first in range(0, len(a), step))


def inverses(a: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """The inverses of each part, in order, some parts late."""
    stream = ainv.new_stream(ainv.cpu)
    coming: deque[ainv.Array] = deque()
    for part in a:
        # The part is read here, because asarray copies it; the inversion is only enqueued.
        coming.append(ainv.inv(ainv.asarray(part, stream=stream), stream=stream))
        if len(coming) > AHEAD:
            yield np.asarray(coming.popleft())
    while coming:
        yield np.asarray(coming.popleft())


def invert(source: Path, target: Path) -> None:
    """Writes the inverses of the matrices of a .npy file to another."""
    a = np.load(source, mmap_mode="r")
    if a.ndim < 3:
        raise ValueError(f"{source} holds no stack of matrices that could be cut into parts")
    x = np.lib.format.open_memmap(target, "w+", a.dtype, a.shape)
    for where, part in zip(parts(a), inverses(a[where] for where in parts(a)), strict=True):
        x[where] = part
    x.flush()


def demonstrate() -> None:
    """The same with a file of known matrices, and what came of it."""
    jacobians = np.load(Path(__file__).parent / "jacobians" / "jacobians.npy")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "jacobians.npy"), Path(folder, "inverses.npy")
        np.save(source, np.tile(jacobians, (20, 1, 1)))
        invert(source, target)
        a, x = np.load(source), np.load(target)
    residual = np.abs(a @ x - np.eye(3)).max()
    print(
        f"{len(x)} matrices, {len(list(parts(a)))} parts, the largest |A X - I| is {residual:.1e}"
    )
    if not residual < 1e-12:
        sys.exit("pipeline: that is too much")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        invert(Path(sys.argv[1]), Path(sys.argv[2]))
    elif len(sys.argv) == 1:
        demonstrate()
    else:
        sys.exit(__doc__)
