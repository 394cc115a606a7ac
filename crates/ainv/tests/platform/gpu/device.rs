//! What is a GPU's own: large stacks, refusals, streams, a device that is lost.

use super::{alone, is_there, on_gpu, random};
use crate::common::{TIGHT, child, is_child};
use ainv::*;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use testkit::{Mat, Rng, assert_same_bits, right, say};

/// More workgroups than a row of them has, several parts in flight, suspects among them.
#[test]
fn large_stacks() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let options = on_gpu(Options::default());
    // Of order 1: a part is 2^23 of them, and a workgroup takes 64.
    let count = 9_000_011;
    let a: Vec<f32> =
        (0..count).map(|i| if i % 1_000_003 == 7 { 0.0 } else { 1.0 + i as f32 }).collect();
    let (mut x, mut status) = (vec![1.0f32; count], vec![Status::default(); count]);
    let (from, to) =
        (Stack::new(&a, &[count, 1, 1]).unwrap(), StackMut::new(&mut x, &[count, 1, 1]).unwrap());
    let summary = inv_into(from, to, &mut status, &options).unwrap();
    let failed: Vec<usize> = (0..count).filter(|i| i % 1_000_003 == 7).collect();
    assert_eq!((summary.failed, summary.first.unwrap().0), (failed.len(), 7));
    for i in 0..count {
        let singular = a[i] == 0.0;
        assert_eq!(status[i].code == Code::Singular, singular, "{i}");
        assert!(
            if singular { x[i].is_nan() } else { (x[i] * a[i] - 1.0).abs() < 4e-7 },
            "{i}: {}",
            x[i]
        );
    }

    // Of order 4, some of which are done again: in place, so that they must be read in time.
    let (count, n) = (1_200_000, 4);
    let rng = &mut Rng::new(4);
    let some: Vec<Mat<f32>> = (0..97).map(|_| random(n, rng)).collect();
    let matrix = |i: usize| {
        let a = &some[i % some.len()];
        let steep = |i: usize, j: usize| -57 * (i as i32 % 2) - 56 * (j as i32 % 2);
        if i % 100_003 == 1 { a.map(|i, j, x| Scalar::ldexp(x, steep(i, j))) } else { a.clone() }
    };
    let mut a: Vec<f32> = (0..count).flat_map(|i| matrix(i).data).collect();
    let summary =
        inv_in_place(StackMut::new(&mut a, &[count, n, n]).unwrap(), &mut [], &options).unwrap();
    assert_eq!(summary.failed, 0);
    for i in (0..count).filter(|i| i % 100_003 == 1 || i % 997 == 0) {
        let alone = inv(matrix(i).view(), &options).unwrap();
        assert_same_bits(&a[i * n * n..(i + 1) * n * n], alone.as_slice(), i);
    }
    for i in (0..count).step_by(9973).filter(|i| i % 100_003 != 1) {
        let x = Mat::new(n, n, a[i * n * n..(i + 1) * n * n].to_vec());
        assert!(right(&matrix(i), &x) <= TIGHT, "matrix {i}");
    }
}

/// Blocked, with more than a few panels; a stack of such.
#[test]
fn larger_orders() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let rng = &mut Rng::new(1);
    for (count, n) in [(1, 257), (1, 400), (7, 96)] {
        let all: Vec<Mat<f32>> = (0..count).map(|_| random(n, rng)).collect();
        let a: Vec<f32> = all.iter().flat_map(|a| a.data.clone()).collect();
        let x = inv(Stack::new(&a, &[count, n, n]).unwrap(), &on_gpu(Options::default())).unwrap();
        for (i, a) in all.iter().enumerate() {
            let x = Mat::new(n, n, x.as_slice()[i * n * n..(i + 1) * n * n].to_vec());
            let ratio = right(a, &x);
            assert!(ratio <= TIGHT, "{n}, matrix {i}: {ratio}");
        }
    }
}

