//! Devices, and which stream is the current one.

use super::*;

#[test]
fn defaults_are_a_threads_own() {
    let _alone = alone(2);
    let [a, b] = streams();
    let zero = Stream::from(Device::CPU);
    assert_eq!(ainv::default_device(), Device::CPU);
    assert_eq!(ainv::current_stream(), zero);
    ainv::with_stream(a, || {
        assert_eq!(ainv::default_stream(Device::CPU).unwrap(), a);
        ainv::with_stream(b, || assert_eq!(ainv::current_stream(), b)).unwrap();
        assert_eq!(ainv::current_stream(), a);
        std::thread::spawn(move || assert_eq!(ainv::current_stream(), zero)).join().unwrap();
        // A context gives back what it found, whatever was set in it.
        ainv::set_default_stream(b).unwrap();
        assert_eq!(ainv::current_stream(), b);
    })
    .unwrap();
    assert_eq!(ainv::current_stream(), zero);
    ainv::set_default_stream(a).unwrap();
    assert_eq!(ainv::current_stream(), a);
    ainv::set_default_stream(zero).unwrap();
}

#[test]
fn in_a_task_its_stream_is_the_current_one() {
    let _alone = alone(2);
    let [a, b] = streams();
    let task = move |_: &Cancel| {
        let found = ainv::current_stream();
        ainv::set_default_stream(b)?;
        Ok((found, ainv::current_stream()))
    };
    // What a task sets as its default is gone after it.
    for _ in 0..8 {
        assert_eq!(a.submit(task).unwrap().wait(), Ok((a, b)));
        assert_eq!(b.submit(task).unwrap().wait(), Ok((b, b)));
    }
    assert_eq!(ainv::current_stream(), Stream::from(Device::CPU));
}

#[test]
fn what_no_back_end_serves_is_refused_before_any_work() {
    let _alone = alone(2);
    // The first that is not there.
    let gpu = Device { index: ainv::device_count(DeviceKind::Gpu) as u32, ..Device::GPU };
    let unsupported = |result: Result<(), Error>| {
        let refused = result.unwrap_err();
        let says = refused.to_string();
        assert!(matches!(refused, Error::Unsupported { .. }), "{refused:?}");
        assert!(says.contains(&gpu.to_string()), "{says}");
    };
    unsupported(gpu.check());
    unsupported(Stream::new(gpu).map(drop));
    unsupported(ainv::default_stream(gpu).map(drop));
    unsupported(ainv::set_default_device(gpu));
    unsupported(ainv::set_default_stream(gpu.into()));
    unsupported(ainv::device_info(gpu).map(drop));
    unsupported(synchronize(Some(gpu.into())));
    unsupported(Stream::from(gpu).submit(|_| Ok(())).map(drop));
    unsupported(ainv::with_stream(gpu.into(), || ()));
    let options = Options { stream: Some(gpu.into()), ..Options::default() };
    let mut x = [7.0];
    let out = StackMut::new(&mut x, &[1, 1]).unwrap();
    let a = Stack::new(&[2.0], &[1, 1]).unwrap();
    unsupported(ainv::inv_into(a, out, &mut [], &options).map(drop));
    assert_eq!(x, [7.0]);

    let unknown = Stream { device: Device::CPU, index: u32::MAX };
    let refused = unknown.submit(|_| Ok(())).unwrap_err();
    assert!(matches!(refused, Error::Argument { .. }), "{refused:?}");
}

#[test]
fn the_cpu_is_described() {
    let _alone = alone(2);
    assert_eq!(ainv::device_count(DeviceKind::Cpu), 1);
    assert!(
        cfg!(any(feature = "cuda", feature = "wgpu")) || ainv::device_count(DeviceKind::Gpu) == 0
    );
    let cpu = ainv::device_info(Device::CPU).unwrap();
    assert!(!cpu.name.is_empty());
    assert_eq!(cpu.threads, 2);
    assert_eq!(cpu.instruction_set, Some(ainv::instruction_set().unwrap()));
    if cfg!(target_os = "linux") {
        assert!(cpu.memory.is_some_and(|bytes| bytes > 1 << 24), "{cpu:?}");
    }
}
