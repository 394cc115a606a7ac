//! Part of a stack on the device: its buffers, and the dispatches that invert it or solve with it.

use super::adapter::Gpu;
use super::kernels::{CALL, Kernel, TILE, Team, WORKGROUP, Work, panel};
use super::panels::by_panels;
use super::pinv::{SWEEPS, rotations};
use crate::device::cpu::executor::pause;
use crate::error::Error;
use ::wgpu as w;
use ainv_kernels::scalar::Scalar;
use ainv_streams::Cancel;
use std::iter::repeat_n;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Bytes of the matrices of a part, about.
const PART: u64 = 64 << 20;
/// The numbers of a dispatch, and their bytes.
pub(super) const WORDS: usize = 17;
const CALL_BYTES: u64 = 4 * WORDS as u64;
/// Dispatches that are handed over at once.
const PORTION: usize = 96;
/// Buffers of a slot that the host reads or writes.
const MAPPED: usize = 4;
/// How often a thread that waits looks whether its work was cancelled or, where it is done, whether it was told so.
const POLL: Duration = Duration::from_millis(10);

/// Parts that were handed over: tests ask for it.
static SUBMITTED: AtomicUsize = AtomicUsize::new(0);

/// How many parts of stacks were handed over to the GPU so far: for tests.
#[doc(hidden)]
pub fn submitted() -> usize {
    SUBMITTED.load(Relaxed)
}

/// What inverts matrices of one order, or solves systems of them.
pub(super) struct Engine<'a, W> {
    gpu: &'a Gpu,
    order: usize,
    pub(super) work: Work,
    /// `None`: by the kernels of larger orders.
    team: Option<Team>,
    /// Bytes that a kernel can see of one buffer.
    visible: u64,
    cancel: Option<&'a Cancel>,
    of: PhantomData<W>,
}

/// The buffers of a part.
pub(super) struct Slot {
    /// And behind them the right-hand sides, or the cut-offs of pseudo-inverses.
    matrices: w::Buffer,
    results: w::Buffer,
    outcomes: w::Buffer,
    calls: w::Buffer,
    /// Where the host writes the matrices and the calls; it can do so whenever no part is on its way. (A queue that writes
    /// for us makes such buffers each time, and loses the device where there is no memory for them.)
    upload: [w::Buffer; 2],
    /// Copies that the host reads.
    read: w::Buffer,
    seen: w::Buffer,
    group: w::BindGroup,
}

/// A part on its way.
pub(super) struct Pending {
    pub(super) slot: Slot,
    count: usize,
    submission: w::SubmissionIndex,
    mapped: Receiver<Result<(), w::BufferAsyncError>>,
}

/// One dispatch: what its kernel takes for `Call` says what the numbers are.
pub(super) struct Dispatch {
    pub(super) kernel: Kernel,
    pub(super) call: [usize; WORDS],
    pub(super) groups: [usize; 3],
}

/// The dispatches of a part, in their order.
pub(super) struct Dispatches {
    pub(super) all: Vec<Dispatch>,
    /// These follow each other so many times.
    pub(super) again: (Range<usize>, usize),
}

impl Dispatches {
    fn order(&self) -> Vec<usize> {
        let (again, times) = &self.again;
        let repeated = repeat_n(again.clone(), *times).flatten();
        (0..again.start).chain(repeated).chain(again.end..self.all.len()).collect()
    }
}

impl From<Vec<Dispatch>> for Dispatches {
    /// Each of them once.
    fn from(all: Vec<Dispatch>) -> Self {
        Dispatches { all, again: (0..0, 0) }
    }
}

/// What became of a matrix, as outcome.wgsl has it.
#[derive(Clone, Copy)]
pub(super) struct Outcome {
    pub(super) flags: u32,
    pub(super) zero_pivot: u32,
}

