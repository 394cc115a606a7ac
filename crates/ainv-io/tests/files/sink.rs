//! Files appear whole or not at all.

use crate::support::{Folder, Shared, awkward, declared, f64s, put};
use ainv_io::{Cause, Declared, Dtype, Format, Sink, Source, read, write};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use testkit::say;

#[test]
fn what_was_declared_is_what_must_come() {
    let folder = Folder::new();
    let three = f64s(&[1.0; 3], &[3, 1, 1]);
    let begin = || Sink::create(&folder.path("x.npy"), None, &[declared(None, &three)]).unwrap();
    let mut sink = begin();
    sink.write(&f64s(&[1.0; 2], &[2, 1, 1])).unwrap();
    let error = sink.write(&f64s(&[1.0; 2], &[2, 1, 1])).unwrap_err();
    assert!(error.to_string().contains("more than the 3 matrices"), "{error}");
    assert!(sink.finish().unwrap_err().to_string().contains("2 matrices were written of 3"));
    for wrong in [f64s(&[1.0; 2], &[1, 2]), f64s(&[1.0], &[1, 1]).cast(Dtype::F32).unwrap()] {
        let error = begin().write(&wrong).unwrap_err();
        assert!(matches!(error.cause, Cause::Unsupported(_)), "{error}");
    }
    assert!(folder.names().is_empty());
    let mut sink = begin();
    sink.write(&three).unwrap();
    assert!(sink.write(&three).unwrap_err().to_string().contains("more matrices than"));
    sink.finish().unwrap();
    assert_eq!(folder.names(), ["x.npy"]);
}

#[test]
fn what_a_format_cannot_hold_is_refused_before_anything_is_written() {
    let folder = Folder::new();
    let array = |dtype, shape: &[usize]| Declared { name: None, dtype, shape: shape.to_vec() };
    let one = array(Dtype::F64, &[2, 2]);
    for (name, arrays, says) in [
        ("a.npy", &[one.clone(), one.clone()][..], "one array, not 2"),
        ("a.npy", &[], "one array, not 0"),
        ("a.csv", &[array(Dtype::F64, &[2, 2, 2])], "one matrix, not 2"),
        ("a.mtx", &[array(Dtype::F64, &[2, 2, 2])], "one matrix, not 2"),
        ("a.csv", &[array(Dtype::F64, &[0, 2])], "empty"),
        ("a.safetensors", &[array(Dtype::C64, &[2, 2])], "complex128"),
        ("a.npz", &[array(Dtype::F64, &[usize::MAX, 2])], "overflows"),
        ("a.npy", &[array(Dtype::F64, &[1; 65])], "65 axes"),
        ("a.txt", std::slice::from_ref(&one), "ending"),
        (".", std::slice::from_ref(&one), "ending"),
    ] {
        let error = Sink::create(&folder.path(name), None, arrays).err().unwrap();
        assert!(error.to_string().contains(says), "{error}");
    }
    let error =
        Sink::create(folder.0.path(), Some(Format::Npy), std::slice::from_ref(&one)).err().unwrap();
    assert!(error.to_string().contains("a folder"), "{error}");
    let twice = [one.clone(), one].map(|one| Declared { name: Some("x".to_owned()), ..one });
    let [a, _] = [f64s(&[1.0; 4], &[2, 2]), f64s(&[1.0; 4], &[2, 2])];
    assert!(put(&folder.path("a.npz"), &[(Some("x"), &a), (Some("x"), &a)]).is_err());
    assert!(Sink::create(&folder.path("a.safetensors"), None, &twice).is_err());
    assert!(folder.names().is_empty());
}

