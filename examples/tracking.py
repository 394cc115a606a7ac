"""A Kalman filter bank: 5000 targets followed at once.

    python examples/tracking.py [--targets N] [--picture FILE]

Problem  Each target has a state of position, velocity and acceleration in the plane. A radar reports its
         position and velocity once a second, exactly along the line of sight and poorly across it, so
         each target has a covariance S = H P H^T + R of its own to invert, 4 x 4, at each step: for
         the gain K = P H^T S^-1 and for the test r^T S^-1 r of the residual r.
Data     Simulated, by the model that the filter assumes (acceleration is a Wiener process; Y. Bar-Shalom,
         X. Li, T. Kirubarajan, Estimation with Applications to Tracking and Navigation, 6.2.3), so that
         what a right filter must show is known: these errors follow chi-squared distributions.
Prints   The errors of the filter and of the bare reports, and how the two tests come out.
Checks   Both tests at four standard deviations, and some targets against least squares over their whole
         history at once, which must give the filter's last state.
"""

from typing import Any, TypeAlias

import ainv
import numpy as np
from common import arguments, check, finish
from numpy.typing import NDArray

Reals: TypeAlias = NDArray[np.float64]
STEPS = 60
T = 1.0  # seconds between reports
PLANE = np.eye(2)
F = np.kron([[1, T, T**2 / 2], [0, 1, T], [0, 0, 1]], PLANE)
H = np.eye(4, 6)
# Intensity 0.2 m^2/s^5: the acceleration changes by some 0.4 m/s^2 in a second.
Q = 0.2 * np.kron(
    [[T**5 / 20, T**4 / 8, T**3 / 6], [T**4 / 8, T**3 / 3, T**2 / 2], [T**3 / 6, T**2 / 2, T]],
    PLANE,
)
START = np.diag([1e3, 1e3, 100, 100, 2, 2]) ** 2  # what is known before the first report


def reports(targets: int, rng: np.random.Generator) -> tuple[Reals, Reals, Reals]:
    """True states (steps, n, 6), what the radar said (steps, n, 4), its covariances (n, 4, 4)."""
    angle = rng.uniform(0, 2 * np.pi, targets)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # Range 5 m, range rate 0.5 m/s; across the line of sight 20 to 200 m, and a tenth of that a second.
    across = rng.uniform(20, 200, targets)
    deviation = np.stack([np.full(targets, 5.0), across, np.full(targets, 0.5), across / 10], 1)
    half = np.zeros((targets, 4, 4))
    half[:, :2, :2] = half[:, 2:, 2:] = np.moveaxis(turn, 2, 0)
    half *= deviation[:, None, :]
    x = rng.normal(size=(targets, 6)) @ np.sqrt(START)
    states, said, jump = [], [], np.linalg.cholesky(Q)
    for _ in range(STEPS):
        x = x @ F.T + rng.normal(size=x.shape) @ jump.T
        states.append(x)
        said.append(x[:, :4] + (half @ rng.normal(size=(targets, 4, 1)))[..., 0])
    return np.array(states), np.array(said), half @ half.mT


def follow(said: Reals, r: Reals) -> tuple[Reals, Reals, Reals]:
    """The filters' states, (steps, n, 6), their last covariances and r^T S^-1 r, (steps, n)."""
    targets = len(r)
    x, p = np.zeros((targets, 6)), np.tile(START, (targets, 1, 1))
    states, surprises = [], []
    inverse = np.empty_like(r)  # the same memory at each step
    for z in said:
        x, p = x @ F.T, F @ p @ F.T + Q
        residual = z - x @ H.T
        ainv.inv(H @ p @ H.T + r, assume="posdef", out=inverse)
        surprises.append(np.einsum("ni,nij,nj->n", residual, inverse, residual))
        gain = p @ H.T @ inverse
        x = x + (gain @ residual[..., None])[..., 0]
        p = p - gain @ H @ p
        p = (p + p.mT) / 2
        states.append(x)
    return np.array(states), p, np.array(surprises)


