"""Inverse kinematics of a 7-joint arm for many targets at once: damped least squares and pinv.

    python examples/arm.py [--targets N] [--picture FILE]

Problem  The joint angles q at which the arm's flange has a given pose. Newton's step solves J dq = e,
         where J is the 6 x 7 Jacobian and e the error of the pose. pinv(J) e is the shortest such
         step, and endless near a pose where J loses rank. Damped least squares,
         dq = J^T (J J^T + lambda^2 I)^-1 e, bounds it; with lambda^2 = |e|^2 / 2 + 1e-6 it still
         converges fast (T. Sugihara, IEEE Trans. Robotics 27 (2011) 984-991).
Data     The Denavit-Hartenberg parameters and joint limits that Franka publishes for its Panda arm
         (https://frankaemika.github.io/docs/control_parameters.html). The targets are the poses of
         random joint angles within the limits, so all can be reached; each search starts from the
         arm's "ready" posture.
Prints   How many targets each method reaches, in how many steps, and the largest step it asked for.
Checks   The kinematics against a product of exponentials, the steps against NumPy's least squares.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import ainv
import numpy as np
from common import arguments, check, finish
from numpy.typing import NDArray

Reals: TypeAlias = NDArray[np.float64]
STEPS = 60
READY = np.array([0, -1, 0, -3, 0, 2, 1]) * np.pi / 4
# Craig's convention, in metres: a and alpha of the link before each joint, d of the joint; the flange.
A = [0, 0, 0, 0.0825, -0.0825, 0, 0.088, 0]
D = [0.333, 0, 0.316, 0, 0.384, 0, 0, 0.107]
ALPHA = np.pi / 2 * np.array([0, -1, 1, 1, -1, 1, 1, 0])
LOWEST = np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])
HIGHEST = np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])


def kinematics(q: Reals) -> tuple[Reals, Reals]:
    """The flange's poses, (n, 4, 4), and its Jacobians, (n, 6, 7), at the joint angles (n, 7)."""
    pose, frames = np.eye(4), []
    for a, d, alpha, theta in zip(A, D, ALPHA, [*q.T, np.zeros(len(q))], strict=True):
        link = np.zeros((len(q), 4, 4))
        c, s, ca, sa = np.cos(theta), np.sin(theta), np.cos(alpha), np.sin(alpha)
        link[:, 0, 0], link[:, 0, 1], link[:, 0, 3] = c, -s, a
        link[:, 1, 0], link[:, 1, 1], link[:, 1, 2:4] = s * ca, c * ca, [-sa, -d * sa]
        link[:, 2, 0], link[:, 2, 1], link[:, 2, 2:4] = s * sa, c * sa, [ca, d * ca]
        link[:, 3, 3] = 1
        pose = pose @ link
        frames.append(pose)
    # A joint turns the flange about the z axis of its frame.
    axes = np.stack([f[:, :3, 2] for f in frames[:-1]], axis=-1)
    arms = np.stack([pose[:, :3, 3] - f[:, :3, 3] for f in frames[:-1]], axis=-1)
    return pose, np.concatenate([np.cross(axes, arms, axis=1), axes], axis=1)


def error(pose: Reals, target: Reals) -> Reals:
    """The way from pose to target: a displacement in metres, then a rotation vector in radians."""
    r = target[:, :3, :3] @ pose[:, :3, :3].mT
    w = np.stack([r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]], 1)
    sine, cosine = np.linalg.norm(w, axis=1) / 2, (np.trace(r, axis1=1, axis2=2) - 1) / 2
    w *= (np.arctan2(sine, cosine) / np.maximum(2 * sine, 1e-300))[:, None]
    return np.concatenate([target[:, :3, 3] - pose[:, :3, 3], w], axis=1)


def damped(j: Reals, e: Reals) -> Reals:
    square = (e * e).sum(1) / 2 + 1e-6  # lambda^2
    m = j @ j.mT + square[:, None, None] * np.eye(6)
    return np.asarray(j.mT @ ainv.solve(m, e[..., None], assume="posdef"))[..., 0]


def shortest(j: Reals, e: Reals) -> Reals:
    return (ainv.pinv(j) @ e[..., None])[..., 0]


