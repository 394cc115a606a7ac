//! Inverse kinematics of a 7-joint arm for many targets at once: damped least squares and pinv.
//!
//! ```sh
//! cargo run --release -p ainv --example arm [targets]
//! ```
//!
//! Problem: the joint angles q at which the arm's flange has a given pose. Newton's step solves J dq = e,
//! where J is the 6 x 7 Jacobian and e the error of the pose. pinv(J) e is the shortest such step, and
//! endless near a pose where J loses rank; dq = J^T (J J^T + lambda^2 I)^-1 e bounds it. With
//! lambda^2 = |e|^2 / 2 + 1e-6 it still converges fast (T. Sugihara, IEEE Trans. Robotics 27 (2011)
//! 984-991). Data: the Denavit-Hartenberg parameters and limits that Franka publishes for its Panda arm
//! (<https://frankaemika.github.io/docs/control_parameters.html>); the targets are poses of random angles
//! within the limits. Prints how many targets each method reaches and the largest step it asked for. Ends
//! with 1 if the stretched arm does not end where its drawing says, if damped steps do not solve the normal
//! equations (J^T J + lambda^2 I) dq = J^T e, or if under 90 % of the targets are reached.

// It is a program, not the library: what it is for is to print.
#![allow(clippy::print_stdout)]

use ainv::{Assume, Error, Options, OwnedStack, PinvOptions, Stack, matmul, pinv, solve};
use std::f64::consts::{FRAC_PI_2, PI, TAU};
use std::process::ExitCode;
use testkit::Rng;

const STEPS: usize = 60;
const READY: [f64; 7] = [0.0, -PI / 4.0, 0.0, -3.0 * PI / 4.0, 0.0, PI / 2.0, PI / 4.0];
/// Craig's convention, in metres and quarter turns: a and alpha of the link before each joint, d of the
/// joint; the flange.
const LINKS: [(f64, f64, f64); 8] = [
    (0.0, 0.0, 0.333),
    (0.0, -1.0, 0.0),
    (0.0, 1.0, 0.316),
    (0.0825, 1.0, 0.0),
    (-0.0825, -1.0, 0.384),
    (0.0, 1.0, 0.0),
    (0.088, 1.0, 0.0),
    (0.0, 0.0, 0.107),
];
const LIMITS: [(f64, f64); 7] = [
    (-2.8973, 2.8973),
    (-1.7628, 1.7628),
    (-2.8973, 2.8973),
    (-3.0718, -0.0698),
    (-2.8973, 2.8973),
    (-0.0175, 3.7525),
    (-2.8973, 2.8973),
];

type Angles = [f64; 7];
/// Where a frame is, and its axes as columns.
#[derive(Clone, Copy)]
struct Pose {
    at: [f64; 3],
    axes: [[f64; 3]; 3],
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let n = std::env::args().nth(1).map_or(Ok(10_000), |n| n.parse::<usize>())?;
    let mut rng = Rng::new(7);
    let mut random = || LIMITS.map(|(low, high)| low + (high - low) * rng.uniform());
    let targets: Vec<Pose> = (0..n).map(|_| kinematics(&random()).0).collect();

    let stretched = kinematics(&[0.0; 7]).0.at;
    let drawn = [0.088, 0.0, 0.333 + 0.316 + 0.384 - 0.107];
    let mut good = (0..3).all(|i| (stretched[i] - drawn[i]).abs() < 1e-15);

    println!("{n} targets, {STEPS} steps at most");
    println!("{:<24}{:>10}{:>16}", "", "reached", "largest step");
    for (name, step) in [("damped least squares", damped as Step), ("pinv", shortest as Step)] {
        let (reached, largest) = search(step, &targets)?;
        println!("{name:<24}{:>8.1} %{largest:>12.3} rad", 100.0 * reached);
        good &= reached >= 0.9;
    }

