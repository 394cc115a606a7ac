//! MVDR beamforming: a microphone array listens in one direction and turns deaf to all others.
//!
//! ```sh
//! cargo run --release -p ainv --example beamforming [frequencies]
//! ```
//!
//! Problem: the weights that let a talker from direction d pass unchanged and all else as faintly as
//! possible are w = R^-1 d / (d^H R^-1 d), with the covariance R of what is heard while he pauses: one
//! complex Hermitian 16 x 16 matrix for each frequency (J. Capon, Proc. IEEE 57 (1969) 1408-1418), estimated
//! from 64 snapshots and loaded on its diagonal. Data: simulated in single precision: a line of 16
//! microphones, 4 cm apart, a talker, two other sources 20 dB louder, noise 20 dB fainter. Prints the
//! talker's power over all else at the output of a delay-and-sum beam, of MVDR, and the best that is
//! possible. Ends with 1 if inverses of exact covariances differ from Woodbury's formula by more than
//! single precision owes, or if MVDR loses more than 64 snapshots cost, a decibel on average (I. Reed,
//! J. Mallett, L. Brennan, IEEE Trans. AES 10 (1974) 853-863).

// It is a program, not the library: what it is for is to print.
#![allow(clippy::print_stdout)]

use ainv::{Assume, Options, Stack, c32, c64};
use std::f64::consts::TAU;
use std::process::ExitCode;
use testkit::Rng;

const MICROPHONES: usize = 16;
const SPACING: f64 = 0.04; // m
const SOUND: f64 = 343.0; // m/s
/// Degrees from straight ahead: the talker, the other two.
const DIRECTIONS: [f64; 3] = [20.0, -35.0, 55.0];
/// The power of each of the other two; the talker's is 1.
const LOUD: f64 = 100.0;
const NOISE: f64 = 0.01;
const SNAPSHOTS: usize = 64;

