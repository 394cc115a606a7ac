//! The outcomes of matrices in the device's memory, which are waited for.

use super::device::Gpu;
use super::room::{Room, Taken};
use crate::device::gpu::{Outcome, Work};
use crate::device::job::Statuses;
use crate::error::Error;
use crate::status::{Status, Summary};
use ainv_streams::Cancel;
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct Waiting {
    /// `None`: there is nothing to wait for.
    pub(super) room: Option<Room>,
    pub(super) work: Work,
    pub(super) order: usize,
    pub(super) count: usize,
    /// Under it reciprocal condition numbers, which then stand behind the outcomes, are those of ill-conditioned matrices.
    pub(super) limit: Option<f64>,
    pub(super) gpu: Arc<Gpu>,
}

impl Waiting {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// What became of the matrices; `None` if that is not known after this time. Statuses are one a matrix, or none.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) fn wait_for(
        &mut self,
        time: Duration,
        status: &mut [Status],
    ) -> Result<Option<Summary>, Error> {
        let status = Statuses::new(status);
        let Waiting { work, order, limit, .. } = *self;
        let known = self.known(None, Some(time), |outcomes, conditions| {
            let mut summary = Summary::default();
            for (i, outcome) in outcomes.iter().enumerate() {
                let of = outcome.note(work, order, i, status, &mut summary);
                if let Some(limit) = limit
                    && of.is_ok()
                    && conditions[i] < limit
                {
                    status.set(i, Status::ILL_CONDITIONED);
                    summary.record_ill(i, conditions[i]);
                }
            }
            summary
        });
        known.inspect_err(|_| status.undone())
    }

    /// Waits for the numbers of the matrices that have no result, though they are finite.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`].
    pub(super) fn without_result(&mut self, cancel: Option<&Cancel>) -> Result<Vec<usize>, Error> {
        let Waiting { work, order, .. } = *self;
        let numbers = self.known(cancel, None, |outcomes, _| {
            let has_none = |i: &usize| outcomes[*i].is_without_result(work, order);
            (0..outcomes.len()).filter(has_none).collect()
        });
        numbers.map(Option::unwrap_or_default)
    }

    /// What `f` makes of the outcomes and of the condition numbers, if there are some; `None` if they are not known after this
    /// time.
    fn known<R>(
        &mut self,
        cancel: Option<&Cancel>,
        time: Option<Duration>,
        f: impl FnOnce(&[Outcome], &[f64]) -> R,
    ) -> Result<Option<R>, Error> {
        let Some(room) = self.room.take() else { return Ok(Some(f(&[], &[]))) };
        let taken = Taken::of(&self.gpu, room);
        let is_known = taken.wait(cancel, time)?;
        let result = is_known.then(|| {
            let (down, numbers) = (taken.down(), self.limit.map_or(0, |_| self.count));
            // SAFETY: its stream filled it; rooms begin at multiples of eight bytes, as an outcome has.
            let (outcomes, conditions) = unsafe {
                let outcomes = down.cast::<Outcome>();
                let conditions = outcomes.add(self.count).cast::<f64>();
                (
                    std::slice::from_raw_parts(outcomes, self.count),
                    std::slice::from_raw_parts(conditions, numbers),
                )
            };
            f(outcomes, conditions)
        });
        self.room = Some(taken.into_room());
        Ok(result)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(room) = self.room.take() {
            drop(Taken::of(&self.gpu, room));
        }
    }
}
