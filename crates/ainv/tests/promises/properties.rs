//! Random shapes, strides, offsets and calls against a plain loop over dense matrices.
//! 10,000 cases; `PROPTEST_CASES` may ask for more.

use super::common::*;
use ainv::*;
use proptest::prelude::*;
use testkit::assert_same_bits;

/// A layout of a stack (p, q, n, n): an order of the axes from the innermost out, with gaps, signs
/// and an offset.
#[derive(Clone, Debug)]
struct Axes {
    order: Vec<usize>,
    gap: [usize; 4],
    negative: [bool; 4],
    before: usize,
}

fn axes() -> impl Strategy<Value = Axes> {
    let order = Just(vec![0usize, 1, 2, 3]).prop_shuffle();
    (order, [0usize..3, 0..3, 0..3, 0..3], any::<[bool; 4]>(), 0usize..9)
        .prop_map(|(order, gap, negative, before)| Axes { order, gap, negative, before })
}

impl Axes {
    /// Length of the memory, offset and strides.
    fn lay(&self, shape: [usize; 4]) -> (usize, usize, [isize; 4]) {
        let (mut strides, mut step, mut offset) = ([0isize; 4], 1, self.before);
        for &axis in &self.order {
            step += self.gap[axis];
            strides[axis] = if self.negative[axis] { -(step as isize) } else { step as isize };
            if self.negative[axis] {
                offset += step * (shape[axis] - 1);
            }
            step *= shape[axis];
        }
        (self.before + step + 20, offset, strides)
    }
    fn places(&self, shape: [usize; 4]) -> Vec<usize> {
        let (_, offset, s) = self.lay(shape);
        let [_, q, n, m] = shape;
        (0..shape.iter().product())
            .map(|at: usize| [at / (q * n * m), at / (n * m) % q, at / m % n, at % m])
            .map(|i| (0..4).fold(offset as isize, |p, k| p + i[k] as isize * s[k]) as usize)
            .collect()
    }
}

fn check<T: Scalar>(
    call: Call,
    (p, q, n): (usize, usize, usize),
    from: &Axes,
    to: &Axes,
    seed: u64,
    bad: usize,
) {
    let shape = [p, q, n, n];
    let mut dense = examples::<T>(call, p * q, n, seed);
    let at = bad % dense.len();
    match seed % 4 {
        0 => dense[at] = T::nan(),
        1 => dense[at / (n * n) * n * n..][..n * n].fill(T::default()),
        2 => dense[at] = dense[at].ldexp(-T::Real::BIG_EXP - 8),
        _ => {}
    }
    let loops: Vec<(Vec<T>, Vec<Status>)> =
        dense.chunks(n * n).map(|a| call.run(1, n, a)).collect();

    let (len, offset, strides) = from.lay(shape);
    let mut memory = vec![T::nan(); len];
    from.places(shape).into_iter().zip(&dense).for_each(|(at, x)| memory[at] = *x);
    let a = Stack::with_strides(&memory, offset, &shape, &strides).unwrap();

    let canary = T::from_re(T::Real::from_f64(77.0));
    let (len, offset, strides) = to.lay(shape);
    let mut out = vec![canary; len];
    let mut status = vec![Status::default(); p * q];
    let x = StackMut::with_strides(&mut out, offset, &shape, &strides).unwrap();
    let summary = call.into(a, x, &mut status).unwrap();

    let places = to.places(shape);
    for (i, (x, s)) in loops.iter().enumerate() {
        let got: Vec<T> = places[i * n * n..(i + 1) * n * n].iter().map(|&at| out[at]).collect();
        assert_same_bits(&got, x, format!("matrix {i}"));
        assert_eq!(status[i], s[0], "matrix {i}");
    }
    let counted = |s: &Status| !s.is_ok() && (s.code != Code::NonFinite || call == Call::Pinv);
    assert_eq!(summary.failed, status.iter().filter(|s| counted(s)).count());
    assert_eq!(summary.first, status.iter().position(counted).map(|i| (i, status[i])));
    let mut used = vec![false; out.len()];
    places.iter().for_each(|&at| used[at] = true);
    assert!((0..out.len()).all(|at| used[at] || out[at] == canary), "written beside the output");
}

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(10_000), failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]
    #[test]
    fn strided_stacks_equal_a_plain_loop(
        call in proptest::sample::select(Call::all().collect::<Vec<_>>()),
        sizes in (1usize..4, 1usize..12, 1usize..21),
        from in axes(),
        to in axes(),
        scalar in 0..4,
        seed in any::<u64>(),
        bad in any::<usize>(),
    ) {
        let seed = seed >> 8;
        match scalar {
            0 => check::<f32>(call, sizes, &from, &to, seed, bad),
            1 => check::<f64>(call, sizes, &from, &to, seed, bad),
            2 => check::<c32>(call, sizes, &from, &to, seed, bad),
            _ => check::<c64>(call, sizes, &from, &to, seed, bad),
        }
    }

    /// Whatever the numbers, a view is made or refused; nothing overflows.
    #[test]
    fn views_never_panic(
        shape in proptest::collection::vec(prop_oneof![0usize..5, any::<usize>()], 0..6),
        strides in proptest::collection::vec(prop_oneof![-9isize..9, any::<isize>()], 0..6),
        offset in prop_oneof![0usize..64, any::<usize>()],
    ) {
        let mut data = [0u8; 64];
        if let Ok(view) = Stack::with_strides(&data, offset, &shape, &strides)
            && !view.is_empty() && view.rows() > 0 && view.cols() > 0
        {
            view.get(view.len() - 1, view.rows() - 1, view.cols() - 1);
            view.get(0, 0, view.cols() - 1);
        }
        let _ = StackMut::with_strides(&mut data, offset, &shape, &strides);
        let _ = Stack::new(&data, &shape);
    }
}