def search(step: Callable[[Reals, Reals], Reals], target: Reals) -> tuple[Reals, Any, Reals]:
    """Joint angles, which targets are reached after each step, and each step's largest angle."""
    q, reached, largest = np.tile(READY, (len(target), 1)), [], np.zeros((STEPS, len(target)))
    for k in range(STEPS):
        pose, j = kinematics(q)
        e = error(pose, target)
        reached.append(np.linalg.norm(e, axis=1) < 1e-9)
        dq = np.where(reached[-1][:, None], 0, step(j, e))
        largest[k] = np.abs(dq).max(1)
        q = (q + dq + np.pi) % (2 * np.pi) - np.pi
    return q, np.array(reached), largest


def exponentials(q: Reals) -> Reals:
    """The flange's pose at the angles (7,) from axes in the stretched posture: no DH in it."""
    z, y, x = [0.0, 0, 1], [0.0, 1, 0], 0.088
    screws = [(z, [0, 0, 0]), (y, [0, 0, 0.333]), (z, [0, 0, 0]), ([0, -1, 0], [0.0825, 0, 0.649])]
    screws += [(z, [0, 0, 0]), ([0, -1, 0], [0, 0, 1.033]), ([0, 0, -1], [x, 0, 0])]
    pose = np.diag([1.0, -1, -1, 1])
    pose[:3, 3] = x, 0, 1.033 - 0.107
    for (axis, point), angle in reversed(list(zip(screws, q, strict=True))):
        k = np.cross(np.eye(3), axis)  # k v = axis x v
        turn = np.eye(4)
        turn[:3, :3] += np.sin(angle) * k + (1 - np.cos(angle)) * k @ k
        turn[:3, 3] = np.array(point) - turn[:3, :3] @ point
        pose = turn @ pose
    return pose


def main() -> None:
    asked = arguments(__doc__, targets=10_000)
    rng = np.random.default_rng(7)
    true = rng.uniform(LOWEST, HIGHEST, (asked.targets, 7))
    target, _ = kinematics(true)

    methods = {"damped least squares": damped, "pinv": shortest}
    found = {name: search(step, target) for name, step in methods.items()}
    print(f"Inverse kinematics of a Panda arm, {asked.targets} targets, {STEPS} steps at most\n")
    print(f"  {'':<24}{'reached':>10}{'steps (9 in 10)':>18}{'largest step':>15}{'in limits':>12}")
    for name, (q, reached, largest) in found.items():
        there = reached[-1]
        inside = ((q[there] - LOWEST) % (2 * np.pi) < HIGHEST - LOWEST).all(1).mean()
        steps = np.quantile((~reached).sum(0)[there], 0.9)
        print(
            f"  {name:<24}{there.mean():10.1%}{steps:18.0f}{largest.max():11.3g} rad{inside:12.1%}"
        )
    print()

    q, reached, largest = found["damped least squares"]
    some = np.flatnonzero(reached[-1])[:50]
    off = max(np.abs(exponentials(q[i]) - target[i]).max() for i in some)
    check("poses that were reached, by a product of exponentials", off, 1e-8)
    check("targets that damped least squares misses (share)", 1 - reached[-1].mean(), 0.1)
    pose, j = kinematics(true[:50])
    e = error(pose, target[-50:])
    rows = [np.vstack([j[i], np.sqrt(e[i] @ e[i] / 2 + 1e-6) * np.eye(7)]) for i in range(50)]
    step = [np.linalg.lstsq(rows[i], np.append(e[i], np.zeros(7)))[0] for i in range(50)]
    check(
        "damped steps against lstsq of the stacked rows", np.abs(damped(j, e) - step).max(), 1e-10
    )
    step = [np.linalg.lstsq(j[i], e[i])[0] for i in range(50)]
    size = np.abs(step).max()
    check(
        "pinv's steps against lstsq (relative)", np.abs(shortest(j, e) - step).max() / size, 1e-10
    )

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        _, jac = kinematics(true)
        way = rng.normal(size=(asked.targets, 6)) * 0.1
        smallest = np.linalg.svd(jac, compute_uv=False)[:, -1]
        for (name, step), colour in zip(methods.items(), ["#2a6f97", "#e07a3f"], strict=True):
            left.plot(100 * found[name][1].mean(1), label=name, color=colour)
            size = np.degrees(np.linalg.norm(step(jac, way), axis=1))
            right.loglog(smallest, size, ".", ms=2, color=colour, label=name, alpha=0.5)
        left.set(xlabel="steps", ylabel="targets reached (%)", ylim=(0, 100), xlim=(0, STEPS))
        left.legend(loc="lower right")
        right.set(xlabel="smallest singular value of J", ylabel="length of one step (degrees)")
        right.legend(markerscale=6)

    finish(asked.picture, draw)


if __name__ == "__main__":
    main()