/// Single precision by way of double, where the adapter has it; an error that says what to do where not.
#[test]
fn double_inside() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let options = on_gpu(Options { precision: Precision::Double, ..Options::default() });
    let a: Mat<f32> = random(20, &mut Rng::new(5));
    match inv(a.view(), &options) {
        Ok(x) => {
            let cpu =
                inv(a.view(), &Options { precision: Precision::Double, ..Options::default() })
                    .unwrap();
            for (x, y) in x.as_slice().iter().zip(cpu.as_slice()) {
                assert!((x - y).abs() <= f32::EPSILON * y.abs(), "{x} for {y}");
            }
        }
        Err(Error::Unsupported { what }) => {
            assert!(what.contains("precision=\"native\""), "{what}")
        }
        Err(error) => panic!("{error}"),
    }
    // What is rounding on the diagonal in single precision is so in double, too.
    let diagonal = |im: f32| {
        Mat::from_fn(2, 2, |i, j| if i == j { c32::new(4.0, im) } else { c32::default() })
    };
    let definite = |im: f32, stream| {
        let options = Options { stream, precision: Precision::Double, ..Options::default() };
        cholesky(diagonal(im).view(), Uplo::Lower, &options).map(|x| x.into_vec())
    };
    for (im, is_real) in [(f32::EPSILON, true), (1e-5, false)] {
        let (x, y) = (definite(im, Some(Device::GPU.into())), definite(im, None));
        assert_eq!(y.is_ok(), is_real, "{im}: {y:?}");
        assert!(x == y || matches!(x, Err(Error::Unsupported { .. })), "{im}: {x:?}, {y:?}");
    }
}

#[test]
fn what_it_has_no_kernels_for_is_refused() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let a = [4.0f32, 1.0, 1.0, 3.0];
    let a = Stack::new(&a, &[2, 2]).unwrap();
    let o = on_gpu(Options::default());
    let refused = |name: &str, outcome: Result<(), Error>| {
        let Err(Error::Unsupported { what }) = outcome else { panic!("{name}: {outcome:?}") };
        assert!(what.contains(name) && what.contains("CPU"), "{name}: {what}");
    };
    refused("rcond in the 2-norm", rcond(a, Norm::Two, &o).map(drop));
    refused("matmul", matmul(a, a, &o).map(drop));
    refused("report", report(a, None, &o).map(drop));
    refused("plan", plan::<f32>(Operation::Inv, [1, 2, 2], &o).map(drop));
    let second = Device { index: 1, ..Device::GPU };
    assert!(second.check().unwrap_err().to_string().contains("gpu:1"));
}

/// Nothing to do, and names.
#[test]
fn empty_stacks_and_what_is_known() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let o = on_gpu(Options::default());
    for shape in [[0, 3, 3], [2, 0, 0], [0, 40, 40]] {
        let (x, info) = inv_ex(Stack::<f32>::new(&[], &shape).unwrap(), &o).unwrap();
        assert_eq!((x.shape(), info), (&shape[..], vec![0; shape[0]]));
    }
    let known = device_info(Device::GPU).unwrap();
    assert!(!known.name.is_empty() && known.driver.is_some() && known.instruction_set.is_none());
    say(format!("the GPU is {}, {}, {:?}", known.name, known.architecture, known.driver));
}

