//! What is CUDA's own. What a device may do to us is tried on the one in software (testkit/cuda), each in a process of its own.

use ainv::*;
use std::process::Command;
use testkit::{Mat, Rng, assert_same_bits, right, say};

/// NVIDIA's compiler, which needs no device, takes every kernel, for the architectures that `AINV_CUDA_ARCHITECTURES` names.
#[test]
fn every_kernel_compiles() {
    let Ok(named) = std::env::var("AINV_CUDA_ARCHITECTURES") else {
        return say("no kernel of CUDA was compiled: scripts/cuda does it");
    };
    for architecture in named.split(',') {
        let count = ainv::compile_all_for_cuda(architecture.parse().unwrap());
        let count = count.unwrap_or_else(|why| panic!("sm_{architecture}: {why}"));
        assert!(count > 100, "{count}");
        say(format!("{count} kernels were compiled for sm_{architecture}"));
    }
}

/// Runs a test again in a child, where these variables are set, the first of which says that it is one: whether that is here.
/// `None` without the device in software.
fn is_child(test: &str, variables: &[(&str, String)]) -> Option<bool> {
    if std::env::var_os("AINV_SOFTWARE_KERNELS").is_none() {
        say("no device of CUDA in software: scripts/cuda has one");
        return None;
    }
    if std::env::var_os(variables[0].0).is_some() {
        return Some(true);
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture"]).envs(variables.iter().cloned());
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}", output.status);
    say(text);
    Some(false)
}

fn on_gpu() -> Options {
    Options { stream: Some(Device::GPU.into()), ..Options::default() }
}

fn random(n: usize, rng: &mut Rng) -> Mat<f32> {
    Mat::from_fn(n, n, |_, _| (rng.uniform() - 0.5) as f32)
}

/// Without memory a call is an error by that name, and the next one is none the wiser: what others keep is given up first.
#[test]
fn exhausted_memory() {
    let limit = [("AINV_SOFTWARE_MEMORY", (24 << 20).to_string())];
    if is_child("cuda::exhausted_memory", &limit) != Some(true) {
        return;
    }
    let (options, rng) = (on_gpu(), &mut Rng::new(8));
    let mut of = |n: usize| random(n, rng);
    let (small, fits, large) = (of(40), of(800), of(1600));
    let run = |a: &Mat<f32>| inv(a.view(), &options);
    let expected = run(&small).unwrap();
    // 4 * 1600^2 bytes four times, and more.
    assert!(matches!(run(&large), Err(Error::OutOfMemory { bytes: 40_960_000.. })));
    assert_same_bits(run(&small).unwrap().as_slice(), expected.as_slice(), "afterwards");
    // 10 MB and scratch; what the rooms before keep does not stand in the way of the second one of another shape.
    run(&fits).unwrap();
    run(&of(1000)).unwrap();
    assert_same_bits(run(&small).unwrap().as_slice(), expected.as_slice(), "in the end");
}

