//! Part of a stack on the device: its buffers, and the dispatches that invert it or solve with it.

use super::adapter::Gpu;
use super::kernels::{CALL, Kernel, TILE, Team, WORKGROUP, Work, panel};
use crate::device::cpu::executor::pause;
use crate::error::Error;
use ::wgpu as w;
use ainv_kernels::scalar::Scalar;
use ainv_streams::Cancel;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Bytes of the matrices of a part, about.
const PART: u64 = 64 << 20;
/// The numbers of a dispatch, and their bytes.
const WORDS: usize = 17;
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
    work: Work,
    /// `None`: by panels.
    team: Option<Team>,
    /// Bytes that a kernel can see of one buffer.
    visible: u64,
    cancel: Option<&'a Cancel>,
    of: PhantomData<W>,
}

/// The buffers of a part.
pub(super) struct Slot {
    /// And the right-hand sides behind them.
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

/// One dispatch: blocked.wgsl and small.wgsl say what the numbers are.
struct Dispatch {
    kernel: Kernel,
    call: [usize; WORDS],
    groups: [usize; 3],
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
        if needed > visible || order > rows || engine.columns().div_ceil(64) > rows {
            let and = match work {
                Work::Solve(rhs) => format!(" with {rhs} right-hand sides"),
                _ => String::new(),
            };
            return Err(Error::Unsupported {
                what: format!(
                    "a matrix of order {order}{and} takes {needed} bytes in one buffer; kernels of the GPU {} see \
                     {visible} and {rows} rows: run it on the CPU, stream=ainv.cpu",
                    gpu.name
                ),
            });
        }
        Ok(engine)
    }

    /// The columns of a result.
    fn columns(&self) -> usize {
        if let Work::Solve(rhs) = self.work { rhs } else { self.order }
    }

    /// Bytes of a matrix and its right-hand sides.
    fn given(&self) -> u64 {
        (self.order * (self.order + self.work.rhs()) * size_of::<W>()) as u64
    }

    /// Bytes of a result.
    fn result(&self) -> u64 {
        (self.order * self.columns() * size_of::<W>()) as u64
    }

    /// Bytes of the largest buffer that one matrix needs.
    fn largest_of_a_matrix(&self) -> Option<u64> {
        let given = self.order.checked_add(self.work.rhs())?;
        let columns = if self.team.is_some() { given } else { given.max(panel::<W>()) };
        let bytes = self.order.checked_mul(columns)?.checked_mul(size_of::<W>())?;
        u64::try_from(bytes).ok()
    }

