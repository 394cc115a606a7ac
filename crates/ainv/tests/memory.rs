//! Memory: a large matrix in its own place takes at most 5 % of it beside it, any
//! call what its plan says, and one whose result cannot be had nothing. A binary of its own, because it
//! counts what the whole process allocates.

use ainv::{
    Assume, Diag, Error, Operation, Options, PinvOptions, Precision, RealScalar, Scalar, Stack,
    StackMut, Summary, Uplo,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use testkit::{Mat, Rng, Worst};

/// Of the matrix, in hundredths.
const BAR: f64 = 5.0;

/// Counts the bytes that are allocated now, and the most that ever were since `PEAK` was set.
struct Counting;
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// What may be allocated at once. Blocks under 4 KiB can always be had: without them no program lives.
static ROOM: AtomicUsize = AtomicUsize::new(usize::MAX);
const SMALL: usize = 4096;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let fits = LIVE.load(Relaxed).saturating_add(layout.size()) <= ROOM.load(Relaxed);
        if layout.size() >= SMALL && !fits {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's.
        let p = unsafe { System.alloc(layout) };
        if !p.is_null() {
            PEAK.fetch_max(LIVE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        }
        p
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Clone, Copy, Debug)]
enum Call {
    Inv(Assume),
    Cholesky,
    CholeskyInv,
    TriInv(Uplo),
    Solve,
    Pinv,
}

impl Call {
    fn into<T: Scalar>(
        self,
        a: Stack<T>,
        b: Stack<T>,
        x: StackMut<T>,
        o: &Options,
    ) -> Result<Summary, Error> {
        match self {
            Call::Inv(assume) => ainv::inv_into(a, x, &mut [], &Options { assume, ..o.clone() }),
            Call::Cholesky => ainv::cholesky_into(a, Uplo::Lower, x, &mut [], o),
            Call::CholeskyInv => ainv::cholesky_inv_into(a, Uplo::Lower, x, &mut [], o),
            Call::TriInv(uplo) => ainv::tri_inv_into(a, uplo, Diag::NonUnit, x, &mut [], o),
            Call::Solve => ainv::solve_into(a, b, x, &mut [], o),
            Call::Pinv => ainv::pinv_into(a, x, &PinvOptions::default(), &mut [], o),
        }
    }

    fn in_place<T: Scalar>(self, a: &mut Mat<T>) -> Result<Summary, Error> {
        let (n, p) = (a.rows, a.data.as_mut_ptr());
        let (shape, strides) = ([n, n], [n as isize, 1]);
        // SAFETY: one dense matrix; every operation reads what it needs of it before it writes there.
        let (a, x) = unsafe {
            (
                Stack::from_raw_parts(p.cast_const(), &shape, &strides)?,
                StackMut::from_raw_parts(p, &shape, &strides)?,
            )
        };
        self.into(a, a, x, &Options::default())
    }

    /// As the plan knows it, with k right-hand sides.
    fn operation(self, k: usize) -> Operation {
        match self {
            Call::Inv(_) => Operation::Inv,
            Call::Cholesky => Operation::Cholesky,
            Call::CholeskyInv => Operation::CholeskyInv,
            Call::TriInv(_) => Operation::TriInv,
            Call::Solve => Operation::Solve { rhs: k },
            Call::Pinv => Operation::Pinv,
        }
    }
}

/// All of them, from general matrices.
const CALLS: [Call; 6] = [
    Call::Inv(Assume::Auto),
    Call::Cholesky,
    Call::CholeskyInv,
    Call::TriInv(Uplo::Lower),
    Call::Solve,
    Call::Pinv,
];

/// Threads that have kept nothing of earlier calls; at its end what they keep is given back.
struct Pool {
    threads: Option<rayon::ThreadPool>,
    handles: Vec<JoinHandle<()>>,
}

impl Pool {
    fn new(threads: usize) -> Self {
        let mut handles = vec![];
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = builder.spawn_handler(|thread| {
            handles.push(std::thread::Builder::new().spawn(|| thread.run())?);
            Ok(())
        });
        let pool = pool.build().unwrap();
        pool.broadcast(|_| ());
        Pool { threads: Some(pool), handles }
    }

    fn threads(&self) -> &rayon::ThreadPool {
        self.threads.as_ref().unwrap()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        drop(self.threads.take());
        // Only then has a thread given back what it kept.
        self.handles.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

/// Waits for the threads of the library's own pool.
fn settled(level: usize) {
    let since = Instant::now();
    while LIVE.load(Relaxed) > level {
        assert!(since.elapsed() < Duration::from_secs(10), "{} bytes stay", LIVE.load(Relaxed));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The most that is allocated beside the matrix, in hundredths of it. The pool is a new one: its
/// threads have kept nothing of earlier calls.
fn peak<T: Scalar>(call: Call, a: &mut Mat<T>) -> f64 {
    let pool = Pool::new(2);
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let summary = pool.threads().install(|| call.in_place(a)).unwrap();
    let peak = PEAK.load(Relaxed) - before;
    assert_eq!(summary.failed, 0, "{call:?}");
    100.0 * peak as f64 / (a.data.len() * size_of::<T>()) as f64
}

fn peaks<T: Scalar>(orders: &[usize], worst: &mut Worst) {
    for &n in orders {
        let rng = &mut Rng::new(n as u64);
        let mut definite = Mat::<T>::from_fn(n, n, |_, _| testkit::parts(rng.uniform(), 0.0));
        for i in 0..n {
            definite[(i, i)] = T::from_re(T::Real::from_f64(n as f64));
            for j in 0..i {
                definite[(j, i)] = definite[(i, j)];
            }
        }
        let general = definite.map(|i, j, x| if i < j { x + x } else { x });
        for (call, a) in [
            (Call::Inv(Assume::Auto), &general),
            (Call::Inv(Assume::General), &general),
            (Call::Inv(Assume::Auto), &definite),
            (Call::Inv(Assume::Posdef), &definite),
            (Call::Cholesky, &definite),
            (Call::CholeskyInv, &definite),
            (Call::TriInv(Uplo::Lower), &general),
            (Call::TriInv(Uplo::Upper), &general),
        ] {
            let level = LIVE.load(Relaxed);
            let mut x = a.clone();
            let hundredths = peak(call, &mut x);
            drop(x);
            // What the process keeps of its first pool.
            settled(level + (64 << 10));
            let kind = if std::ptr::eq(a, &definite) { "definite" } else { "general" };
            worst.check(
                format!("{call:?}, {kind}, {} {n}", T::NAME),
                format!("{:.0} KB", hundredths / 100.0 * (n * n * size_of::<T>()) as f64 / 1e3),
                hundredths,
                BAR,
            );
        }
    }
}

/// Operands of one call on `count` matrices of order n, and room for its results.
struct Operands<T> {
    a: Vec<T>,
    b: Vec<T>,
    x: Vec<T>,
    shape: [usize; 3],
    k: usize,
}

impl<T: Scalar> Operands<T> {
    fn new(call: Call, count: usize, n: usize) -> Self {
        let rng = &mut Rng::new(n as u64);
        let mut definite = Mat::<T>::from_fn(n, n, |_, _| testkit::parts(rng.uniform(), 0.0));
        (0..n).for_each(|i| definite[(i, i)] = T::from_re(T::Real::from_f64(n as f64)));
        let k = if matches!(call, Call::Solve) { 3 } else { n };
        let a = definite.data.repeat(count);
        let b = a.iter().copied().cycle().take(count * n * k).collect();
        Operands { a, b, x: vec![T::default(); count * n * k], shape: [count, n, n], k }
    }

    fn run(&mut self, call: Call, options: &Options) -> Result<Summary, Error> {
        let [count, n, _] = self.shape;
        let a = Stack::new(&self.a, &self.shape)?;
        let b = Stack::new(&self.b, &[count, n, self.k])?;
        call.into(a, b, StackMut::new(&mut self.x, &[count, n, self.k])?, options)
    }
}

/// What a call takes beside its operands, and what the plan said.
struct Taken {
    peak: usize,
    planned: usize,
}

fn taken<T: Scalar>(
    call: Call,
    options: &Options,
    threads: usize,
    mut operands: Operands<T>,
) -> Taken {
    let (operation, shape) = (call.operation(operands.k), operands.shape);
    let plan = || ainv::plan::<T>(operation, shape, options).unwrap();
    measured(threads, plan, || {
        operands.run(call, options).unwrap();
    })
}

fn measured(
    threads: usize,
    plan: impl FnOnce() -> ainv::Plan + Send,
    work: impl FnOnce() + Send,
) -> Taken {
    let pool = Pool::new(threads);
    let level = LIVE.load(Relaxed);
    let (peak, planned) = pool.threads().install(|| {
        let plan = plan();
        let before = LIVE.load(Relaxed);
        PEAK.store(before, Relaxed);
        work();
        (PEAK.load(Relaxed) - before, plan.scratch)
    });
    drop(pool);
    ainv::release_common();
    settled(level + (64 << 10));
    Taken { peak, planned }
}

/// What the pool itself takes for its jobs, and lists of pointers, is not planned.
const JOBS: usize = 16 << 10;

/// The planned number is a bound of what is taken, and no distant one: a plan is made before it is known what of a
/// matrix is packed, whether rows are filled up, and which way a pseudo-inverse goes.
fn planned_scratch<T: Scalar>(worst: &mut Worst) {
    let double = Options { precision: Precision::Double, ..Options::default() };
    let single = size_of::<T::Real>() == 4;
    let wide = [CALLS[0], Call::Solve, Call::Pinv].map(|call| (call, double.clone()));
    let cases = CALLS.map(|call| (call, Options::default()));
    for (call, options) in cases.into_iter().chain(wide.into_iter().filter(|_| single)) {
        for (count, n) in [
            (5000, 4),
            (500, 12),
            (1, 12),
            (60, 40),
            (1, 40),
            (3, 100),
            (1, 300),
            (3, 300),
            (2, 700),
            (1, 1100),
            (1, 2100),
        ] {
            let long = matches!(call, Call::Pinv) || (n > 2000 && T::COMPLEX);
            if n > 300 && long {
                continue;
            }
            for threads in [1, 2, 3] {
                let operands = Operands::<T>::new(call, count, n);
                let Taken { peak, planned } = taken(call, &options, threads, operands);
                let inside = if options.precision == Precision::Double { " in double" } else { "" };
                let bar = planned + JOBS * threads;
                worst.check(
                    format!("{call:?}{inside} {}", T::NAME),
                    format!("{count} of {n}, {threads} threads: {peak} bytes of {planned} planned"),
                    peak as f64 / bar as f64,
                    1.0,
                );
                if threads == 1 {
                    worst.check(
                        format!("{call:?}{inside} {}: planned over taken", T::NAME),
                        format!("{count} of {n}: {peak} bytes of {planned} planned"),
                        planned as f64 / (peak + JOBS) as f64,
                        if matches!(call, Call::Pinv) { 8.0 } else { 6.0 },
                    );
                }
            }
        }
    }
}

/// Of tall and of wide matrices what is factored has the order of the shorter side. Those of full rank take less than singular
/// values would, for which there is room.
fn scratch_of_rectangles<T: Scalar>(worst: &mut Worst) {
    for (rows, cols) in [(1000, 50), (50, 1000), (20000, 2), (2, 20000), (300, 200), (5000, 10)] {
        for threads in [1, 3] {
            let rng = &mut Rng::new(rows as u64);
            let a = Mat::<T>::from_fn(rows, cols, |_, _| rng.scalar());
            let mut x = vec![T::default(); rows * cols];
            let options = Options::default();
            let plan = || ainv::plan::<T>(Operation::Pinv, [1, rows, cols], &options).unwrap();
            let Taken { peak, planned } = measured(threads, plan, || {
                let to = StackMut::new(&mut x, &[cols, rows]).unwrap();
                let asked = PinvOptions::default();
                ainv::pinv_into(a.view(), to, &asked, &mut [], &options).unwrap();
            });
            let case =
                format!("{rows} x {cols}, {threads} threads: {peak} bytes of {planned} planned");
            let name = format!("pinv {}", T::NAME);
            worst.check(&name, &case, peak as f64 / (planned + JOBS * threads) as f64, 1.0);
            let copies = 40 * rows * cols * size_of::<T>() + threads * (4 << 20);
            let name = format!("pinv {}: planned, of 40 copies and what is packed", T::NAME);
            worst.check(&name, &case, planned as f64 / copies as f64, 1.0);
        }
    }
}

/// Matrices that are done again, scaled, take that much again at most, and copies of those of a group at once.
fn scratch_of_suspects<T: Scalar>(worst: &mut Worst) {
    for call in CALLS {
        for (count, n) in [(5000, 4), (500, 12), (60, 40), (3, 100), (1, 300), (1, 700)] {
            if n > 100 && matches!(call, Call::Pinv) {
                continue;
            }
            for threads in [1, 2, 3] {
                let mut operands = Operands::<T>::new(call, count, n);
                for x in &mut operands.a {
                    *x = x.ldexp(-T::Real::BIG_EXP - 4);
                }
                let copies = (count.min(64) + 1) * n * (n + operands.k) * size_of::<T>();
                let Taken { peak, planned } = taken(call, &Options::default(), threads, operands);
                worst.check(
                    format!("{call:?} {}, out of range", T::NAME),
                    format!("{count} of {n}, {threads} threads: {peak} bytes of {planned} planned"),
                    peak as f64 / (2 * planned + (copies + JOBS) * threads) as f64,
                    1.0,
                );
            }
        }
    }
}

/// What large matrices leave for the next call is found by it, whichever thread leads; it has a bound, and is given
/// back when it is asked for.
fn what_is_kept() {
    let level = LIVE.load(Relaxed);
    let n = 1700;
    let bytes = n * n * size_of::<f64>();
    let pool = Pool::new(3);
    let mut one = Operands::<f64>::new(Call::Inv(Assume::General), 1, n);
    // Without room for a copy the result's own memory does.
    ROOM.store(LIVE.load(Relaxed) + bytes * 3 / 4, Relaxed);
    let small = pool.threads().install(|| one.run(Call::Inv(Assume::General), &Options::default()));
    ROOM.store(usize::MAX, Relaxed);
    small.unwrap();
    let mut run = || {
        let before = LIVE.load(Relaxed);
        PEAK.store(before, Relaxed);
        pool.threads()
            .install(|| one.run(Call::Inv(Assume::General), &Options::default()))
            .unwrap();
        PEAK.load(Relaxed) - before
    };
    let taken = run();
    if cfg!(target_os = "linux") {
        assert!(taken > bytes, "the first call takes a copy");
        for _ in 0..6 {
            let taken = run();
            assert!(taken < bytes, "{taken} bytes again");
        }
    }
    // As many as there are threads, side by side: more than is kept.
    let count = 8;
    let wide = Pool::new(count);
    let mut operands = Operands::<f64>::new(Call::Inv(Assume::General), count, n);
    let before = LIVE.load(Relaxed);
    let options = Options::default();
    for i in 0..2 {
        wide.threads().install(|| operands.run(Call::Inv(Assume::General), &options)).unwrap();
        let kept = LIVE.load(Relaxed) - before;
        assert!(kept <= (200 + 20 * count) << 20, "run {i}: {kept} bytes stay");
    }
    drop((pool, wide, one, operands));
    ainv::release_common();
    settled(level + (64 << 10));
}

/// What large results leave is found by those of their size, and has the same bound.
fn what_results_leave() {
    let level = LIVE.load(Relaxed);
    // In MiB: others take or leave some bytes, the list of what is kept among them.
    let live = || (LIVE.load(Relaxed) + (1 << 19) - level) >> 20;
    let of = |mib: usize| ainv::Large::new(mib << 20).unwrap();
    let places: Vec<_> = [of(80), of(80), of(80)].iter().map(ainv::Large::as_ptr).collect();
    assert!(places[0] != places[1] && places[1] != places[2], "of results that live");
    if !ainv::Large::is_kept(80 << 20) {
        assert_eq!(live(), 0);
        return;
    }
    assert_eq!(live(), 160, "two of three have room");
    let (first, less) = (of(79), of(40));
    assert!(places.contains(&first.as_ptr()), "one of them is found");
    assert_eq!(live(), 200, "too large for a small result");
    drop((first, less));
    ainv::release_common();
    assert_eq!(live(), 0);
    assert!(!ainv::Large::is_kept(1 << 20) && !ainv::Large::is_kept(201 << 20));
    drop(of(201));
    assert_eq!(live(), 0, "too large to be kept");
}

/// With ever more room, from none: an error until there is enough, then the same bits, and nothing stays.
/// The pool's threads are new each time and have kept nothing.
fn no_room<T: Scalar>() {
    for call in CALLS {
        for (count, n) in [(5000, 4), (500, 12), (60, 40), (3, 100), (1, 300)] {
            let mut operands = Operands::<T>::new(call, count, n);
            operands.run(call, &Options::default()).unwrap();
            let expected = operands.x.clone();
            let (mut room, mut refused) = (0, 0);
            loop {
                operands.x.fill(T::default());
                let pool = Pool::new(2);
                let level = LIVE.load(Relaxed);
                ROOM.store(level + room, Relaxed);
                let result = pool.threads().install(|| operands.run(call, &Options::default()));
                ROOM.store(usize::MAX, Relaxed);
                drop(pool);
                settled(level + (64 << 10));
                let what = format!("{call:?}, {count} of {n}, {} with {room} bytes", T::NAME);
                match result {
                    Ok(_) => {
                        testkit::assert_same_bits(&operands.x, &expected, what);
                        break;
                    }
                    Err(Error::OutOfMemory { .. }) => refused += 1,
                    Err(e) => panic!("{what}: {e}"),
                }
                room = (2 * room).max(SMALL);
                assert!(room < 1 << 30, "{what}");
            }
            let needs =
                ainv::plan::<T>(call.operation(operands.k), [count, n, n], &Options::default());
            assert!(refused > 0 || needs.unwrap().scratch < 2 * SMALL, "{call:?}, {count} of {n}");
        }
    }
}

/// Stacks that no memory could hold the results of, of one matrix with stride 0: an error, and nothing is
/// allocated on the way to it.
fn huge_stacks_are_refused() {
    let a = [4.0f64, 1.0, 1.0, 3.0];
    for count in [1 << 40, 1 << 58, usize::MAX >> 5] {
        let a = Stack::with_strides(&a, 0, &[count, 2, 2], &[0, 2, 1]).unwrap();
        let o = Options::default();
        let calls: [(&str, &dyn Fn() -> Option<Error>); 9] = [
            ("inv", &|| ainv::inv(a, &o).err()),
            ("inv_ex", &|| ainv::inv_ex(a, &o).err()),
            ("pinv", &|| ainv::pinv(a, &PinvOptions::default(), &o).err()),
            ("cholesky", &|| ainv::cholesky(a, Uplo::Lower, &o).err()),
            ("cholesky_inv", &|| ainv::cholesky_inv(a, Uplo::Lower, &o).err()),
            ("tri_inv", &|| ainv::tri_inv(a, Uplo::Lower, Diag::Unit, &o).err()),
            ("solve", &|| ainv::solve(a, a, &o).err()),
            ("rcond", &|| ainv::rcond(a, ainv::Norm::One, &o).err()),
            ("matmul", &|| ainv::matmul(a, a, &o).err()),
        ];
        for (what, call) in calls {
            let before = LIVE.load(Relaxed);
            PEAK.store(before, Relaxed);
            let error = call();
            let taken = PEAK.load(Relaxed) - before;
            let refused = matches!(error, Some(Error::OutOfMemory { .. } | Error::Overflow));
            assert!(refused, "{what} of {count}: {error:?}");
            // What was asked for and refused is no memory.
            assert!(taken < 4096, "{what} of {count}: {taken} bytes");
        }
    }
    // Matrices without an element have a status each.
    let empty = Stack::<f64>::new(&[], &[1 << 58, 0, 0]).unwrap();
    let refused = ainv::inv_ex(empty, &Options::default());
    assert!(matches!(refused, Err(Error::OutOfMemory { .. })), "{refused:?}");
}

/// One test, so that nothing else runs while it counts.
#[test]
fn memory_is_what_was_said() {
    huge_stacks_are_refused();
    no_room::<f64>();
    no_room::<ainv::c32>();
    what_is_kept();
    what_results_leave();
    let mut worst = Worst::new("hundredths of the matrix beside it, two threads");
    peaks::<f64>(&[1025, 1536, 2048], &mut worst);
    peaks::<f32>(&[1025, 1100, 2048], &mut worst);
    worst.finish();
    let mut worst = Worst::new("taken, of what was planned");
    planned_scratch::<f64>(&mut worst);
    planned_scratch::<f32>(&mut worst);
    planned_scratch::<ainv::c32>(&mut worst);
    scratch_of_rectangles::<f64>(&mut worst);
    scratch_of_rectangles::<ainv::c32>(&mut worst);
    scratch_of_suspects::<f64>(&mut worst);
    scratch_of_suspects::<ainv::c32>(&mut worst);
    worst.finish();
}