/// Before the end there is nothing at all where the system has unnamed files.
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_there_before_the_end() {
    let folder = Folder::new();
    for format in Format::ALL {
        let path = folder.path("x").with_extension(format.ending());
        let a = f64s(&[1.0; 4], &[2, 2]);
        let mut sink = Sink::create(&path, None, &[declared(None, &a)]).unwrap();
        sink.write(&a).unwrap();
        assert!(folder.names().is_empty());
        drop(sink);
        assert!(folder.names().is_empty());
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_rights_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    let [old, new] = [f64s(&[1.0], &[1, 1]), f64s(&[2.0], &[1, 1])];
    let (file, link, chain) = (folder.path("x.npy"), folder.path("l.npy"), folder.path("c.npy"));
    // A link may be there before its file is.
    symlink("x.npy", &link).unwrap();
    symlink("l.npy", &chain).unwrap();
    write(&chain, &old).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    write(&chain, &new).unwrap();
    assert_eq!(read(&file).unwrap(), new);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(folder.names(), ["c.npy", "l.npy", "x.npy"]);

    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let error = write(&file, &old).unwrap_err();
    assert!(error.to_string().contains("may not be written to"), "{error}");
    let endless = folder.path("e.npy");
    symlink("e.npy", &endless).unwrap();
    assert!(write(&endless, &old).is_err());
}

#[test]
fn an_input_can_be_the_output() {
    let folder = Folder::new();
    let path = folder.path("a.npy");
    write(&path, &f64s(&[1.0, 2.0], &[2, 1, 1])).unwrap();
    let mut source = Source::open(&path, None).unwrap();
    let info = source.arrays()[0].clone();
    let declared = Declared { name: None, dtype: info.dtype, shape: info.shape };
    let mut sink = Sink::create(&path, None, &[declared]).unwrap();
    for i in [1, 0] {
        sink.write(&source.read_range(0, i..i + 1, 8).unwrap()).unwrap();
    }
    sink.finish().unwrap();
    assert_eq!(read(&path).unwrap(), f64s(&[2.0, 1.0], &[2, 1, 1]));
}

#[test]
fn a_pipe_that_was_given_up_has_no_end() {
    let a = awkward()[1].clone();
    for format in [Format::Npy, Format::Npz, Format::Safetensors] {
        let written = Shared::default();
        let all = [declared(Some("a"), &a), declared(Some("b"), &a)];
        let all = if format.holds_several() { &all[..] } else { &all[..1] };
        let mut sink = Sink::to_writer(written.clone(), "pipe", format, all).unwrap();
        sink.write(&f64s(&[1.0; 4], &[1, 2, 2])).unwrap();
        drop(sink);
        let opened = Source::from_reader(std::io::Cursor::new(written.bytes()), "again", format);
        assert!(opened.and_then(|mut source| source.read(0, 1 << 20)).is_err(), "{format}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_error() {
    let a = f64s(&[1.0; 4], &[2, 2]);
    for format in Format::ALL {
        let sink = Sink::create(Path::new("/dev/full"), Some(format), &[declared(None, &a)]);
        let end = sink.and_then(|mut sink| sink.write(&a).and_then(|()| sink.finish()));
        let error = end.unwrap_err();
        assert!(error.to_string().starts_with("/dev/full: No space left"), "{error}");
        let mut sink =
            Sink::create(Path::new("/dev/null"), Some(format), &[declared(None, &a)]).unwrap();
        sink.write(&a).unwrap();
        sink.finish().unwrap();
    }
}

/// Runs one test of this file again, as another process.
fn again(test: &str, command: &mut Command, folder: &Path) -> std::process::Child {
    command
        .args(["--exact", test, "--nocapture"])
        .env("AINV_IO_FOLDER", folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A small file system of its own, which is gone with the process.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing() {
    if let Some(folder) = std::env::var_os("AINV_IO_FOLDER") {
        let folder = Path::new(&folder);
        let kept = f64s(&[7.0], &[1, 1]);
        for format in Format::ALL {
            let path = folder.join("x").with_extension(format.ending());
            write(&path, &kept).unwrap();
            let error = write(&path, &f64s(&vec![0.5; 1 << 18], &[1 << 9, 1 << 9])).unwrap_err();
            let shown = error.to_string();
            assert!(shown.contains("No space left") && shown.contains("/x."), "{shown}");
            assert_eq!(read(&path).unwrap(), kept);
        }
        assert_eq!(fs::read_dir(folder).unwrap().count(), Format::ALL.len());
        return;
    }
    let mount = "mount -t tmpfs -o size=256k none \"$AINV_IO_FOLDER\" && exec \"$0\" \"$@\"";
    let spaces = ["--user", "--map-root-user", "--mount", "sh", "-c"];
    let folder = Folder::new();
    let mut probe = Command::new("unshare");
    probe.args(spaces).arg("mount -t tmpfs none \"$AINV_IO_FOLDER\"");
    if !probe.env("AINV_IO_FOLDER", folder.0.path()).status().is_ok_and(|status| status.success()) {
        return say("FULL DISK SKIPPED: no file system may be mounted here (unshare, mount)");
    }
    let mut command = Command::new("unshare");
    command.args(spaces).arg(mount).arg(std::env::current_exe().unwrap());
    let mut child = again("sink::a_full_disk_leaves_nothing", &mut command, folder.0.path());
    assert!(child.wait().unwrap().success());
}

/// Killed in the middle of writing, a process leaves the old file and no other.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_process_leaves_nothing() {
    if let Some(folder) = std::env::var_os("AINV_IO_FOLDER") {
        let matrices = f64s(&[1.0; 1 << 16], &[1 << 12, 4, 4]);
        let all = Declared { name: None, dtype: Dtype::F64, shape: vec![1 << 30, 4, 4] };
        let mut sink = Sink::create(&Path::new(&folder).join("x.npz"), None, &[all]).unwrap();
        sink.write(&matrices).unwrap();
        fs::write(Path::new(&folder).join("began"), "").unwrap();
        loop {
            std::thread::sleep(std::time::Duration::from_millis(10));
            sink.write(&matrices).unwrap();
        }
    }
    let folder = Folder::new();
    write(&folder.path("x.npz"), &f64s(&[7.0], &[1, 1])).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut child = again("sink::a_killed_process_leaves_nothing", &mut command, folder.0.path());
    while !folder.path("began").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the process ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(folder.names(), ["began", "x.npz"]);
    assert_eq!(read(&folder.path("x.npz")).unwrap(), f64s(&[7.0], &[1, 1]));
}

#[test]
fn sources_and_sinks_can_go_to_other_threads() {
    fn is_send<T: Send>() {}
    is_send::<Source>();
    is_send::<Sink>();
}
