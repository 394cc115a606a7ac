//! Readers. Whatever the bytes are: no panic, no more memory than allowed, the
//! same matrices whole, in ranges and through a pipe, and again after they were written.

use ainv::{RealScalar, Scalar};
use ainv_io::{Cause, Declared, Error, Format, Info, Matrices, Sink, Source, each};
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{self, Cursor, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Bytes for matrices.
const LIMIT: usize = 1 << 20;
/// Bytes for all else: buffers, and what the directory of an archive becomes.
const BESIDES: usize = 1 << 20;
/// Bytes for all else, for each byte of input.
const FOR_A_BYTE: usize = 64;

struct Counted;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counted = Counted;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What `f` gives, which may take so many bytes of memory.
fn within<T>(bytes: usize, f: impl FnOnce() -> T) -> T {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let result = f();
    let took = MOST.load(Ordering::Relaxed).saturating_sub(before);
    assert!(took <= bytes, "{took} bytes of memory, {bytes} are allowed");
    result
}

/// Reads the bytes as a file of this format in every way there is.
pub fn check(data: &[u8], format: Format) {
    let besides = BESIDES + FOR_A_BYTE * data.len();
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(data).expect("room for a temporary file");
    let opened = within(besides, || Source::open(file.path(), Some(format)));
    let piped = Source::from_reader(Cursor::new(data.to_vec()), "pipe", format);
    let mut source = match opened {
        Ok(source) => source,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let mut piped = piped.expect("a pipe is opened like a file");
    for array in 0..source.arrays().len().min(4) {
        let info = source.arrays()[array].clone();
        let read = within(LIMIT + besides, || source.read(array, LIMIT as u64));
        let whole = match read {
            Ok(whole) => whole,
            Err(Error { cause: Cause::Memory { bytes, .. }, .. }) => {
                assert!(bytes > LIMIT as u64);
                continue;
            }
            Err(_) => {
                assert!(piped.read(array, LIMIT as u64).is_err());
                continue;
            }
        };
        assert_eq!((whole.dtype(), whole.shape()), (info.dtype, &info.shape[..]));
        assert!(equal(
            &whole,
            &piped.read(array, LIMIT as u64).expect("a pipe is read like a file")
        ));
        ranges(&mut source, array, &info, &whole, besides);
        again(&whole, &info, format);
    }
}

/// In three ranges, some of them empty, the matrices are the same.
fn ranges(source: &mut Source, array: usize, info: &Info, whole: &Matrices, besides: usize) {
    let all = info.matrices();
    let mut sum = Vec::new();
    for (start, end) in [(0, all / 3), (all / 3, all / 2), (all / 2, all)] {
        let part = within(LIMIT + besides, || source.read_range(array, start..end, LIMIT as u64));
        let part = part.expect("the whole was read, so its parts can be");
        assert_eq!(part.shape()[0], end - start);
        sum.extend(bits(&part));
    }
    assert!(sum == bits(whole));
}

/// What is written and read is the same.
fn again(whole: &Matrices, info: &Info, format: Format) {
    let written = Shared::default();
    let declared =
        Declared { name: info.name.clone(), dtype: info.dtype, shape: info.shape.clone() };
    let sink = Sink::to_writer(written.clone(), "pipe", format, &[declared]);
    // The formats that NumPy does not have hold less than its arrays.
    let Ok(mut sink) = sink else { return };
    sink.write(whole).expect("memory takes it");
    sink.finish().expect("memory takes it");
    let written = written.0.lock().expect("no panic before").clone();
    let mut source =
        Source::from_reader(Cursor::new(written), "again", format).expect("our own file");
    assert_eq!(source.arrays()[0].name, info.name);
    assert_eq!(source.arrays()[0].shape, info.shape);
    assert!(equal(whole, &source.read(0, LIMIT as u64).expect("our own file")));
}

fn equal(a: &Matrices, b: &Matrices) -> bool {
    a.dtype() == b.dtype() && a.shape() == b.shape() && bits(a) == bits(b)
}

/// The numbers' bits; one NaN is like another.
fn bits(a: &Matrices) -> Vec<[u64; 2]> {
    let one = |x: f64| if x.is_nan() { u64::MAX } else { x.to_bits() };
    each!(a, a => a.as_slice().iter().map(|x| [x.re().to_f64(), x.im().to_f64()].map(one)).collect())
}

/// A writer whose bytes can be had afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic before").write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