    /// How many of `count` matrices make a part.
    pub(super) fn part(&self, count: usize) -> usize {
        let most = PART.min(self.visible) / self.largest_of_a_matrix().unwrap_or(u64::MAX).max(8);
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
        let (n, count) = (self.order as u64, count as u64);
        let (given, results, outcomes) = (count * self.given(), count * self.result(), count * 8);
        let calls = self.dispatches(1, false).len() as u64 * self.stride();
        // In the order of their bindings.
        let mut sizes = vec![
            (given, Use::STORAGE | Use::COPY_DST),
            (results, Use::STORAGE | Use::COPY_SRC),
            (outcomes, Use::STORAGE | Use::COPY_SRC),
            (calls, Use::UNIFORM | Use::COPY_DST),
        ];
        if self.team.is_none() {
            let panels = count * n * (panel::<W>() * size_of::<W>()) as u64;
            let powers = count * (2 * n + self.work.rhs() as u64) * 4;
            let sizes_of = [panels, panels, powers, count * 2 * n * 4];
            sizes.extend(sizes_of.map(|size| (size, Use::STORAGE)));
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
    fn dispatches(&self, count: usize, balanced: bool) -> Vec<Dispatch> {
        match self.team {
            Some(team) => {
                let most = self.gpu.limits.max_compute_workgroups_per_dimension as usize;
                let groups = count.div_ceil(team.matrices);
                let mut call = [0; WORDS];
                call[..4].copy_from_slice(&[
                    count,
                    balanced.into(),
                    self.work.rhs(),
                    self.work.mode(),
                ]);
                let groups = [groups.min(most), groups.div_ceil(most), 1];
                vec![Dispatch { kernel: team.kernel(self.work), call, groups }]
            }
            None => blocked(self.order, self.work, panel::<W>(), count, balanced),
        }
    }

    /// Hands matrices over, dense and one after the other, and behind all of them their right-hand sides.
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
        let mut calls = vec![0u8; dispatches.len() * stride as usize];
        for (place, dispatch) in calls.chunks_mut(stride as usize).zip(&dispatches) {
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
            for (i, portion) in dispatches.chunks(PORTION).enumerate() {
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
                for (j, dispatch) in portion.iter().enumerate() {
                    let offset = (i * PORTION + j) as u64 * stride;
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

/// Columns that kernels work on: some of A's, or those of B.
#[derive(Clone, Copy)]
struct Columns {
    begin: usize,
    step: usize,
    count: usize,
    /// The first of the panel's own among them.
    own: Option<usize>,
}

/// A panel, and the product that follows, as blocked.wgsl has them.
#[derive(Default)]
struct Panel {
    first: usize,
    width: usize,
    top: usize,
    height: usize,
    inner: usize,
    depth: usize,
    /// Where the left factor begins, and the steps of its rows and columns.
    left: [usize; 3],
}

/// The dispatches by panels: blocked.wgsl has the algorithm.
fn blocked(n: usize, work: Work, panel: usize, count: usize, balanced: bool) -> Vec<Dispatch> {
    // A matrix a workgroup, a column an invocation, an entry an invocation, and tiles of the product.
    let matrices = [count, 1, 1];
    let lines = |columns: usize| [columns.div_ceil(64), 1, count];
    let entries = |columns: usize| [columns.div_ceil(64), n, count];
    let tiles =
        |rows: usize, columns: usize| [columns.div_ceil(TILE[1]), rows.div_ceil(TILE[0]), count];
    let call = |at: Panel, on: Columns| {
        let Panel { first, width, top, height, inner, depth, left: [left, left_row, left_column] } =
            at;
        let Columns { begin, step, count, own } = on;
        // The words of blocked.wgsl.
        [
            n,
            balanced.into(),
            work.rhs(),
            first,
            width,
            top,
            height,
            inner,
            depth,
            left,
            left_row,
            left_column,
            begin,
            step,
            count,
            own.unwrap_or(count),
            work.mode(),
        ]
    };
    let of_a = |begin, count, own| Columns { begin, step: n, count, own };
    let results = match work {
        Work::Solve(k) => Columns { begin: count * n * n, step: k, count: k, own: None },
        _ => of_a(0, n, None),
    };

    let whole = call(Panel::default(), results);
    let mut all = vec![];
    let mut add = |kernel, call, groups: [usize; 3]| {
        if !groups.contains(&0) {
            all.push(Dispatch { kernel, call, groups });
        }
    };
    let [scale, load, factor, store] = match work {
        Work::Invert => [Kernel::Scale, Kernel::Load, Kernel::Panel, Kernel::Store],
        Work::Solve(_) => [Kernel::Scale, Kernel::Load, Kernel::Panel, Kernel::Solution],
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
    add(scale, whole, matrices);
    add(load, whole, entries(n));
    if let Work::Solve(k) = work {
        add(Kernel::Rhs, whole, lines(k));
    }
    let panels =
        (0..n).step_by(panel).map(|first| (first, panel.min(n - first), n.min(first + panel)));
    let down = |(first, width, next): (usize, usize, usize), on| {
        let (top, height, left) = (next, n - next, [next * panel, panel, 1]);
        call(Panel { first, width, top, height, inner: first, depth: width, left }, on)
    };
    if let Work::Definite { .. } = work {
        for at @ (_, _, next) in panels.clone() {
            let rest = of_a(next, n - next, None);
            add(Kernel::CholeskyPanel, down(at, results), matrices);
            add(Kernel::Product, down(at, rest), tiles(n - next, n - next));
        }
    }
    // A factor alone is done.
    let inverts = work != Work::Definite { inverse: false };
    for at @ (first, _, next) in panels.clone().filter(|_| inverts) {
        let height = n - next;
        let call = |on| down(at, on);
        add(factor, call(results), matrices);
        let follow = match work {
            Work::Invert => &[of_a(0, n, Some(first))][..],
            Work::Solve(_) => &[of_a(next, height, None), results],
            Work::Triangle { .. } | Work::Definite { .. } => &[of_a(0, next, Some(first))],
        };
        for &on in follow {
            add(Kernel::Exchange, call(on), lines(on.count));
            add(Kernel::Product, call(on), tiles(height, on.count));
        }
    }
    if inverts && !matches!(work, Work::Triangle { hermitian: false, .. }) {
        for (first, width, next) in panels.rev() {
            let (inner, depth, left) = (next, n - next, [next * panel, 1, panel]);
            let panel = Panel { first, width, top: first, height: width, inner, depth, left };
            let call = call(panel, results);
            if next < n {
                add(Kernel::Lift, call, lines(n - next));
                add(Kernel::Product, call, tiles(width, results.count));
            }
            add(Kernel::Substitute, call, lines(results.count));
        }
    }
    add(store, whole, entries(results.count));
    all
}
