"""GPTQ: quantising a layer's weights to a few bits by the inverse of its damped Hessian.

    python examples/gptq.py [--order N] [--rows N] [--picture FILE]

Problem  Rounding weights W to few bits spoils the layer's outputs W X. GPTQ rounds one column after the
         other and lets the columns that are still to come make good for its error, by the rows of the
         upper factor U of H^-1 = U^T U, where H = X X^T + damping (E. Frantar, S. Ashkboos, T. Hoefler,
         D. Alistarh, ICLR 2023, arXiv 2210.17323). In float32, as it is done for language models:
         cholesky(H), cholesky_inv of that, and the upper cholesky of the inverse.
Data     Simulated: activations of 4096 channels, as many as layers of language models have, with an
         eighth of the directions strong (falling as 1/k), noise in all, some channels loud; normal
         weights. Damping is 1 % of the mean diagonal, as in the paper.
Prints   The error of the outputs after rounding to nearest and after GPTQ, for 2, 3 and 4 bits.
Checks   H^-1 on some vectors, in double precision; and an identity of GPTQ: the sum of the squares
         of its scaled errors is the loss tr((W - Q) H (W - Q)^T), which is computed from H itself.
"""

from typing import Any, TypeAlias

import ainv
import numpy as np
from common import arguments, check, finish
from numpy.typing import NDArray

Singles: TypeAlias = NDArray[np.float32]
BLOCK = 128  # columns whose corrections wait for each other


def activations(order: int, rng: np.random.Generator) -> Singles:
    """X, shape (order, 2 order): some directions strong, all of them noisy, some channels loud."""
    strong = order // 8
    directions = rng.standard_normal((order, strong), dtype=np.float32)
    directions /= np.sqrt(np.arange(1, strong + 1, dtype=np.float32))
    x = directions @ rng.standard_normal((strong, 2 * order), dtype=np.float32)
    x += 0.3 * rng.standard_normal(x.shape, dtype=np.float32)
    loud = np.exp(0.5 * rng.standard_normal(order, dtype=np.float32))
    loud[rng.choice(order, order // 256 + 1)] *= 5
    x *= loud[:, None]
    return x


def factor(h: Singles) -> Singles:
    """U with h^-1 = U^T U; h is used up."""
    ainv.cholesky(h, out=h, precision="native")
    ainv.cholesky_inv(h, out=h, precision="native")
    return ainv.cholesky(h, upper=True, out=h, precision="native")


def nearest(w: Singles, scale: Singles, bits: int) -> Singles:
    half = 2 ** (bits - 1)
    rounded: Singles = np.clip(np.rint(w / scale), -half, half - 1) * scale
    return rounded


def gptq(w: Singles, u: Singles, scale: Singles, bits: int) -> tuple[Singles, Singles]:
    """The quantised weights and the scaled error of each: (w - q) / U_jj when its turn came."""
    w, q, errors = w.copy(), np.empty_like(w), np.empty_like(w)
    for first in range(0, len(u), BLOCK):
        last = min(first + BLOCK, len(u))
        for j in range(first, last):
            q[:, j] = nearest(w[:, j], scale[:, 0], bits)
            errors[:, j] = (w[:, j] - q[:, j]) / u[j, j]
            w[:, j:last] -= np.multiply.outer(errors[:, j], u[j, j:last])
        w[:, last:] -= errors[:, first:last] @ u[first:last, last:]
    return q, errors


def main() -> None:
    asked = arguments(__doc__, order=4096, rows=256)
    rng = np.random.default_rng(3)
    x = activations(asked.order, rng)
    h = x @ x.T
    h[np.diag_indices_from(h)] += 0.01 * np.diagonal(h).mean()
    u = factor(h.copy())

    w = rng.standard_normal((asked.rows, asked.order), dtype=np.float32)

    def loss(q: Singles) -> float:
        """tr((w - q) H (w - q)^T) over that of no weights at all."""
        e = w - q
        return float(np.vdot(e @ h, e) / np.vdot(w @ h, w))

    condition = float(1 / ainv.rcond(h, assume="posdef"))
    print(f"{asked.rows} x {asked.order} weights, condition of H in the 1-norm {condition:.1e}\n")
    print("  error of the outputs, as a share of their power")
    print(f"  {'bits':<8}{'rounding to nearest':>22}{'GPTQ':>12}{'ratio':>10}")
    table, ours, identity = {}, 0.0, 0.0
    for bits in (2, 3, 4):
        widest = np.abs(w).max(axis=1, keepdims=True) * {2: 0.5, 3: 0.7, 4: 0.85}[bits]
        scale = (widest / 2 ** (bits - 1)).astype(np.float32)
        q, errors = gptq(w, u, scale, bits)
        plain, best = table[bits] = loss(nearest(w, scale, bits)), loss(q)
        ours = max(ours, best / plain)
        own = np.square(errors, dtype=np.float64).sum() / np.vdot(w @ h, w)
        identity = max(identity, abs(own / best - 1))
        print(f"  {bits:<8}{plain:22.2e}{best:12.2e}{plain / best:9.1f}x")
    print()

    v = rng.standard_normal((asked.order, 8))
    y = u.astype(np.float64).T @ (u.astype(np.float64) @ v)
    off = float(np.linalg.norm(h.astype(np.float64) @ y - v) / np.linalg.norm(v))
    check("H (U^T U) v against v", off, 1e-2)
    check("GPTQ's own sum of squares against the loss (relative)", identity, 1e-4)
    check("loss of GPTQ over that of rounding to nearest", ours, 0.7)

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        part = h[:64, :64] / np.sqrt(np.multiply.outer(np.diagonal(h), np.diagonal(h))[:64, :64])
        image = left.imshow(part, vmin=-1, vmax=1, cmap="RdBu_r")
        left.set(title="H: 64 of its channels", xlabel="channel", ylabel="channel")
        figure.colorbar(image, ax=left, label="correlation")
        for k, (name, colour) in enumerate(
            [("rounding to nearest", "#9a9a9a"), ("GPTQ", "#e07a3f")]
        ):
            at = np.arange(len(table)) + 0.38 * (k - 0.5)
            right.bar(at, [100 * row[k] for row in table.values()], 0.38, label=name, color=colour)
        right.set(
            yscale="log",
            ylim=0.05,
            xlabel="bits per weight",
            ylabel="error (% of the outputs' power)",
        )
        right.set_xticks(range(len(table)), [str(bits) for bits in table])
        right.legend()

    finish(asked.picture, draw)


if __name__ == "__main__":
    main()