def at_once(said: Reals, r: Reals) -> Reals:
    """The last state by least squares over all states and reports of one target, by NumPy alone."""
    steps = len(said)
    rows, right = np.zeros((10 * steps, 6 * steps)), np.zeros(10 * steps)
    jump = np.linalg.inv(np.linalg.cholesky(Q))
    first = np.linalg.inv(np.linalg.cholesky(F @ START @ F.T + Q))
    look = np.linalg.inv(np.linalg.cholesky(r))
    for k in range(steps):
        to, at = slice(6 * k, 6 * k + 6), slice(10 * k, 10 * k + 6)
        rows[at, to] = jump if k else first
        if k:
            rows[at, 6 * k - 6 : 6 * k] = -jump @ F
        rows[10 * k + 6 : 10 * k + 10, to] = look @ H
        right[10 * k + 6 : 10 * k + 10] = look @ said[k]
    return np.linalg.lstsq(rows, right)[0][-6:].astype(np.float64)


def main() -> None:
    asked = arguments(__doc__, targets=5000)
    n = asked.targets
    true, said, r = reports(n, np.random.default_rng(11))
    x, p, surprises = follow(said, r)

    miss = x[-1] - true[-1]
    nees = np.einsum("ni,ni->n", miss, ainv.solve(p, miss[..., None], assume="posdef")[..., 0])
    plain, filtered = said - true[..., :4], x - true
    print(f"{n} targets, {STEPS} reports each: {n * STEPS} inverses of 4 x 4 covariances\n")
    print(f"  {'root mean square error at the end':<40}{'reports':>12}{'filter':>12}")
    for name, part, unit in [("position", slice(2), "m"), ("velocity", slice(2, 4), "m/s")]:
        figures = [np.sqrt((e[-1, :, part] ** 2).sum(1).mean()) for e in (plain, filtered)]
        print(f"  {name:<40}{figures[0]:8.1f} {unit:<4}{figures[1]:7.1f} {unit}")
    print(f"\n  {'mean of r^T S^-1 r, all steps':<40}{surprises.mean():12.4f}   4 expected")
    print(f"  {'mean of e^T P^-1 e, last step':<40}{nees.mean():12.4f}   6 expected\n")
    check(
        "r^T S^-1 r, standard deviations off 4",
        abs(surprises.mean() - 4) / np.sqrt(8 / surprises.size),
        4,
    )
    check("e^T P^-1 e, standard deviations off 6", abs(nees.mean() - 6) / np.sqrt(12 / n), 4)
    scale = np.sqrt(np.diagonal(p, axis1=1, axis2=2))
    off = max(np.abs((at_once(said[:, i], r[i]) - x[-1, i]) / scale[i]).max() for i in range(5))
    check("last states against all reports at once (in deviations)", off, 1e-6)

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        i = int(np.linalg.norm(plain[..., :2], axis=2).mean(0).argmax())
        grey, black, orange = "#9a9a9a", "black", "#e07a3f"
        left.plot(*said[:30, i, :2].T / 1e3, ".", color=grey, label="reports")
        left.plot(*true[:30, i, :2].T / 1e3, color=black, lw=1, label="true path")
        left.plot(*x[:30, i, :2].T / 1e3, color=orange, label="filter")
        left.set(xlabel="east (km)", ylabel="north (km)", title="the worst reported target, 30 s")
        left.set_aspect("equal", "datalim")
        left.legend()
        for e, name, colour in [(plain, "reports", grey), (filtered, "filter", orange)]:
            rms = np.sqrt((e[..., :2] ** 2).sum(2).mean(1))
            right.plot(T * np.arange(1, STEPS + 1), rms, color=colour, label=name)
        right.set(xlabel="time (s)", ylabel="position error, root mean square (m)")
        right.set(title=f"all {n} targets", ylim=0)
        right.legend()

    finish(asked.picture, draw)


if __name__ == "__main__":
    main()
