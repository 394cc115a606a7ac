"""Inverts the matrices of a file while it is being read and the result being written.

    python examples/pipeline.py [INPUT.npy OUTPUT.npy]

Without files it takes the Jacobians beside it, 8 times over, and writes to a temporary file. The matrices go through in
parts: while one part is inverted on a stream, the next one is read and the last one is written. Memory
is bounded: a few parts at a time, whatever the size of the file.
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
PART = 8 << 20
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


def invert(source: Path, target: Path) -> NDArray[Any]:
    """Writes the inverses of the matrices of a .npy file to another."""
    a = np.load(source, mmap_mode="r")
    if a.ndim < 3:
        raise ValueError(f"{source} holds one matrix, not a stack that could be cut into parts")
    x = np.lib.format.open_memmap(target, "w+", a.dtype, a.shape)
    for where, part in zip(parts(a), inverses(a[where] for where in parts(a)), strict=True):
        x[where] = part
    x.flush()
    return a @ x if a.nbytes <= PART else a[-9:] @ x[-9:]


def main(arguments: list[str]) -> None:
    if len(arguments) == 2:
        source, target = map(Path, arguments)
        product = invert(source, target)
    elif not arguments:
        jacobians = np.load(Path(__file__).parent / "jacobians" / "jacobians.npy")
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "a.npy"), Path(folder, "x.npy")
            np.save(source, np.tile(jacobians, (16, 1, 1)))
            product = invert(source, target)
    else:
        sys.exit(__doc__)
    residual = np.abs(product - np.eye(product.shape[-1])).max()
    print(f"done, part by part; the largest entry of |A X - I| in the last ones is {residual:.1e}")
    assert residual < 1e-6


if __name__ == "__main__":
    main(sys.argv[1:])
