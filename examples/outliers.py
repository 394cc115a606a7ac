"""Mahalanobis distances: which readings of many stations do not fit with the others?

    python examples/outliers.py [--stations N] [--picture FILE]

Problem  Each station has 6 sensors that move together. A reading x is suspect if its distance
         d^2 = (x - m)^T S^-1 (x - m) from the station's own mean m and covariance S is large, though
         no sensor by itself is out of its range (P. Mahalanobis, 1936). S^-1 is needed as such: one
         6 x 6 matrix a station serves all its readings.
Data     Simulated: 2000 stations with covariances of their own, estimated from 100 calm readings each;
         then 100 new readings, one in 50 with a fault: two sensors about 1.5 standard deviations from
         their means, against their correlation.
Prints   What a test of each sensor by itself finds, and what the distances find.
Checks   Distances against a solve by NumPy; the rate of false alarms against Hotelling's distribution,
         which knows that m and S are estimates; faults found.
"""

from typing import Any, TypeAlias

import ainv
import numpy as np
from common import arguments, check, finish
from numpy.typing import NDArray

Reals: TypeAlias = NDArray[np.float64]
SENSORS, CALM, NEW = 6, 100, 100
ALARM = 1e-3  # share of good readings that may be reported


def tail(square: Reals) -> Reals:
    """The probability that a good reading is farther away: d^2 m (m - 6) / (6 (m^2 - 1)) of m calm
    readings has the F distribution with 6 and m - 6 degrees of freedom, here in closed form."""
    a = (CALM - SENSORS) / 2
    f = square * CALM * (CALM - SENSORS) / (SENSORS * (CALM**2 - 1))
    z = 1 / (1 + SENSORS * f / (CALM - SENSORS))
    probability: Reals = z**a * (1 + a * (1 - z) + a * (a + 1) / 2 * (1 - z) ** 2)
    return probability


def main() -> None:
    asked = arguments(__doc__, stations=2000)
    n, rng = asked.stations, np.random.default_rng(1936)
    # Two common causes move all sensors of a station, each has noise of its own.
    mixing = rng.normal(size=(n, SENSORS, 2))
    own = 0.3 * np.eye(SENSORS)
    spread = np.sqrt((mixing**2).sum(2) + 0.09)

    def readings(count: int) -> Reals:
        causes, noise = rng.normal(size=(n, count, 2)), rng.normal(size=(n, count, SENSORS))
        return causes @ mixing.mT + noise @ own

    calm, new = readings(CALM), readings(NEW)
    faulty = rng.random((n, NEW)) < 0.02
    # A fault moves the first two sensors against how they go together.
    sign = np.sign((mixing[:, 0] * mixing[:, 1]).sum(1))
    kick = 1.5 * np.stack([spread[:, 0], -sign * spread[:, 1]], axis=1)
    jitter = 1 + 0.15 * rng.normal(size=(n, NEW, 2))
    new[..., :2] = np.where(faulty[..., None], kick[:, None] * jitter, new[..., :2])

    mean = calm.mean(axis=1, keepdims=True)
    covariance = (calm - mean).mT @ (calm - mean) / (CALM - 1)
    inverse = ainv.inv(covariance, assume="posdef")
    away = new - mean
    square = np.einsum("skj,skj->sk", away @ inverse, away)

    alarm = tail(square) < ALARM
    deviation = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    single = (np.abs(away) > 3.9 * deviation[:, None]).any(axis=2)
    print(f"{n} stations, {n * NEW} readings, {faulty.sum()} of them faulty\n")
    print(f"  {'':<34}{'faults found':>14}{'false alarms':>16}")
    for name, found in [
        ("each sensor by itself, 3.9 sigma", single),
        ("distances, 1 in 1000", alarm),
    ]:
        print(f"  {name:<34}{found[faulty].mean():14.1%}{found[~faulty].mean():16.2%}")
    print()

    solved = np.linalg.solve(covariance, away.mT)
    off = np.abs(np.einsum("skj,sjk->sk", away, solved) / square - 1).max()
    check("distances against NumPy's solve (relative)", off, 1e-10)
    # Readings of one station share its estimates, so their alarms are not independent: by station.
    rates = np.array([a[~f].mean() for a, f in zip(alarm, faulty, strict=True)])
    sigma = rates.std() / np.sqrt(n)
    check("false alarms, standard deviations off 1 in 1000", abs(rates.mean() - ALARM) / sigma, 4)
    check("faults that the distances miss (share)", 1 - alarm[faulty].mean(), 0.25)

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        s = int(np.argsort(np.abs(np.linalg.inv(covariance[:, :2, :2])[:, 0, 1]))[n * 9 // 10])
        good, bad = new[s][~faulty[s]], new[s][faulty[s]]
        left.plot(*good[:, :2].T, ".", color="#9a9a9a", label="good")
        left.plot(*bad[:, :2].T, "x", color="#e07a3f", label="faulty")
        circle = np.array([np.cos(t := np.linspace(0, 2 * np.pi, 200)), np.sin(t)])
        edge = 3 * np.linalg.cholesky(covariance[s, :2, :2]) @ circle + mean[s, 0, :2, None]
        left.plot(*edge, color="#2a6f97", lw=1, label="distance 3")
        left.set(xlabel="sensor 1", ylabel="sensor 2", title="one station")
        left.legend()
        bins = np.linspace(0, 60, 121)
        right.hist(square[~faulty], bins, color="#9a9a9a", label="good")
        right.hist(square[faulty], bins, color="#e07a3f", alpha=0.8, label="faulty")
        right.axvline(square[alarm].min(), color="black", lw=1, ls=":", label="alarm")
        right.set(yscale="log", xlabel="squared distance", ylabel="readings", title=f"{n} stations")
        right.legend()

    finish(asked.picture, draw)


if __name__ == "__main__":
    main()
