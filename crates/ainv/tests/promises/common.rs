//! What several promises share.

use ainv::*;
use testkit::Mat;

/// Stamps `fn name<T: Scalar>()` as a test for each scalar.
macro_rules! for_all_scalars {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn f32() { super::super::$name::<f32>() }
            #[test]
            fn f64() { super::super::$name::<f64>() }
            #[test]
            fn c32() { super::super::$name::<ainv::c32>() }
            #[test]
            fn c64() { super::super::$name::<ainv::c64>() }
        }
    )+};
}
pub(crate) use for_all_scalars;

/// Set in the processes that [`child`] starts.
const CHILD: &str = "AINV_TEST_CHILD";

/// Whether this is a process that a test started. What only children run returns at once elsewhere, and
/// what starts children returns at once in one.
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// The test of this name, in a process of its own under an instruction set; all that begin so, where the
/// name ends in `::`.
pub(crate) fn child(tests: &str, isa: &str) -> std::process::Output {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args([tests, "--nocapture", "--test-threads", "2"]);
    if !tests.ends_with("::") {
        command.arg("--exact");
    }
    command.env("AINV_ISA", isa).env(CHILD, "1").output().unwrap()
}

/// Whether a test goes through this order here: under the other instruction sets, the edges of registers and
/// of routes are enough.
pub(crate) fn in_turn(n: &usize) -> bool {
    !is_child() || matches!(n, 1..=4 | 8 | 9 | 17 | 25 | 33 | 66)
}

/// The sets of this machine. One that `AINV_REQUIRE_ISA` (names, with commas between) asks for must be
/// among them: a test that does not run would pass in silence.
pub(crate) fn instruction_sets() -> Vec<IsaId> {
    let sets = available_instruction_sets();
    let required = std::env::var("AINV_REQUIRE_ISA").unwrap_or_default();
    for name in required.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        assert!(sets.iter().any(|set| set.name() == name), "{name} is required, not in {sets:?}");
    }
    sets
}

/// [`is_child`], of a test that [`on_each_set`] runs: it says which set it has.
pub(crate) fn is_called() -> bool {
    let called = is_child();
    if called {
        testkit::say(format!("ISA {}", instruction_set().unwrap()));
    }
    called
}

/// Runs what only children run, under every instruction set, the one in use, too.
pub(crate) fn on_each_set(test: &str) {
    if is_child() {
        return;
    }
    for isa in instruction_sets() {
        let output = child(test, isa.name());
        let text = String::from_utf8_lossy(&output.stderr);
        let last: Vec<_> = text.lines().rev().take(12).collect();
        assert!(output.status.success(), "{test} on {isa}: {}, {last:#?}", output.status);
        assert!(text.contains(&format!("ISA {isa}")), "{isa} was not forced: {last:#?}");
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(out.contains("1 passed"), "{test} on {isa}: {out}");
    }
}

/// Runs the tests that `tests` names (as [`child`]) again under each instruction set but the one in use,
/// and lets what they print through. Each of them must pass, and at least `least` must run. Not under the
/// slow oracle, `fused`: `sets.rs` compares its statuses and bits with the others'.
pub(crate) fn on_every_set(tests: &str, least: usize) {
    on_sets(tests, least, |isa| isa != IsaId::Fused);
}

/// The same under the portable set alone, where the other sets' bits are known to be one another's.
pub(crate) fn on_the_portable_set(tests: &str, least: usize) {
    on_sets(tests, least, |isa| isa == IsaId::Portable);
}

fn on_sets(tests: &str, least: usize, which: impl Fn(IsaId) -> bool) {
    if is_child() {
        return;
    }
    let here = instruction_set().unwrap();
    for isa in instruction_sets().into_iter().filter(|isa| *isa != here && which(*isa)) {
        let output = child(tests, isa.name());
        let (text, out) =
            (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "{tests} on {isa}: {text}{out}");
        let passed = out.split("test result: ok. ").nth(1).and_then(|s| s.split(' ').next());
        let passed: usize = passed.and_then(|n| n.parse().ok()).unwrap_or(0);
        assert!(passed >= least, "{isa}: {passed} tests of {least} ran: {out}");
        testkit::say(format!("{tests} on {isa}: {passed} tests passed\n{text}"));
    }
}

/// The tight bar: over it the build fails. LAPACK's own is 30.
pub(crate) const TIGHT: f64 = 3.0;
/// LAPACK's bar, for the sides and the routes that have no bound of their own.
pub(crate) const HARD: f64 = 30.0;

pub(crate) fn assuming(assume: Assume) -> Options {
    Options { assume, ..Options::default() }
}

/// One matrix as a result.
pub(crate) fn mat<T: Scalar>(x: OwnedStack<T>) -> Mat<T> {
    let shape = x.shape();
    let (rows, cols) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    Mat::new(rows, cols, x.into_vec())
}

