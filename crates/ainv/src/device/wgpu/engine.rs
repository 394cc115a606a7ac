//! Part of a stack on the device: its buffers, and the dispatches that invert it or solve with it.

use super::adapter::Gpu;
use super::kernels::CALL;
use crate::device::cpu::executor::pause;
use crate::device::gpu::{self, Outcome, SUBMITTED, TILE, Task, WORDS, WORKGROUP, Work};
use crate::error::Error;
use ::wgpu as w;
use ainv_kernels::scalar::Scalar;
use ainv_streams::Cancel;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Bytes of the numbers of a dispatch.
const CALL_BYTES: u64 = 4 * WORDS as u64;
/// Dispatches that are handed over at once.
const PORTION: usize = 96;
/// Buffers of a slot that the host reads or writes.
const MAPPED: usize = 4;
/// How often a thread that waits looks whether its work was cancelled or, where it is done, whether it was told so.
const POLL: Duration = Duration::from_millis(10);

/// What inverts matrices of one order, or solves systems of them.
pub(crate) struct Engine<'a, W> {
    gpu: &'a Gpu,
    task: Task<W>,
    /// Bytes that a kernel can see of one buffer.
    visible: u64,
    cancel: Option<&'a Cancel>,
}

/// The buffers of a part.
pub(crate) struct Slot {
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
pub(crate) struct Pending {
    slot: Slot,
    count: usize,
    submission: w::SubmissionIndex,
    mapped: Receiver<Result<(), w::BufferAsyncError>>,
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
        let task = Task::new(order, work, memory);
        let invocations =
            limits.max_compute_invocations_per_workgroup.min(limits.max_compute_workgroup_size_x);
        if task.team.is_none() && (invocations as usize) < WORKGROUP {
            return Err(Error::Unsupported {
                what: format!(
                    "workgroups of the GPU {} have {invocations} invocations, those for order {order} need {WORKGROUP}: \
                     run it on the CPU, stream=ainv.cpu",
                    gpu.name
                ),
            });
        }
        let needed = task.largest_of_a_matrix().ok_or(Error::Overflow)?;
        let rows = limits.max_compute_workgroups_per_dimension as usize;
        if needed > visible || order > rows || work.across(order).div_ceil(TILE[0]) > rows {
            return Err(Error::Unsupported {
                what: format!(
                    "a matrix of {} takes {needed} bytes in one buffer; kernels of the GPU {} see {visible} and \
                     {rows} rows: run it on the CPU, stream=ainv.cpu",
                    task.described(),
                    gpu.name
                ),
            });
        }
        Ok(Engine { gpu, task, visible, cancel })
    }

    /// The step between the numbers of two dispatches.
    fn stride(&self) -> u64 {
        CALL_BYTES.next_multiple_of(self.gpu.limits.min_uniform_buffer_offset_alignment.into())
    }

    /// Groups in a row of a dispatch, at most.
    fn groups(&self) -> u32 {
        self.gpu.limits.max_compute_workgroups_per_dimension
    }

    /// Writes where the device takes its copies from.
    fn put(&self, upload: &w::Buffer, bytes: &[u8]) -> Result<(), Error> {
        let view = upload.get_mapped_range_mut(..bytes.len() as u64);
        view.map_err(|e| self.gpu.failed(e))?.copy_from_slice(bytes);
        Ok(())
    }
}

impl<W: Scalar> gpu::Engine for Engine<'_, W> {
    type Slot = Slot;
    type Pending = Pending;

    fn part(&self, count: usize) -> usize {
        self.task.part(count, self.visible, self.groups().into())
    }

    fn slot(&self, count: usize) -> Result<Slot, Error> {
        use w::BufferUsages as Use;
        let (task, all) = (&self.task, count as u64);
        let (given, results, outcomes) = (all * task.given(), all * task.result(), all * 8);
        let calls = task.dispatches(1, false, 1).all.len() as u64 * self.stride();
        // In the order of their bindings.
        let mut sizes = vec![
            (given, Use::STORAGE | Use::COPY_DST),
            (results, Use::STORAGE | Use::COPY_SRC),
            (outcomes, Use::STORAGE | Use::COPY_SRC),
            (calls, Use::UNIFORM | Use::COPY_DST),
        ];
        if task.team.is_none() {
            sizes.extend(task.scratch().map(|size| (all * size, Use::STORAGE)));
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
            let layout = if task.team.is_some() { &kernels.small } else { &kernels.blocked };
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

    fn write(&self, slot: &Slot, matrices: &[u8]) -> Result<(), Error> {
        self.put(&slot.upload[0], matrices)
    }

    fn submit(&self, slot: Slot, count: usize, balanced: bool) -> Result<Pending, Error> {
        let (gpu, stride) = (self.gpu, self.stride());
        let dispatches = self.task.dispatches(count, balanced, self.groups() as usize);
        let mut calls = vec![0u8; dispatches.all.len() * stride as usize];
        for (place, dispatch) in calls.chunks_mut(stride as usize).zip(&dispatches.all) {
            for (word, &number) in place.chunks_mut(4).zip(&dispatch.call) {
                word.copy_from_slice(&(number as u32).to_ne_bytes());
            }
        }
        let (results, outcomes) = (count as u64 * self.task.result(), count as u64 * 8);
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
                    let sizes = [count as u64 * self.task.given(), calls.len() as u64];
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

    fn wait(
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
        let results = view(&slot.read, count * self.task.result())?;
        let done = f(&results, &outcomes);
        drop((seen, results));
        slot.seen.unmap();
        slot.read.unmap();
        done.map(|()| slot)
    }
}