/// A kernel that fails takes the context with it, and with that the work of all threads: they get an error that says so, and
/// once all of them have, a new context does their work.
#[test]
fn a_context_that_fails() {
    let fault = [("AINV_SOFTWARE_FAULT", "40".to_owned())];
    if is_child("cuda::a_context_that_fails", &fault) != Some(true) {
        return;
    }
    let a = random(70, &mut Rng::new(2));
    let run = || inv(a.view(), &on_gpu());
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| [(); 5].map(|()| run()))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let expected = run().unwrap();
    assert!(right(&a, &Mat::new(70, 70, expected.as_slice().to_vec())) < 3.0);
    let mut failed = 0;
    for outcome in outcomes {
        match outcome {
            Ok(x) => assert_same_bits(x.as_slice(), expected.as_slice(), "not lost"),
            Err(Error::Device { what }) => {
                assert!(what.contains("illegal memory access"), "{what}");
                failed += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(failed > 0);
    assert_same_bits(run().unwrap().as_slice(), expected.as_slice(), "in the end");
}

/// What an installation lacks is named, and no call does anything before it is.
#[test]
fn what_is_missing() {
    const EXPECTED: &str = "AINV_EXPECTED";
    let folder = std::env::var("AINV_SOFTWARE_KERNELS").unwrap_or_default();
    let libraries = |which: &str| ("LD_LIBRARY_PATH", format!("{folder}/{which}"));
    for (expected, lacking) in [
        ("has no cuStreamQuery: it is too old", libraries("old-driver")),
        ("has no nvrtcGetCUBIN: it is too old", libraries("old-compiler")),
        ("CUDA's compiler NVRTC is not here", libraries("no-compiler")),
        ("is sm_60: kernels need sm_70", ("AINV_SOFTWARE_CAPABILITY", "6".to_owned())),
        ("could not be compiled", ("AINV_SOFTWARE_KERNELS", format!("{folder}/nowhere"))),
    ] {
        let variables = [(EXPECTED, expected.to_owned()), lacking];
        match is_child("cuda::what_is_missing", &variables) {
            None => return,
            Some(false) => {}
            Some(true) => {
                let expected = std::env::var(EXPECTED).unwrap();
                let found = device_count(DeviceKind::Gpu) == 1;
                assert_eq!(found, expected.ends_with("compiled"), "{:?}", Device::GPU.check());
                for _ in 0..2 {
                    match inv(Mat::<f32>::identity(2).view(), &on_gpu()).unwrap_err() {
                        Error::Unsupported { what } if !found => {
                            assert!(what.contains(&expected), "{what}")
                        }
                        Error::Device { what } if found => {
                            assert!(what.contains(&expected), "{what}")
                        }
                        error => panic!("{error}"),
                    }
                }
                return;
            }
        }
    }
}

/// Large products are cuBLAS's: what it says is an error by name. Where it is not here, our own kernels do them.
#[test]
fn large_products() {
    const EXPECTED: &str = "AINV_EXPECTED";
    let folder = std::env::var("AINV_SOFTWARE_KERNELS").unwrap_or_default();
    let products = |status: &str| ("AINV_SOFTWARE_PRODUCTS", status.to_owned());
    for (expected, variable) in [
        ("cuBLAS's error 13", products("13")),
        ("memory", products("3")),
        ("without", ("LD_LIBRARY_PATH", format!("{folder}/no-cublas"))),
        ("", ("AINV_SOFTWARE_CUBLAS", "3".to_owned())),
        // In the midst of its first block.
        ("illegal memory access", ("AINV_SOFTWARE_FAULT", "20".to_owned())),
    ] {
        match is_child("cuda::large_products", &[(EXPECTED, expected.to_owned()), variable]) {
            None => return,
            Some(false) => continue,
            Some(true) => {}
        }
        let a = random(520, &mut Rng::new(5));
        let driver = device_info(Device::GPU).unwrap().driver.unwrap();
        match (std::env::var(EXPECTED).unwrap().as_str(), inv(a.view(), &on_gpu())) {
            (expected @ ("" | "without"), Ok(x)) => {
                assert_eq!(driver.ends_with("without cuBLAS"), expected == "without", "{driver}");
                assert!(right(&a, &Mat::new(520, 520, x.as_slice().to_vec())) < 3.0);
            }
            ("memory", Err(Error::OutOfMemory { .. })) => assert!(driver.contains("cuBLAS 12.0")),
            (expected, Err(Error::Device { what })) => assert!(what.contains(expected), "{what}"),
            (_, outcome) => panic!("{outcome:?}"),
        }
        // The next call is none the wiser.
        inv(Mat::<f32>::identity(40).view(), &on_gpu()).unwrap();
        return;
    }
}

/// More rows than a launch has groups for are refused before any work.
#[test]
fn too_many_rows() {
    if std::env::var_os("AINV_SOFTWARE_KERNELS").is_none() {
        return say("no device of CUDA in software: scripts/cuda has one");
    }
    let a = vec![1.0f32; 32 * 65_535 + 1];
    let a = Stack::new(&a, &[a.len(), 1]).unwrap();
    let Err(Error::Unsupported { what }) = pinv(a, &PinvOptions::default(), &on_gpu()) else {
        panic!("it was not refused")
    };
    assert!(what.contains("2097121 x 1") && what.contains("rows"), "{what}");
}

/// A stack that lies in the device's memory, which in software is the host's: columns `step` elements apart.
pub(crate) fn lying<T: Copy>(x: &[T], shape: [usize; 3], step: usize) -> cuda::DeviceStack<'_, T> {
    let strides = [step * shape[2], 1, step].map(|stride| stride as isize);
    assert!(x.len() >= step * shape[2] * shape[0]);
    // SAFETY: the vector holds them, and is kept until the work was waited for.
    unsafe { cuda::DeviceStack::from_raw_parts(x.as_ptr().addr() as u64, &shape, &strides) }
        .unwrap()
}

/// The same, dense, to be written.
pub(crate) fn dense<T>(x: &mut [T], shape: &[usize]) -> cuda::DeviceStackMut<'static, T> {
    let strides: Vec<isize> =
        (0..shape.len()).map(|axis| shape[axis + 1..].iter().product::<usize>() as isize).collect();
    assert_eq!(x.len(), shape.iter().product::<usize>());
    // SAFETY: as above, and the test reads it when the work was waited for.
    unsafe { cuda::DeviceStackMut::from_raw_parts(x.as_mut_ptr().addr() as u64, shape, &strides) }
        .unwrap()
}