/// The five own routes on square matrices, as functions of one stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Inv(Assume),
    Cholesky(Uplo),
    CholeskyInv(Uplo),
    TriInv(Uplo, Diag),
    /// With the first matrices of the same stack as right-hand sides.
    Solve(Assume),
    Pinv,
}

impl Call {
    pub(crate) const OWN: [Call; 15] = [
        Call::Inv(Assume::Auto),
        Call::Inv(Assume::General),
        Call::Inv(Assume::Posdef),
        Call::Inv(Assume::Symmetric),
        Call::Inv(Assume::Hermitian),
        Call::Inv(Assume::Lower),
        Call::Inv(Assume::Diagonal),
        Call::Cholesky(Uplo::Lower),
        Call::Cholesky(Uplo::Upper),
        Call::CholeskyInv(Uplo::Lower),
        Call::CholeskyInv(Uplo::Upper),
        Call::TriInv(Uplo::Lower, Diag::NonUnit),
        Call::TriInv(Uplo::Upper, Diag::Unit),
        Call::Solve(Assume::General),
        Call::Solve(Assume::Posdef),
    ];

    /// Those of `OWN`, and pseudo-inverses.
    pub(crate) fn all() -> impl Iterator<Item = Call> {
        Call::OWN.into_iter().chain([Call::Pinv])
    }

    /// Runs it; the statuses are those of each matrix.
    pub(crate) fn into<T: Scalar>(
        self,
        a: Stack<T>,
        x: StackMut<T>,
        status: &mut [Status],
    ) -> Result<Summary, Error> {
        self.into_with(a, x, status, &Options::default())
    }

    /// The same with options, but for what it assumes.
    pub(crate) fn into_with<T: Scalar>(
        self,
        a: Stack<T>,
        x: StackMut<T>,
        status: &mut [Status],
        o: &Options,
    ) -> Result<Summary, Error> {
        let assuming = |assume| Options { assume, ..o.clone() };
        match self {
            Call::Inv(assume) => inv_into(a, x, status, &assuming(assume)),
            Call::Cholesky(uplo) => cholesky_into(a, uplo, x, status, o),
            Call::CholeskyInv(uplo) => cholesky_inv_into(a, uplo, x, status, o),
            Call::TriInv(uplo, diag) => tri_inv_into(a, uplo, diag, x, status, o),
            Call::Solve(assume) => solve_into(a, a, x, status, &assuming(assume)),
            Call::Pinv => pinv_into(a, x, &PinvOptions::default(), status, o),
        }
    }

    /// Runs it on matrices that lie so in `memory`, the results in their place.
    pub(crate) fn in_place<T: Scalar>(
        self,
        layout: &Layout,
        shape: [usize; 3],
        memory: &mut [T],
        status: &mut [Status],
    ) -> Result<Summary, Error> {
        // Building the view checks it.
        let _ = layout.view_mut(shape, memory);
        let p = memory.as_mut_ptr().wrapping_add(layout.offset);
        // SAFETY: the view was checked; every operation reads what it needs of a matrix
        // before it writes there.
        let (a, x) = unsafe {
            (
                Stack::from_raw_parts(p.cast_const(), &shape, &layout.strides)?,
                StackMut::from_raw_parts(p, &shape, &layout.strides)?,
            )
        };
        self.into(a, x, status)
    }

    /// The result and the status of each of `count` dense matrices of order n.
    pub(crate) fn run<T: Scalar>(self, count: usize, n: usize, a: &[T]) -> (Vec<T>, Vec<Status>) {
        let mut x = vec![T::from_re(T::Real::ONE); count * n * n];
        let mut status = vec![Status::default(); count];
        let shape = [count, n, n];
        let (from, to) = (Stack::new(a, &shape).unwrap(), StackMut::new(&mut x, &shape).unwrap());
        self.into(from, to, &mut status).unwrap();
        (x, status)
    }

    /// A matrix that the call can do: positive definite with a general part where only a triangle is
    /// read.
    pub(crate) fn example<T: Scalar>(self, n: usize, seed: u64) -> Mat<T> {
        let rng = &mut testkit::Rng::new(seed);
        match self {
            Call::Inv(Assume::Auto | Assume::General)
            | Call::Pinv
            | Call::Solve(Assume::General) => Mat::from_fn(n, n, |_, _| rng.scalar()),
            _ => {
                // Diagonally dominant with a real positive diagonal: good for every triangle.
                let r = Mat::from_fn(n, n, |_, _| rng.scalar::<T>());
                r.map(|i, j, x| match i.cmp(&j) {
                    std::cmp::Ordering::Equal => {
                        T::from_re(T::Real::from_f64(3.0 + n as f64 + x.re().to_f64()))
                    }
                    std::cmp::Ordering::Greater => x,
                    std::cmp::Ordering::Less => Scalar::conj(r[(j, i)]),
                })
            }
        }
    }
}

