"""MVDR beamforming: a microphone array listens in one direction and turns deaf to all others.

    python examples/beamforming.py [--frequencies N] [--picture FILE]

Problem  The weights that let a talker from direction d pass unchanged and all else as faintly as possible
         are w = R^-1 d / (d^H R^-1 d), with the covariance R of what the microphones hear: one complex
         Hermitian 16 x 16 matrix for each frequency (J. Capon, Proc. IEEE 57 (1969) 1408-1418). R is
         estimated from few snapshots, so its diagonal is loaded (B. Carlson, IEEE Trans. AES 24 (1988)
         397-401). The weights are made of what is heard while the talker pauses; while he talks,
         1 / (d^H R^-1 d) over all directions is a picture of the sound field.
Data     Simulated in complex64: a line of 16 microphones, 4 cm apart; a talker, two other sources 20 dB
         louder, noise 20 dB fainter than the talker; 64 snapshots at each frequency.
Prints   The talker's power over all else at the output of a delay-and-sum beam, of MVDR, and at best.
Checks   Inverses of exact covariances against Woodbury's formula in double precision; that MVDR
         loses no more than 64 snapshots cost, a decibel on average (I. Reed, J. Mallett, L. Brennan, IEEE
         Trans. AES 10 (1974) 853-863); that the picture's three maxima are where the sources are.
"""

from typing import Any, TypeAlias

import ainv
import numpy as np
from common import arguments, check, finish
from numpy.typing import NDArray

Complex: TypeAlias = NDArray[np.complexfloating[Any, Any]]
Reals: TypeAlias = NDArray[np.float64]
MICROPHONES, SPACING, SOUND = 16, 0.04, 343.0  # m, m/s
TALKER, OTHERS = 20.0, [-35.0, 55.0]  # degrees from straight ahead
POWERS = np.array([1.0, 100.0, 100.0])  # of the talker and the others
NOISE, SNAPSHOTS = 0.01, 64


def steering(frequency: Any, degrees: Any) -> NDArray[np.complex128]:
    """What the microphones hear of a wave, shape (frequencies, directions, microphones)."""
    delay = SPACING / SOUND * np.multiply.outer(np.sin(np.radians(degrees)), np.arange(MICROPHONES))
    return np.asarray(np.exp(-2j * np.pi * np.multiply.outer(frequency, delay)))


def covariance(d: Complex, powers: Reals, rng: np.random.Generator) -> Complex:
    """Estimated from snapshots of sources with the steering vectors d, and loaded."""

    def gauss(*shape: int) -> Complex:
        return np.asarray((rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2))

    signals = np.sqrt(powers)[:, None] * gauss(len(d), len(powers), SNAPSHOTS)
    noise = np.sqrt(NOISE) * gauss(len(d), MICROPHONES, SNAPSHOTS)
    x = (d.mT @ signals + noise).astype(np.complex64)
    r = x @ x.conj().mT / SNAPSHOTS
    mean = np.trace(r, axis1=1, axis2=2).real / MICROPHONES
    return np.asarray(r + 1e-4 * mean[:, None, None] * np.eye(MICROPHONES, dtype=r.dtype))


def exact(d: Complex, powers: Reals) -> tuple[Complex, Complex]:
    """The covariance without sampling, and its inverse by Woodbury's formula from a small one."""
    v, noise = d.mT, NOISE * np.eye(MICROPHONES)
    middle = np.linalg.inv(np.diag(1 / powers) + v.conj().mT @ v / NOISE)
    inverse = np.eye(MICROPHONES) / NOISE - v @ middle @ v.conj().mT / NOISE**2
    return v * powers @ v.conj().mT + noise, inverse


def weights(inverse: Complex, d: Complex) -> Complex:
    """R^-1 d / (d^H R^-1 d), shape (frequencies, microphones)."""
    w = (inverse @ d[..., None])[..., 0]
    return np.asarray(w / np.einsum("fi,fi->f", d.conj(), w)[:, None])


def power(w: Complex, r: Complex) -> Reals:
    """The power w^H r w that reaches the output, for each frequency."""
    return np.asarray(np.einsum("fi,fij,fj->f", w.conj(), r, w).real)


def main() -> None:
    asked = arguments(__doc__, frequencies=257)
    frequency = np.linspace(500, 4000, asked.frequencies)
    d = steering(frequency, [TALKER, *OTHERS])
    talker, others = d[:, 0], d[:, 1:]
    rng = np.random.default_rng(5)

    pause, talk = covariance(others, POWERS[1:], rng), covariance(d, POWERS, rng)
    inverse = ainv.inv([pause, talk], assume="posdef")
    w = weights(inverse[0], talker)

    truth, woodbury = exact(others, POWERS[1:])
    beams = {
        "delay and sum": talker / MICROPHONES,
        "MVDR": w,
        "best possible": weights(woodbury, talker),
    }
    gain = {name: -10 * np.log10(power(beam, truth)) for name, beam in beams.items()}
    print(f"{asked.frequencies} frequencies, {MICROPHONES} x {MICROPHONES} covariances\n")
    print(f"  {'talker over all else at the output (dB)':<40}{'median':>10}{'worst':>10}")
    for name, decibels in gain.items():
        print(f"  {name:<40}{np.median(decibels):10.1f}{decibels.min():10.1f}")
    print()

    found = ainv.inv(truth.astype(np.complex64), assume="posdef", precision="native")
    off = np.linalg.norm(found - woodbury, axis=(1, 2)) / np.linalg.norm(woodbury, axis=(1, 2))
    # Single precision owes its unit roundoff times the condition: the loudest over the faintest.
    owed = 2.0**-24 * POWERS.sum() * MICROPHONES / NOISE
    check("inverses of exact covariances, in single, by Woodbury's", off.max(), owed)
    lost = 10 * np.log10((SNAPSHOTS + 1) / (SNAPSHOTS + 2 - MICROPHONES))
    check(
        "decibels under the best, on average", (gain["best possible"] - gain["MVDR"]).mean(), lost
    )

    look = np.linspace(-90, 90, 181)
    way = steering(frequency, look)
    plain = np.einsum("fki,fij,fkj->fk", way.conj(), talk, way, optimize=True).real / MICROPHONES**2
    capon = 1 / np.einsum("fki,fij,fkj->fk", way.conj(), inverse[1], way, optimize=True).real
    level = np.log10(capon).mean(0)
    peaks = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])) + 1
    loudest = np.sort(look[peaks[np.argsort(level[peaks])[-3:]]])
    check(
        "degrees between sources and maxima", np.abs(loudest - np.sort([TALKER, *OTHERS])).max(), 1
    )

    def draw(figure: Any) -> None:
        panels = figure.subplots(1, 2, sharey=True)
        for axes, title, field in zip(
            panels, ["delay and sum", "MVDR"], [plain, capon], strict=True
        ):
            decibels = 10 * np.log10(field)
            image = axes.pcolormesh(
                look, frequency / 1e3, decibels, vmin=-25, vmax=20, cmap="magma"
            )
            axes.set(xlabel="direction (degrees)", title=title, xticks=range(-90, 91, 30))
        panels[0].set_ylabel("frequency (kHz)")
        figure.colorbar(image, ax=panels, label="power (dB, the talker is 0)")

    finish(asked.picture, draw)


if __name__ == "__main__":
    main()