    let (j, e): (Vec<_>, Vec<_>) = targets
        .iter()
        .map(|t| (kinematics(&READY), t))
        .map(|((p, j), t)| (j, error(&p, t)))
        .unzip();
    let j = OwnedStack::from_vec(j.concat().concat(), &[n, 6, 7])?;
    let off = normal_equations(&j, &e, &damped(&j, &e)?);
    println!("damped steps in the normal equations: {off:.1e}, at most 1e-12");
    Ok(if good && off <= 1e-12 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

type Step = fn(&OwnedStack<f64>, &[[f64; 6]]) -> Result<Vec<f64>, Error>;

fn damped(j: &OwnedStack<f64>, e: &[[f64; 6]]) -> Result<Vec<f64>, Error> {
    let posdef = Options { assume: Assume::Posdef, ..Options::default() };
    let mut m = matmul(j.view(), j.view().transposed(), &posdef)?;
    for (m, e) in m.as_mut_slice().chunks_exact_mut(36).zip(e) {
        (0..6).for_each(|i| m[7 * i] += square(e));
    }
    let y = solve(m.view(), Stack::new(e.as_flattened(), &[e.len(), 6, 1])?, &posdef)?;
    Ok(matmul(j.view().transposed(), y.view(), &posdef)?.into_vec())
}

fn shortest(j: &OwnedStack<f64>, e: &[[f64; 6]]) -> Result<Vec<f64>, Error> {
    let options = Options::default();
    let x = pinv(j, &PinvOptions::default(), &options)?;
    Ok(matmul(x.view(), Stack::new(e.as_flattened(), &[e.len(), 6, 1])?, &options)?.into_vec())
}

/// Sugihara's lambda^2.
fn square(e: &[f64; 6]) -> f64 {
    e.iter().map(|e| e * e).sum::<f64>() / 2.0 + 1e-6
}

/// The share of the targets that are reached from the ready posture, and the largest angle of a step.
fn search(step: Step, targets: &[Pose]) -> Result<(f64, f64), Error> {
    let n = targets.len();
    let mut q = vec![READY; n];
    let mut largest = 0.0f64;
    // Those that are not there yet; their matrices are the stack.
    let mut left: Vec<usize> = (0..n).collect();
    for _ in 0..STEPS {
        let (mut j, mut e) = (Vec::new(), Vec::new());
        left.retain(|&k| {
            let (pose, jacobian) = kinematics(&q[k]);
            let way = error(&pose, &targets[k]);
            let there = way.iter().map(|e| e * e).sum::<f64>() < 1e-18;
            if !there {
                j.extend(jacobian.concat());
                e.push(way);
            }
            !there
        });
        let j = OwnedStack::from_vec(j, &[left.len(), 6, 7])?;
        for (&k, dq) in left.iter().zip(step(&j, &e)?.chunks_exact(7)) {
            for i in 0..7 {
                largest = largest.max(dq[i].abs());
                q[k][i] = (q[k][i] + dq[i] + PI).rem_euclid(TAU) - PI;
            }
        }
    }
    Ok(((n - left.len()) as f64 / n as f64, largest))
}

/// The flange's pose and its Jacobian.
fn kinematics(q: &Angles) -> (Pose, [[f64; 7]; 6]) {
    let mut pose = Pose { at: [0.0; 3], axes: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] };
    let mut frames = [pose; 8];
    for (k, (a, quarters, d)) in LINKS.into_iter().enumerate() {
        let [x, y, z] = pose.axes;
        let (sa, ca) = (quarters * FRAC_PI_2).sin_cos();
        let (s, c) = q.get(k).map_or((0.0, 1.0), |theta| theta.sin_cos());
        // First about x by alpha and along it by a, then about the new z by theta and along it by d.
        let (y, z) = (sum(ca, &y, sa, &z), sum(-sa, &y, ca, &z));
        let at = sum(1.0, &pose.at, 1.0, &sum(a, &x, d, &z));
        pose = Pose { at, axes: [sum(c, &x, s, &y), sum(-s, &x, c, &y), z] };
        frames[k] = pose;
    }
    let mut jacobian = [[0.0; 7]; 6];
    for (k, frame) in frames[..7].iter().enumerate() {
        let axis = frame.axes[2];
        let swing = cross(&axis, &sum(1.0, &pose.at, -1.0, &frame.at));
        for i in 0..3 {
            (jacobian[i][k], jacobian[i + 3][k]) = (swing[i], axis[i]);
        }
    }
    (pose, jacobian)
}

/// The way from a pose to a target: a displacement, then a rotation vector.
fn error(pose: &Pose, target: &Pose) -> [f64; 6] {
    // The sum of (axis of the pose) x (axis of the target) is twice the sine times the rotation's axis.
    let (mut w, mut cosine) = ([0.0; 3], -0.5);
    for (p, t) in pose.axes.iter().zip(&target.axes) {
        w = sum(1.0, &w, 0.5, &cross(p, t));
        cosine += (0..3).map(|i| p[i] * t[i]).sum::<f64>() / 2.0;
    }
    let sine = w.iter().map(|w| w * w).sum::<f64>().sqrt();
    let scale = sine.atan2(cosine) / sine.max(1e-300);
    std::array::from_fn(|i| if i < 3 { target.at[i] - pose.at[i] } else { scale * w[i - 3] })
}

/// The largest entry of (J^T J + lambda^2 I) dq - J^T e.
fn normal_equations(j: &OwnedStack<f64>, e: &[[f64; 6]], dq: &[f64]) -> f64 {
    let mut worst = 0.0f64;
    for ((j, e), dq) in j.as_slice().chunks_exact(42).zip(e).zip(dq.chunks_exact(7)) {
        let rest: [f64; 6] = std::array::from_fn(|i| dot(&j[7 * i..7 * i + 7], dq) - e[i]);
        for k in 0..7 {
            let off = (0..6).map(|i| j[7 * i + k] * rest[i]).sum::<f64>() + square(e) * dq[k];
            worst = if off.is_nan() { off } else { worst.max(off.abs()) };
        }
    }
    worst
}

fn sum(a: f64, x: &[f64; 3], b: f64, y: &[f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| a * x[i] + b * y[i])
}

fn cross(x: &[f64; 3], y: &[f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| x[(i + 1) % 3] * y[(i + 2) % 3] - x[(i + 2) % 3] * y[(i + 1) % 3])
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