impl<'a, W: Scalar> Engine<'a, W> {
    /// # Errors
    /// [`Error::Unsupported`] for what the adapter cannot do.
    pub(super) fn new(
        gpu: &'a Gpu,
        order: usize,
        work: Work,
        cancel: Option<&'a Cancel>,
    ) -> Result<Self, Error> {
        if size_of::<W::Real>() > 4 && !gpu.has_doubles {
            return Err(Error::Unsupported {
                what: format!(
                    "the GPU {} has no 64-bit floats in its shaders: precision=\"native\" (in Rust \
                     Precision::Native) computes single precision in itself; run double precision on the CPU, \
                     stream=ainv.cpu",
                    gpu.name
                ),
            });
        }
        let limits = &gpu.limits;
        // Kernels count entries in 32 bits.
        let counted = size_of::<W>() as u64 * u64::from(u32::MAX);
        let visible =
            limits.max_storage_buffer_binding_size.min(limits.max_buffer_size).min(counted);
        let memory = limits.max_compute_workgroup_storage_size as usize;
        let team = Team::new::<W>(order, work, memory);
        let engine = Engine { gpu, order, work, team, visible, cancel, of: PhantomData };
        let invocations =
            limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x);
        if engine.team.is_none() && (invocations as usize) < WORKGROUP {
            return Err(Error::Unsupported {
                what: format!(
                    "workgroups of the GPU {} have {invocations} invocations, those for order {order} need {WORKGROUP}: \
                     run it on the CPU, stream=ainv.cpu",
                    gpu.name
                ),
            });
        }
        let needed = engine.largest_of_a_matrix().ok_or(Error::Overflow)?;
        let rows = limits.max_compute_workgroups_per_dimension as usize;
        if needed > visible || order > rows || work.across(order).div_ceil(TILE[0]) > rows {
            let size = match work {
                Work::Solve(rhs) => format!("order {order} with {rhs} right-hand sides"),
                Work::Pinv { columns, .. } => format!("{columns} x {order}"),
                _ => format!("order {order}"),
            };
            return Err(Error::Unsupported {
                what: format!(
                    "a matrix of {size} takes {needed} bytes in one buffer; kernels of the GPU {} see \
                     {visible} and {rows} rows: run it on the CPU, stream=ainv.cpu",
                    gpu.name
                ),
            });
        }
        Ok(engine)
    }

    /// Bytes of a matrix and of what stands behind it.
    fn given(&self) -> u64 {
        self.work.given(self.order).map_or(u64::MAX, |entries| (entries * size_of::<W>()) as u64)
    }

    /// Bytes of a result.
    fn result(&self) -> u64 {
        (self.order * self.work.across(self.order) * size_of::<W>()) as u64
    }

    /// Bytes of the buffers that the kernels of larger orders work with, a matrix, in the order of their bindings.
    fn scratch(&self) -> [u64; 4] {
        let (n, entry) = (self.order, size_of::<W>());
        let sizes = match self.work {
            Work::Pinv { .. } => [n * n * entry, (n + 3) * entry, (n + 2) * 4, 8],
            work => {
                let panels = n * panel::<W>() * entry;
                [panels, panels, (2 * n + work.rhs()) * 4, 2 * n * 4]
            }
        };
        sizes.map(|size| size as u64)
    }

    /// Bytes of the largest buffer that one matrix needs.
    fn largest_of_a_matrix(&self) -> Option<u64> {
        let given = self.work.given(self.order)?;
        let entries = match (self.team, self.work) {
            // Q has no more entries than W.
            (Some(_), _) | (None, Work::Pinv { .. }) => given,
            (None, _) => given.max(self.order.checked_mul(panel::<W>())?),
        };
        u64::try_from(entries.checked_mul(size_of::<W>())?).ok()
    }

    /// How many of `count` matrices make a part.
    pub(super) fn part(&self, count: usize) -> usize {
        // One dispatch has all the sweeps of small pseudo-inverses.
        let bytes = match (self.team, self.work) {
            (Some(_), Work::Pinv { .. }) => PART / 8,
            _ => PART,
        };
        let most = bytes.min(self.visible) / self.largest_of_a_matrix().unwrap_or(u64::MAX).max(8);
        let groups = match self.team {
            Some(_) => u64::MAX,
            None => self.gpu.limits.max_compute_workgroups_per_dimension.into(),
        };
        (count as u64).min(most).min(groups).max(1) as usize
    }

    /// The step between the numbers of two dispatches.
    fn stride(&self) -> u64 {
        CALL_BYTES.next_multiple_of(self.gpu.limits.min_uniform_buffer_offset_alignment.into())
    }

    /// Buffers for `count` matrices.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Device`].
    pub(super) fn slot(&self, count: usize) -> Result<Slot, Error> {
        use w::BufferUsages as Use;
        let count = count as u64;
        let (given, results, outcomes) = (count * self.given(), count * self.result(), count * 8);
        let calls = self.dispatches(1, false).all.len() as u64 * self.stride();
        // In the order of their bindings.
        let mut sizes = vec![
            (given, Use::STORAGE | Use::COPY_DST),
            (results, Use::STORAGE | Use::COPY_SRC),
            (outcomes, Use::STORAGE | Use::COPY_SRC),
            (calls, Use::UNIFORM | Use::COPY_DST),
        ];
        if self.team.is_none() {
            sizes.extend(self.scratch().map(|size| (count * size, Use::STORAGE)));
        }
        let all =
            sizes.iter().map(|(size, _)| size).sum::<u64>() + given + calls + results + outcomes;
        self.gpu.guarded(usize::try_from(all).unwrap_or(usize::MAX), |device| {
            let new = |(size, usage): (u64, Use)| {
                let mapped_at_creation = usage.contains(Use::MAP_WRITE);
                let label = None;
                device.create_buffer(&w::BufferDescriptor {
                    label,
                    size,
                    usage,
                    mapped_at_creation,
                })
            };
            let buffers: Vec<w::Buffer> = sizes.iter().copied().map(new).collect();
            let entry = |(binding, buffer)| w::BindGroupEntry {
                binding,
                resource: w::BindingResource::Buffer(w::BufferBinding {
                    buffer,
                    offset: 0,
                    size: if binding == CALL { w::BufferSize::new(CALL_BYTES) } else { None },
                }),
            };
            let entries: Vec<_> = (0..).zip(&buffers).map(entry).collect();
            let kernels = &self.gpu.kernels;
            let layout = if self.team.is_some() { &kernels.small } else { &kernels.blocked };
            let group = device.create_bind_group(&w::BindGroupDescriptor {
                label: None,
                layout,
                entries: &entries,
            });
            let [read, seen] =
                [results, outcomes].map(|size| new((size, Use::MAP_READ | Use::COPY_DST)));
            let upload = [given, calls].map(|size| new((size, Use::MAP_WRITE | Use::COPY_SRC)));
            let mut buffers = buffers.into_iter();
            let mut next = || buffers.next().expect("four buffers at least are made above");
            let (matrices, results, outcomes, calls) = (next(), next(), next(), next());
            Ok(Slot { matrices, results, outcomes, calls, upload, read, seen, group })
        })
    }

    /// What inverts `count` matrices, or solves with them.
    fn dispatches(&self, count: usize, balanced: bool) -> Dispatches {
        let (n, mode) = (self.order, self.work.mode());
        match (self.team, self.work) {
            (Some(team), work) => {
                let most = self.gpu.limits.max_compute_workgroups_per_dimension as usize;
                let groups = count.div_ceil(team.matrices);
                let mut call = [0; WORDS];
                call[..5].copy_from_slice(&match work {
                    Work::Pinv { columns, .. } => [count, n, columns, mode, SWEEPS],
                    work => [count, balanced.into(), work.rhs(), mode, 0],
                });
                let groups = [groups.min(most), groups.div_ceil(most), 1];
                vec![Dispatch { kernel: team.kernel(work), call, groups }].into()
            }
            (None, work) => {
                let stages = match work {
                    Work::Pinv { columns, .. } => return rotations(n, columns, mode, count),
                    Work::Invert => [Kernel::Scale, Kernel::Load, Kernel::Panel, Kernel::Store],
                    Work::Solve(_) => {
                        [Kernel::Scale, Kernel::Load, Kernel::Panel, Kernel::Solution]
                    }
                    Work::Triangle { .. } => [
                        Kernel::TriangleScale,
                        Kernel::TriangleLoad,
                        Kernel::TrianglePanel,
                        Kernel::TriangleStore,
                    ],
                    Work::Definite { .. } => [
                        Kernel::CholeskyScale,
                        Kernel::TriangleLoad,
                        Kernel::TrianglePanel,
                        Kernel::TriangleStore,
                    ],
                };
                by_panels(n, work, stages, panel::<W>(), count, balanced).into()
            }
        }
    }

    /// Hands matrices over, dense and one after the other, and behind all of them what belongs to them.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(super) fn write(&self, slot: &Slot, matrices: &[u8]) -> Result<(), Error> {
        self.put(&slot.upload[0], matrices)
    }

    /// Writes where the device takes its copies from.
    fn put(&self, upload: &w::Buffer, bytes: &[u8]) -> Result<(), Error> {
        let view = upload.get_mapped_range_mut(..bytes.len() as u64);
        view.map_err(|e| self.gpu.failed(e))?.copy_from_slice(bytes);
        Ok(())
    }

    /// Enqueues the work on `count` matrices that were [written](Self::write). Does not wait.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Device`], [`Error::Cancelled`].
    pub(super) fn submit(
        &self,
        slot: Slot,
        count: usize,
        balanced: bool,
    ) -> Result<Pending, Error> {
        let (gpu, stride) = (self.gpu, self.stride());
        let dispatches = self.dispatches(count, balanced);
        let mut calls = vec![0u8; dispatches.all.len() * stride as usize];
        for (place, dispatch) in calls.chunks_mut(stride as usize).zip(&dispatches.all) {
            for (word, &number) in place.chunks_mut(4).zip(&dispatch.call) {
                word.copy_from_slice(&(number as u32).to_ne_bytes());
            }
        }
        let (results, outcomes) = (count as u64 * self.result(), count as u64 * 8);
        let bytes = results.try_into().unwrap_or(usize::MAX);
        self.put(&slot.upload[1], &calls)?;
        slot.upload.iter().for_each(w::Buffer::unmap);
        gpu.guarded(bytes, |device| {
            let new =
                || device.create_command_encoder(&w::CommandEncoderDescriptor { label: None });
            for (i, portion) in dispatches.order().chunks(PORTION).enumerate() {
                pause(self.cancel)?;
                let mut encoder = new();
                if i == 0 {
                    let sizes = [count as u64 * self.given(), calls.len() as u64];
                    let to = [&slot.matrices, &slot.calls];
                    for ((from, to), size) in slot.upload.iter().zip(to).zip(sizes) {
                        encoder.copy_buffer_to_buffer(from, 0, to, 0, size);
                    }
                }
                let mut pass = encoder.begin_compute_pass(&w::ComputePassDescriptor::default());
                for &at in portion {
                    let (dispatch, offset) = (&dispatches.all[at], at as u64 * stride);
                    let [x, y, z] = dispatch.groups.map(|groups| groups as u32);
                    pass.set_pipeline(&gpu.kernels.get::<W>(gpu, dispatch.kernel)?);
                    pass.set_bind_group(0, &slot.group, &[offset as u32]);
                    pass.dispatch_workgroups(x, y, z);
                }
                drop(pass);
                gpu.queue.submit([encoder.finish()]);
            }
            let mut encoder = new();
            encoder.copy_buffer_to_buffer(&slot.results, 0, &slot.read, 0, results);
            encoder.copy_buffer_to_buffer(&slot.outcomes, 0, &slot.seen, 0, outcomes);
            let submission = gpu.queue.submit([encoder.finish()]);
            let (done, mapped) = channel();
            let [matrices, calls] = &slot.upload;
            for (buffer, size, mode) in [
                (&slot.read, results, w::MapMode::Read),
                (&slot.seen, outcomes, w::MapMode::Read),
                (matrices, matrices.size(), w::MapMode::Write),
                (calls, calls.size(), w::MapMode::Write),
            ] {
                let done = done.clone();
                // Who gave the part up does not listen.
                buffer.slice(..size).map_async(mode, move |outcome| drop(done.send(outcome)));
            }
            Ok((submission, mapped))
        })
        .map(|(submission, mapped)| {
            SUBMITTED.fetch_add(1, Relaxed);
            Pending { slot, count, submission, mapped }
        })
    }

    /// Waits for a part; `f` is given the results, dense and one after the other, and what became of each
    /// matrix. The buffers can be used again.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::Cancelled`], and what `f` returns.
    pub(super) fn wait(
        &self,
        pending: Pending,
        f: impl FnOnce(&[u8], &[Outcome]) -> Result<(), Error>,
    ) -> Result<Slot, Error> {
        let Pending { slot, count, submission, mapped } = pending;
        let (gpu, count) = (self.gpu, count as u64);
        // What was given up is computed to its end, and its buffers are freed then.
        loop {
            pause(self.cancel)?;
            let submission_index = Some(submission.clone());
            if gpu.poll(w::PollType::Wait { submission_index, timeout: Some(POLL) })? {
                break;
            }
        }
        for _ in 0..MAPPED {
            // Another thread that polls may be the one that is told.
            loop {
                match mapped.recv_timeout(POLL) {
                    Ok(Ok(())) => break,
                    Err(RecvTimeoutError::Timeout) => gpu.check()?,
                    _ => return Err(gpu.failed("its results could not be read")),
                }
                gpu.poll(w::PollType::Poll)?;
            }
        }
        let view = |buffer: &w::Buffer, size| {
            buffer.slice(..size).get_mapped_range().map_err(|e| gpu.failed(e))
        };
        let seen = view(&slot.seen, count * 8)?;
        let word = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_ne_bytes);
        let outcomes: Vec<Outcome> = seen
            .chunks_exact(8)
            .map(|pair| Outcome { flags: word(&pair[..4]), zero_pivot: word(&pair[4..]) })
            .collect();
        let results = view(&slot.read, count * self.result())?;
        let done = f(&results, &outcomes);
        drop((seen, results));
        slot.seen.unmap();
        slot.read.unmap();
        done.map(|()| slot)
    }
}