#[test]
fn streams_of_a_gpu() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let [first, second] = [(); 2].map(|()| Stream::new(Device::GPU).unwrap());
    let cpu = Stream::new(Device::CPU).unwrap();
    let n = 60;
    let a: Mat<f32> = random(n, &mut Rng::new(9));
    let expected = inv(a.view(), &on_gpu(Options::default())).unwrap();
    // A task runs on its stream's device, and what comes after it there, or on another device, finds its end.
    let copy = a.clone();
    let large = first.submit(move |_| {
        assert_eq!(current_stream().device, Device::GPU);
        assert!(
            matmul(copy.view(), copy.view(), &Options::default()).is_err(),
            "not moved to the CPU"
        );
        inv(copy.view(), &Options::default())
    });
    let large = large.unwrap();
    let (done, then) = (large.done(), large.done());
    cpu.after(&large).unwrap();
    second.after(&large).unwrap();
    let on_cpu = cpu.submit(move |_| Ok((done.is_done(), current_stream().device))).unwrap();
    let on_gpu = second.submit(move |_| Ok(then.is_done())).unwrap();
    assert_eq!(on_cpu.wait(), Ok((true, Device::CPU)));
    assert_eq!(on_gpu.wait(), Ok(true));
    assert_same_bits(large.wait().unwrap().as_slice(), expected.as_slice(), "on a stream");

    // Errors are their event's; the stream goes on, and calls on it come after its work.
    let bad = first.submit(|_| inv(Stack::new(&[0.0f32], &[1, 1])?, &Options::default())).unwrap();
    let options = Options { stream: Some(first), ..Options::default() };
    let x = inv(Stack::new(&[4.0f32], &[1, 1]).unwrap(), &options).unwrap();
    assert!(bad.is_done() && x.as_slice() == [0.25]);
    assert!(matches!(bad.wait(), Err(Error::Matrix { index: 0, .. })));
    let cancelled = Cancel::new();
    cancelled.cancel();
    let options = Options { cancel: Some(cancelled), ..options };
    assert_eq!(
        inv(Stack::new(&[4.0f32], &[1, 1]).unwrap(), &options).unwrap_err(),
        Error::Cancelled
    );
    // Many at once, from several threads.
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for stream in [first, second, first] {
                    let a = a.clone();
                    let event = stream.submit(move |_| inv(a.view(), &Options::default())).unwrap();
                    assert_same_bits(
                        event.wait().unwrap().as_slice(),
                        expected.as_slice(),
                        "at once",
                    );
                }
            });
        }
    });
    synchronize(Some(first)).unwrap();
    assert!(Stream { device: Device::GPU, index: u32::MAX }.check().is_err());
}

/// The host's copies convert, in the mode that IEEE 754 begins with, whatever the caller has set.
#[test]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn the_callers_mode_changes_no_bit() {
    use crate::control::{MODES, under};
    let _alone = alone();
    if !is_there() {
        return;
    }
    let options = on_gpu(Options { precision: Precision::Double, ..Options::default() });
    let n = 9;
    let a: Mat<f32> = random(n, &mut Rng::new(6));
    // Subnormal numbers are read, and written; others are rounded.
    for power in [-130, 0, 127] {
        let a = a.ldexp(power);
        let run = || inv(a.view(), &options);
        let expected = match run() {
            Ok(x) => x,
            Err(Error::Unsupported { what }) => return say(what),
            Err(error) => panic!("{error}"),
        };
        for mode in MODES {
            let x = under(mode, run).unwrap();
            assert_same_bits(x.as_slice(), expected.as_slice(), format!("2^{power} in {mode:x}"));
        }
    }
}

/// Without memory a call is an error by that name, and the device is as it was: none of its streams loses work by it.
#[test]
#[cfg(target_os = "linux")]
fn exhausted_memory() {
    let _alone = alone();
    // The limit is a process's; of a real GPU it does not limit the memory.
    if !is_there() || !device_info(Device::GPU).unwrap().name.contains("llvmpipe") {
        return;
    }
    if !is_child() {
        let test = "gpu::device::exhausted_memory";
        let output = child(test, instruction_set().unwrap().name());
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {text}", output.status);
        return say(text);
    }
    let limit = |bytes: u64| {
        let (mut now, of) = (libc::rlimit { rlim_cur: 0, rlim_max: 0 }, libc::RLIMIT_AS);
        // SAFETY: a structure of this process's own.
        unsafe { libc::getrlimit(of, &mut now) };
        now.rlim_cur = bytes.min(now.rlim_max);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setrlimit(of, &now) }, 0);
    };
    let taken = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096
    };
    let (count, n) = (96, 200);
    let rng = &mut Rng::new(8);
    let a: Vec<f32> = (0..count).flat_map(|_| random::<f32>(n, rng).data).collect();
    let (mut x, options) = (vec![0.0; a.len()], on_gpu(Options::default()));
    let run = |x: &mut [f32]| {
        let shape = [count, n, n];
        let (from, to) = (Stack::new(&a, &shape).unwrap(), StackMut::new(x, &shape).unwrap());
        inv_into(from, to, &mut [], &options)
    };
    run(&mut x).unwrap();
    let expected = x.clone();
    let mut refused = 0;
    for room in (1..24).map(|i| i << 22) {
        limit(taken() + room);
        let outcome = run(&mut x);
        limit(u64::MAX);
        match outcome {
            Ok(_) => assert_same_bits(&x, &expected, room),
            Err(Error::OutOfMemory { .. }) => refused += 1,
            Err(error) => panic!("with {room} bytes: {error}"),
        }
        run(&mut x).unwrap();
        assert_same_bits(&x, &expected, format!("after {room} bytes"));
    }
    assert!(refused > 0);
}

