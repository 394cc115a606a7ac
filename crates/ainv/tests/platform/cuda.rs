//! What is CUDA's own.

use ainv::*;
use std::process::Command;
use testkit::{Mat, Rng, assert_same_bits, say};

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

/// Without memory a call is an error by that name, and the next one is none the wiser: what others keep is given up first.
/// The device in software has as much as it is told.
#[test]
fn exhausted_memory() {
    const LIMIT: &str = "AINV_SOFTWARE_MEMORY";
    if std::env::var_os("AINV_SOFTWARE_KERNELS").is_none() {
        return say("no device of CUDA in software: scripts/cuda has one");
    }
    if std::env::var_os(LIMIT).is_none() {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["cuda::exhausted_memory", "--exact", "--nocapture"]);
        let output = test.env(LIMIT, (24 << 20).to_string()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {text}", output.status);
        return say(text);
    }
    let options = Options { stream: Some(Device::GPU.into()), ..Options::default() };
    let rng = &mut Rng::new(8);
    let mut of = |n: usize| Mat::<f32>::from_fn(n, n, |_, _| (rng.uniform() - 0.5) as f32);
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
