//! Work on a stream.

use super::cpu::executor::check;
use super::cpu::mode::Mode;
use super::defaults::{current_stream, with_stream};
use super::streams::{self, are_busy, busy_queue, queue};
use super::{Device, DeviceKind, Stream, lacks};
use crate::error::Error;
use crate::options::Options;
use ainv_streams::{Cancel, Done, is_worker};
use std::time::Duration;

/// The outcome of work that was [submitted](Stream::submit): [`wait`](ainv_streams::Event::wait) for it,
/// or await it as a [`Future`].
pub type Event<T> = ainv_streams::Event<T, Error>;

pub use ainv_streams::Task;

/// How often a call that waits for its turn looks whether it was cancelled.
const POLL: Duration = Duration::from_millis(10);

impl Stream {
    /// A new stream. It lives as long as the process.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if no back-end of this build serves the device.
    pub fn new(device: Device) -> Result<Stream, Error> {
        device.check()?;
        Ok(Stream { device, index: streams::new_stream(device)? })
    }

    /// Enqueues `op`, which begins when all that was enqueued before it on this stream has ended, and
    /// runs on a thread of the pool (of a GPU's stream, on one of those that wait for the GPU). Functions of
    /// this crate that it calls run on the stream's device unless they are told another, and share their
    /// work among the pool's other threads as ever. Waits while the stream holds 1024 tasks.
    ///
    /// `op` owns what it works on. The flag that it is given is set by [`Event::cancel`]; hand it on in
    /// [`Options::cancel`]. If it panics, that is its event's error.
    ///
    /// A task does not wait for its stream, nor for events: it would hold a thread that they may need.
    ///
    /// ```
    /// use ainv::{Device, Options, OwnedStack, Stack, Stream};
    /// let [stream, other] = [Stream::new(Device::CPU)?, Stream::new(Device::CPU)?];
    /// let a = vec![4.0, 7.0, 2.0, 6.0];
    /// let event = stream.submit(move |cancel| {
    ///     let options = Options { cancel: Some(cancel.clone()), ..Options::default() };
    ///     ainv::inv(Stack::new(&a, &[2, 2])?, &options)
    /// })?;
    /// // Work of the other stream from here on begins when the inverse is there.
    /// other.after(&event)?;
    /// let x: OwnedStack<f64> = event.wait()?;
    /// assert!((x.as_slice()[0] - 0.6).abs() < 1e-15);
    /// # Ok::<(), ainv::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Stream::check`].
    ///
    /// [`Event::cancel`]: ainv_streams::Event::cancel
    pub fn submit<T: Send + 'static>(
        self,
        op: impl FnOnce(&Cancel) -> Result<T, Error> + Send + 'static,
    ) -> Result<Event<T>, Error> {
        self.submit_with(Task::default(), op)
    }

    /// [`submit`](Stream::submit) for work of under about a millisecond that takes no lock which longer
    /// work holds while it computes: it may run in a pause of longer work of another stream, so that
    /// it does not wait for that.
    ///
    /// # Errors
    /// As [`Stream::check`].
    pub fn submit_quick<T: Send + 'static>(
        self,
        op: impl FnOnce(&Cancel) -> Result<T, Error> + Send + 'static,
    ) -> Result<Event<T>, Error> {
        self.submit_with(Task { quick: true, ..Task::default() }, op)
    }

    /// [`submit`](Stream::submit), with what the task says of itself. A [tiny](Task::tiny) one runs at
    /// once on the caller's thread where the stream is idle: to wake another thread would take longer.
    ///
    /// ```
    /// use ainv::{Device, Options, Stack, Stream, Task};
    /// let stream = Stream::new(Device::CPU)?;
    /// let task = Task { tiny: true, ..Task::default() };
    /// let event = stream.submit_with(task, |_| {
    ///     ainv::inv(Stack::new(&[4.0], &[1, 1])?, &Options::default())
    /// })?;
    /// assert_eq!(event.wait()?.as_slice(), [0.25]);
    /// # Ok::<(), ainv::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Stream::check`]; [`Error::Cancelled`] if `task.interrupted` said so.
    pub fn submit_with<T: Send + 'static>(
        self,
        task: Task<'_>,
        op: impl FnOnce(&Cancel) -> Result<T, Error> + Send + 'static,
    ) -> Result<Event<T>, Error> {
        self.check()?;
        let op = move |cancel: &Cancel| {
            let _mode = Mode::of_a_task();
            with_stream(self, || op(cancel))?
        };
        queue(self).submit(task, op)
    }

    /// What is enqueued on this stream from now on begins after the end of `earlier`, an event of any
    /// stream, however it ended. No thread waits for that.
    ///
    /// # Errors
    /// As [`Stream::check`]; [`Error::Forked`] for an event of the parent process.
    pub fn after(self, earlier: impl Into<Done>) -> Result<(), Error> {
        self.check()?;
        Ok(queue(self).after(earlier.into())?)
    }

    /// An event that ends when all has ended that was enqueued on the stream before.
    ///
    /// # Errors
    /// As [`Stream::check`].
    pub fn marker(self) -> Result<Event<()>, Error> {
        self.check()?;
        Ok(queue(self).marker())
    }

    /// Whether all has ended that was enqueued on the stream. (An event may end a moment before.)
    pub fn is_idle(self) -> bool {
        busy_queue(self).is_none()
    }
}