/// Work can be given up while the device computes, and the next call is none the wiser.
#[test]
fn cancelled_while_it_computes() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    let n = 1000;
    let a: Mat<f32> = random(n, &mut Rng::new(4));
    let run = |x: &mut [f32], status: &mut [Status], cancel| {
        let options = on_gpu(Options { cancel, ..Options::default() });
        inv_into(a.view(), StackMut::new(x, &[n, n]).unwrap(), status, &options)
    };
    let (mut x, mut status) = (vec![0.0; n * n], [Status::default()]);
    run(&mut x, &mut status, None).unwrap();
    let expected = x.clone();
    // One that is over before the other thread comes to cancel it has its result.
    let given_up = (0..20).any(|_| {
        let (cancel, before, over) = (Cancel::new(), submitted_to_gpu(), AtomicBool::new(false));
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                while submitted_to_gpu() == before && !over.load(Relaxed) {
                    std::thread::yield_now();
                }
                cancel.cancel();
            });
            let outcome = run(&mut x, &mut status, Some(cancel.clone()));
            over.store(true, Relaxed);
            outcome
        });
        match outcome {
            Ok(_) => assert_same_bits(&x, &expected, "over before"),
            Err(error) => {
                assert_eq!((error, status[0].code), (Error::Cancelled, Code::Cancelled))
            }
        }
        status[0].code == Code::Cancelled
    });
    assert!(given_up);
    run(&mut x, &mut status, None).unwrap();
    assert_same_bits(&x, &expected, "afterwards");
}

/// A device that is lost is an error by name, and the next call has a new one. By wgpu it is destroyed. By CUDA it is only said
/// to be lost; `cuda::a_context_that_fails` has one that fails in the midst of its work.
#[test]
fn a_lost_device() {
    let _alone = alone();
    if !is_there() {
        return;
    }
    // Three parts: when the first has been handed over, there are others to come.
    let (a, count): (Mat<f32>, _) = (random(4, &mut Rng::new(3)), 2_200_000);
    let stack = || Stack::with_strides(&a.data, 0, &[count, 4, 4], &[0, 4, 1]).unwrap();
    let run = || inv(stack(), &on_gpu(Options::default()));
    let expected = inv(a.view(), &on_gpu(Options::default())).unwrap();
    let assert_right = |x: OwnedStack<f32>| {
        assert!(x.as_slice().chunks(16).all(|x| testkit::same_bits(x, expected.as_slice())));
    };
    let lost = (0..20).any(|_| {
        let (before, over) = (submitted_to_gpu(), AtomicBool::new(false));
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                while submitted_to_gpu() == before && !over.load(Relaxed) {
                    std::thread::yield_now();
                }
                lose_gpu();
            });
            let outcome = run();
            over.store(true, Relaxed);
            outcome
        });
        let is_lost = outcome.is_err();
        match outcome {
            Ok(x) => assert_right(x),
            Err(Error::Device { what }) => assert!(what.contains("GPU"), "{what}"),
            Err(error) => panic!("{error}"),
        }
        assert_right(run().unwrap());
        is_lost
    });
    assert!(lost);
}