/// Columns with a gap, singular and non-finite matrices, and one that must be scaled, taken where they lie: the bits, the
/// statuses and the numbers of those that come from the host.
#[test]
fn matrices_in_its_memory() {
    if std::env::var_os("AINV_SOFTWARE_KERNELS").is_none() {
        return say("no device of CUDA in software: scripts/cuda has one");
    }
    let (count, options, rng) = (5, on_gpu(), &mut Rng::new(20));
    for n in [3, 17, 40, 529] {
        let (shape, step) = ([count, n, n], n + 2);
        let mut a = vec![f64::NAN; count * n * step];
        for (i, j, k) in (0..count).flat_map(|i| (0..n * n).map(move |e| (i, e / n, e % n))) {
            // Rows and columns that lie far apart.
            let power = if i == 3 { 800 * (j as i32 % 2) - 700 * (k as i32 % 2) } else { 0 };
            let x = rng.uniform() - 0.5 + if j == k { 2.0 } else { 0.0 };
            a[i * n * step + k * step + j] =
                if i == 1 && k == 1 { 0.0 } else { x * 2f64.powi(power) };
        }
        a[2 * n * step] = f64::INFINITY;
        let strides = [step * n, 1, step].map(|stride| stride as isize);
        let from_host = Stack::with_strides(&a, 0, &shape, &strides).unwrap();
        let mut expected_status = vec![Status::default(); count];
        let mut expected = vec![0.0; count * n * n];
        let x = StackMut::new(&mut expected, &shape).unwrap();
        let told = inv_into(from_host, x, &mut expected_status, &options).unwrap();

        let stream = cuda::own_stream().unwrap();
        let (mut x, mut info, mut status) =
            (vec![0.0; count * n * n], vec![-1; count], vec![Status::default(); count]);
        let numbers = Some(dense(&mut info, &[1, count]));
        let (a, to) = (lying(&a, shape, step), dense(&mut x, &shape));
        let compute = cuda::compute(cuda::Operation::Inv, a, to, numbers, stream, &options);
        let summary = compute.unwrap().wait(&mut status).unwrap();
        assert_same_bits(&x, &expected, &format!("order {n}"));
        assert_eq!((summary.failed, &status), (told.failed, &expected_status), "order {n}");
        assert_eq!((status[0].code, status[1].at, status[2].code), (Code::Ok, 2, Code::NonFinite));
        assert_eq!(status[3].code, Code::Ok, "order {n}");
        let at: Vec<i32> = status.iter().map(|status| status.at as i32).collect();
        assert_eq!(info, at, "order {n}");
    }
}

/// Work of which a graph is made: what never waits is enqueued, what would is refused.
#[test]
fn a_graph_that_is_made() {
    if is_child("cuda::a_graph_that_is_made", &[("AINV_SOFTWARE_CAPTURED", "1".to_owned())])
        != Some(true)
    {
        return;
    }
    let (a, mut x) = ([2.0f32, 0.0, 0.0, 4.0], [0.0; 4]);
    let stream = cuda::own_stream().unwrap();
    let a = || lying(&a, [1, 2, 2], 2);
    let to = |x: &mut [f32]| dense(x, &[1, 2, 2]);
    let options = on_gpu();
    cuda::enqueue(cuda::Operation::Inv, a(), to(&mut x), None, stream, &options).unwrap();
    let mut found = [0.0];
    let place = dense(&mut found, &[1, 1]);
    cuda::enqueue_rcond(a(), Norm::One, place, stream, &options).unwrap();
    let mark = cuda::Mark::new().unwrap();
    while !mark.is_over() {
        std::thread::yield_now();
    }
    assert_eq!((x, found), ([0.5, 0.0, 0.0, 0.25], [0.5]));
    // With products by cuBLAS.
    let (large, mut of_large) = (random(520, &mut Rng::new(9)), vec![0.0f32; 520 * 520]);
    let (from, to_large) =
        (lying(&large.data, [1, 520, 520], 520), dense(&mut of_large, &[1, 520, 520]));
    cuda::enqueue(cuda::Operation::Inv, from, to_large, None, stream, &options).unwrap();
    let mark = cuda::Mark::new().unwrap();
    while !mark.is_over() {
        std::thread::yield_now();
    }
    // `lying` has columns where rows are.
    assert!(right(&large.transposed(), &Mat::new(520, 520, of_large)) < 3.0);
    for operation in [cuda::Operation::Inv, cuda::Operation::Pinv(PinvOptions::default())] {
        match cuda::compute(operation, a(), to(&mut x), None, stream, &options) {
            Err(Error::Unsupported { what }) => assert!(what.contains("graph"), "{what}"),
            _ => panic!("it was not refused"),
        }
    }
}