/// Waits until all has ended that was enqueued on the stream; `None`: on the thread's
/// [current stream](current_stream). How it ended is in the events.
///
/// # Errors
/// As [`Stream::check`]; [`Error::Argument`] in a task, which would wait for itself.
pub fn synchronize(stream: Option<Stream>) -> Result<(), Error> {
    let stream = stream.unwrap_or_else(current_stream);
    stream.check()?;
    if stream.is_idle() { Ok(()) } else { stream.marker()?.wait() }
}

/// Runs what stands in for a task: calls in it wait for no stream's turn.
#[doc(hidden)]
pub fn as_task<R>(f: impl FnOnce() -> R) -> R {
    ainv_streams::as_worker(f)
}

/// Cancels what is enqueued or running on all streams; does not wait.
#[doc(hidden)]
pub fn cancel_all() {
    streams::cancel_all();
}

/// The beginning of a call of the CPU that runs on the caller's thread: after the work that was enqueued before
/// it on its stream, and in the standard mode of the floating-point unit while what it returns lives. Where
/// no stream has work this costs a load or two. On a GPU there are no kernels for `operation`.
///
/// # Errors
/// [`Error::Cancelled`]; [`Error::Unsupported`] on a GPU.
#[inline]
pub(crate) fn begin(options: &Options, operation: &str) -> Result<Option<Mode>, Error> {
    on_the_cpu(options, operation)?;
    turn(options)?;
    Ok(Mode::standard())
}

/// An error, where a build has a GPU, for what runs on the CPU alone.
#[inline]
pub(crate) fn on_the_cpu(options: &Options, operation: &str) -> Result<(), Error> {
    if is_on_gpu(options) { Err(lacks(operation)) } else { Ok(()) }
}

/// Whether the call is one of a GPU, in a build that has a back-end for one.
#[inline]
pub(crate) fn is_on_gpu(options: &Options) -> bool {
    let kind = || options.stream.unwrap_or_else(current_stream).device.kind;
    cfg!(any(feature = "cuda", feature = "wgpu")) && kind() == DeviceKind::Gpu
}

/// Waits for the call's turn on its stream. Inside a task the call is a part of it and waits for nothing.
///
/// # Errors
/// [`Error::Cancelled`].
#[inline]
pub(crate) fn turn(options: &Options) -> Result<(), Error> {
    check(options.cancel.as_ref())?;
    if are_busy() && !is_worker() {
        wait_for_turn(options)?;
    }
    Ok(())
}

#[cold]
fn wait_for_turn(options: &Options) -> Result<(), Error> {
    let Some(queue) = busy_queue(options.stream.unwrap_or_else(current_stream)) else {
        return Ok(());
    };
    let turn = queue.marker::<Error>().done();
    if options.cancel.is_none() {
        return Ok(turn.wait()?);
    }
    while !turn.wait_for(POLL)? {
        check(options.cancel.as_ref())?;
    }
    Ok(())
}