type Wave = [c64; MICROPHONES];

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let n = std::env::args().nth(1).map_or(Ok(257), |n| n.parse::<usize>())?;
    let mut rng = Rng::new(5);
    let posdef = Options { assume: Assume::Posdef, ..Options::default() };

    let frequencies: Vec<f64> = (0..n).map(|f| 500.0 + 3500.0 * f as f64 / n as f64).collect();
    let waves: Vec<[Wave; 3]> =
        frequencies.iter().map(|&f| DIRECTIONS.map(|degrees| wave(f, degrees))).collect();
    let heard: Vec<c32> = waves.iter().flat_map(|w| estimated(w, &mut rng)).collect();
    let exact: Vec<c32> = waves.iter().flat_map(covariance).collect();
    let shape = [n, MICROPHONES, MICROPHONES];
    let heard = ainv::inv(Stack::new(&heard, &shape)?, &posdef)?;
    let exact = ainv::inv(Stack::new(&exact, &shape)?, &posdef)?;

    println!("talker over all else at the output (dB)");
    println!("{:>8}{:>16}{:>8}{:>16}", "Hz", "delay and sum", "MVDR", "best possible");
    let (mut off, mut lost) = (0.0f64, 0.0);
    for (k, waves) in waves.iter().enumerate() {
        let part = k * MICROPHONES * MICROPHONES..(k + 1) * MICROPHONES * MICROPHONES;
        let best = woodbury(waves);
        let single = times(&exact.as_slice()[part.clone()], &waves[0]);
        let size = best.iter().map(|x| x.norm()).fold(0.0, f64::max);
        let error = best.iter().zip(&single).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
        off = if error.is_nan() { error } else { off.max(error / size) };

        let gains =
            [waves[0], times(&heard.as_slice()[part], &waves[0]), best].map(|w| gain(&w, waves));
        lost += (gains[2] - gains[1]) / n as f64;
        if k % n.div_ceil(8) == 0 {
            println!("{:8.0}{:16.1}{:8.1}{:16.1}", frequencies[k], gains[0], gains[1], gains[2]);
        }
    }
    // The unit roundoff times the condition, which is the loudest over the faintest.
    let owed = 0.5 * f64::from(f32::EPSILON) * 2.0 * LOUD * MICROPHONES as f64 / NOISE;
    let cost = 10.0 * ((SNAPSHOTS + 1) as f64 / (SNAPSHOTS + 2 - MICROPHONES) as f64).log10();
    println!("inverses in single precision: {off:.1e} off Woodbury's formula, at most {owed:.0e}");
    println!("MVDR, on average: {lost:.2} dB under the best, at most {cost:.2}");
    Ok(if off <= owed && lost <= cost { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the microphones hear of a wave from a direction.
fn wave(frequency: f64, degrees: f64) -> Wave {
    let delay = SPACING / SOUND * degrees.to_radians().sin();
    std::array::from_fn(|m| c64::cis(-TAU * frequency * delay * m as f64))
}

/// The covariance of the two others and the noise, row by row.
fn covariance(waves: &[Wave; 3]) -> Vec<c32> {
    let entry = |i: usize, j: usize| {
        let noise = if i == j { NOISE } else { 0.0 };
        waves[1..].iter().map(|v| v[i] * v[j].conj() * LOUD).sum::<c64>() + noise
    };
    (0..MICROPHONES)
        .flat_map(|i| (0..MICROPHONES).map(move |j| (i, j)))
        .map(|(i, j)| entry(i, j))
        .map(|z| c32::new(z.re as f32, z.im as f32))
        .collect()
}

/// The same from snapshots, its diagonal loaded with 1e-4 of its mean.
fn estimated(waves: &[Wave; 3], rng: &mut Rng) -> Vec<c32> {
    let mut gauss = |power: f64| c64::new(rng.normal(), rng.normal()) * (power / 2.0).sqrt();
    let mut r = vec![c32::default(); MICROPHONES * MICROPHONES];
    for _ in 0..SNAPSHOTS {
        let (a, b) = (gauss(LOUD), gauss(LOUD));
        let x: [c32; MICROPHONES] = std::array::from_fn(|m| {
            let z = a * waves[1][m] + b * waves[2][m] + gauss(NOISE);
            c32::new(z.re as f32, z.im as f32)
        });
        for (i, row) in r.chunks_exact_mut(MICROPHONES).enumerate() {
            row.iter_mut().zip(&x).for_each(|(r, x_j)| *r += x[i] * x_j.conj() / SNAPSHOTS as f32);
        }
    }
    let mean =
        (0..MICROPHONES).map(|i| r[i * (MICROPHONES + 1)].re).sum::<f32>() / MICROPHONES as f32;
    (0..MICROPHONES).for_each(|i| r[i * (MICROPHONES + 1)] += 1e-4 * mean);
    r
}

/// R^-1 d by Woodbury's formula, (d - V (NOISE / LOUD I + V^H V)^-1 V^H d) / NOISE, where V holds the
/// waves of the two others.
fn woodbury([d, v1, v2]: &[Wave; 3]) -> Wave {
    let (a, g) = (NOISE / LOUD + MICROPHONES as f64, inner(v1, v2));
    let (b1, b2) = (inner(v1, d), inner(v2, d));
    let determinant = a * a - g.norm_sqr();
    let (c1, c2) = ((b1 * a - g * b2) / determinant, (b2 * a - g.conj() * b1) / determinant);
    std::array::from_fn(|m| (d[m] - v1[m] * c1 - v2[m] * c2) / NOISE)
}

/// The talker's power over that of all else, in decibels, at the output of weights of any length.
fn gain(w: &Wave, [d, v1, v2]: &[Wave; 3]) -> f64 {
    let others =
        LOUD * (inner(w, v1).norm_sqr() + inner(w, v2).norm_sqr()) + NOISE * inner(w, w).re;
    10.0 * (inner(w, d).norm_sqr() / others).log10()
}

/// x^H y.
fn inner(x: &Wave, y: &Wave) -> c64 {
    x.iter().zip(y).map(|(x, y)| x.conj() * y).sum()
}

fn times(a: &[c32], x: &Wave) -> Wave {
    let wide = |z: c32| c64::new(z.re.into(), z.im.into());
    std::array::from_fn(|i| {
        a[i * MICROPHONES..][..MICROPHONES].iter().zip(x).map(|(&a, x)| wide(a) * x).sum()
    })
}
