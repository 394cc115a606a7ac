//! A Kalman filter bank: 5000 targets followed at once.
//!
//! ```sh
//! cargo run --release -p ainv --example tracking [targets]
//! ```
//!
//! Problem: each target has a state of position and velocity in the plane, and a sensor of its own that
//! reports both once a second, with errors that go together. At each step a covariance S = P + R is inverted
//! for each target, 4 x 4 and positive definite: for the gain K = P S^-1 and for the test r^T S^-1 r of
//! the residual r. Data: simulated by the model that the filter assumes (velocity is a Wiener process;
//! Y. Bar-Shalom, X. Li, T. Kirubarajan, Estimation with Applications to Tracking and Navigation, 6.2.2), so
//! that what a right filter must show is known: those tests and the errors' follow chi-squared
//! distributions with 4 degrees of freedom. Prints the errors of reports and filter and how the tests come
//! out; ends with 1 if a test is four standard deviations off.

// It is a program, not the library: what it is for is to print.
#![allow(clippy::print_stdout)]

use ainv::{Assume, Options, OwnedStack, Stack, inv_in_place, matmul, matmul_into, solve};
use std::process::ExitCode;
use testkit::Rng;

const STEPS: usize = 60;
/// A second passes: position += velocity.
const F: [f64; 16] = [
    1.0, 0.0, 1.0, 0.0, //
    0.0, 1.0, 0.0, 1.0, //
    0.0, 0.0, 1.0, 0.0, //
    0.0, 0.0, 0.0, 1.0,
];
/// The Cholesky factor of what a second adds to the covariance, q [[1/3, 1/2], [1/2, 1]] in each
/// direction with q = 4 m^2/s^3.
const JUMP: [[f64; 2]; 2] = [[1.154_700_538_379_251_5, 0.0], [1.732_050_807_568_877_2, 1.0]];
/// Standard deviations of position (m) and velocity (m/s) before the first report.
const START: [f64; 2] = [1000.0, 100.0];

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let n = std::env::args().nth(1).map_or(Ok(5000), |n| n.parse())?;
    let mut rng = Rng::new(11);
    let posdef = Options { assume: Assume::Posdef, ..Options::default() };

    // Each sensor's errors are L times four random numbers; R = L L^T.
    let mut l = OwnedStack::zeros(&[n, 4, 4])?;
    for l in l.as_mut_slice().chunks_exact_mut(16) {
        for i in 0..4 {
            let size = if i < 2 { 50.0 } else { 5.0 } * (0.5 + rng.uniform());
            l[4 * i + i] = size;
            for j in 0..i {
                l[4 * i + j] = 0.5 * size * rng.normal();
            }
        }
    }
    let r = matmul(l.view(), l.view().transposed(), &posdef)?;
    let mut truth: Vec<[f64; 4]> =
        (0..n).map(|_| std::array::from_fn(|i| START[i / 2] * rng.normal())).collect();
    let (mut x, mut p) = (vec![[0.0; 4]; n], OwnedStack::zeros(&[n, 4, 4])?);
    for p in p.as_mut_slice().chunks_exact_mut(16) {
        (0..4).for_each(|i| p[5 * i] = START[i / 2] * START[i / 2]);
    }

    // One F for all targets: a stack whose matrices lie at the same place.
    let f = Stack::with_strides(&F, 0, &[n, 4, 4], &[0, 4, 1])?;
    let (mut fp, mut s) = (OwnedStack::zeros(&[n, 4, 4])?, OwnedStack::zeros(&[n, 4, 4])?);
    let mut surprise = 0.0;
    for step in 0..STEPS {
        // A second passes, for the covariances P = F P F^T + Q and for the states.
        matmul_into(f, p.view(), fp.view_mut(), &posdef)?;
        matmul_into(fp.view(), f.transposed(), p.view_mut(), &posdef)?;
        for p in p.as_mut_slice().chunks_exact_mut(16) {
            for (i, j) in (0..4).flat_map(|i| [(i, i % 2), (i, i % 2 + 2)]) {
                let (a, b) = (JUMP[i / 2], JUMP[j / 2]);
                p[4 * i + j] += a[0] * b[0] + a[1] * b[1];
            }
        }
        // S = P + R becomes its inverse.
        let sums = s.as_mut_slice().iter_mut().zip(p.as_slice().iter().zip(r.as_slice()));
        sums.for_each(|(s, (p, r))| *s = p + r);
        inv_in_place(s.view_mut(), &mut [], &posdef)?;
        let gain = matmul(p.view(), s.view(), &posdef)?;
        let lost = matmul(gain.view(), p.view(), &posdef)?;

        let (mut reports, mut filter) = (0.0, 0.0);
        for k in 0..n {
            let at = 16 * k..16 * k + 16;
            let (l, s) = (&l.as_slice()[at.clone()], &s.as_slice()[at.clone()]);
            let (truth, x) = (&mut truth[k], &mut x[k]);
            let noise: [f64; 4] = std::array::from_fn(|_| rng.normal());
            *truth = times(&F, truth);
            (0..4).for_each(|i| {
                truth[i] += JUMP[i / 2][0] * noise[i % 2] + JUMP[i / 2][1] * noise[i % 2 + 2]
            });
            let error = times(l, &std::array::from_fn(|_| rng.normal()));

            let guess = times(&F, x);
            let residual: [f64; 4] = std::array::from_fn(|i| truth[i] + error[i] - guess[i]);
            surprise += dot(&residual, &times(s, &residual));
            let way = times(&gain.as_slice()[at], &residual);
            *x = std::array::from_fn(|i| guess[i] + way[i]);
            reports += error[0].powi(2) + error[1].powi(2);
            filter += (x[0] - truth[0]).powi(2) + (x[1] - truth[1]).powi(2);
        }
        p.as_mut_slice().iter_mut().zip(lost.as_slice()).for_each(|(p, lost)| *p -= lost);
        if [0, 1, 3, 7, 15, 31, STEPS - 1].contains(&step) {
            let rms = |sum: f64| (sum / n as f64).sqrt();
            println!(
                "{:4} s   reports {:6.1} m   filter {:6.1} m",
                step + 1,
                rms(reports),
                rms(filter)
            );
        }
    }

    let miss: Vec<f64> = (0..n)
        .flat_map(|k| (0..4).map(move |i| (k, i)))
        .map(|(k, i)| x[k][i] - truth[k][i])
        .collect();
    let weighed = solve(&p, Stack::new(&miss, &[n, 4, 1])?, &posdef)?;
    let errors: f64 = miss.iter().zip(weighed.as_slice()).map(|(a, b)| a * b).sum();
    let all = (n * STEPS) as f64;
    let good =
        test("residuals, all steps", surprise, all) & test("errors, last step", errors, n as f64);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a sum of `count` chi-squared numbers of 4 degrees of freedom is one: mean 4, variance 8.
fn test(what: &str, sum: f64, count: f64) -> bool {
    let off = (sum / count - 4.0) / (8.0 / count).sqrt();
    println!("{what}: mean {:.4}, 4 expected, {off:.1} standard deviations off", sum / count);
    off.abs() <= 4.0
}

fn times(a: &[f64], x: &[f64; 4]) -> [f64; 4] {
    std::array::from_fn(|i| dot(&a[4 * i..4 * i + 4], x))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