/// `count` examples, dense.
pub(crate) fn examples<T: Scalar>(call: Call, count: usize, n: usize, seed: u64) -> Vec<T> {
    (0..count).flat_map(|i| call.example::<T>(n, seed + i as u64).data).collect()
}

impl Call {
    /// Whether entry (i, j) of the matrix is read.
    pub(crate) fn reads(self, i: usize, j: usize) -> bool {
        use Assume::*;
        match self {
            Call::Inv(Auto | General) | Call::Solve(Auto | General) | Call::Pinv => true,
            Call::Inv(Diagonal) | Call::Solve(Diagonal) => i == j,
            Call::Inv(Upper) | Call::Solve(Upper) => i <= j,
            Call::Inv(_) | Call::Solve(_) => i >= j,
            Call::Cholesky(Uplo::Lower) | Call::CholeskyInv(Uplo::Lower) => i >= j,
            Call::Cholesky(Uplo::Upper) | Call::CholeskyInv(Uplo::Upper) => i <= j,
            Call::TriInv(Uplo::Lower, diag) => i > j || i == j && diag == Diag::NonUnit,
            Call::TriInv(Uplo::Upper, diag) => i < j || i == j && diag == Diag::NonUnit,
        }
    }
}

/// How a stack of `count` dense n x m matrices can lie in memory.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) name: &'static str,
    pub(crate) len: usize,
    pub(crate) offset: usize,
    pub(crate) strides: [isize; 3],
}

impl Layout {
    /// The layout of these strides, at the smallest offset plus `before`, with `after` behind.
    pub(crate) fn new(
        name: &'static str,
        shape: [usize; 3],
        strides: [isize; 3],
        (before, after): (usize, usize),
    ) -> Layout {
        let (mut low, mut high) = (0, 0);
        for (n, s) in shape.iter().zip(strides) {
            let reach = s * (n.saturating_sub(1)) as isize;
            if reach < 0 { low += reach } else { high += reach }
        }
        let offset = before + low.unsigned_abs();
        Layout { name, len: offset + high as usize + 1 + after, offset, strides }
    }

    /// Every kind of layout of `count` matrices.
    pub(crate) fn all(count: usize, rows: usize, cols: usize) -> Vec<Layout> {
        let (b, r, c) = (count as isize, rows as isize, cols as isize);
        let table: [(&str, [isize; 3]); 10] = [
            ("C", [r * c, c, 1]),
            ("Fortran", [r * c, 1, r]),
            ("rows reversed", [r * c, -c, 1]),
            ("columns reversed", [r * c, c, -1]),
            ("all reversed", [-r * c, -c, -1]),
            ("padded rows", [r * (c + 3) + 5, c + 3, 1]),
            ("padded columns", [c * (r + 1) + 2, 1, r + 1]),
            ("every second", [2 * r * c, 2 * c, 2]),
            ("batch innermost", [1, c * b, b]),
            ("batch innermost, Fortran", [-1, b, r * b]),
        ];
        table
            .map(|(name, strides)| Layout::new(name, [count, rows, cols], strides, (3, 2)))
            .to_vec()
    }

    fn places(&self, shape: [usize; 3]) -> impl Iterator<Item = usize> {
        let (o, s) = (self.offset as isize, self.strides);
        let [count, rows, cols] = shape;
        (0..count * rows * cols).map(move |at| {
            let (k, i, j) = (at / (rows * cols), at / cols % rows, at % cols);
            (o + k as isize * s[0] + i as isize * s[1] + j as isize * s[2]) as usize
        })
    }
    /// Memory filled with `canary`, the dense data laid into it.
    pub(crate) fn scatter<T: Scalar>(&self, shape: [usize; 3], dense: &[T], canary: T) -> Vec<T> {
        let mut memory = vec![canary; self.len];
        for (at, x) in self.places(shape).zip(dense) {
            memory[at] = *x;
        }
        memory
    }
    /// The dense data, and whether all around it is still the canary.
    pub(crate) fn gather<T: Scalar>(
        &self,
        shape: [usize; 3],
        memory: &[T],
        canary: T,
    ) -> (Vec<T>, bool) {
        let mut rest = vec![true; self.len];
        let dense = self.places(shape).map(|at| {
            rest[at] = false;
            memory[at]
        });
        let dense: Vec<T> = dense.collect();
        let intact = (0..self.len).all(|at| !rest[at] || memory[at] == canary);
        (dense, intact)
    }
    pub(crate) fn view<'a, T>(&self, shape: [usize; 3], memory: &'a [T]) -> Stack<'a, T> {
        Stack::with_strides(memory, self.offset, &shape, &self.strides).expect(self.name)
    }
    pub(crate) fn view_mut<'a, T>(
        &self,
        shape: [usize; 3],
        memory: &'a mut [T],
    ) -> StackMut<'a, T> {
        StackMut::with_strides(memory, self.offset, &shape, &self.strides).expect(self.name)
    }
}
