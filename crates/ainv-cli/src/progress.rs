//! Progress on a terminal, for work that takes its time.

use crate::words::rounded;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// Work that is done sooner shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// A bar that counts matrices; it is gone when this is.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Shows the bar after a while, unless the other end hangs up first.
    shows: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Of `matrices` of the file `name`. indicatif itself is silent where stderr is no terminal.
    pub(crate) fn new(name: &str, matrices: usize, silent: bool) -> Progress {
        let bar =
            ProgressBar::with_draw_target(Some(matrices as u64), ProgressDrawTarget::hidden())
                .with_prefix(name.to_owned())
                .with_style(style(matrices));
        let shows = (!silent).then(|| show_later(bar.clone())).flatten();
        Progress { bar, shows }
    }

    pub(crate) fn add(&self, matrices: usize) {
        self.bar.inc(matrices as u64);
    }
}

fn style(matrices: usize) -> ProgressStyle {
    let template = match matrices {
        1 => "{spinner} {prefix}  {elapsed}",
        _ => "{prefix}  {bar:24}  {human_pos} of {human_len} matrices, {rate}/s, {eta} left",
    };
    // A template that does not parse is a mistake in the line above, which the tests would show.
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key(
        "rate",
        |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A terminal that cannot be written to shows no progress.
            let _ = out.write_str(&rounded(state.per_sec()));
        },
    )
}

/// `None` where there is no thread to be had: then there is no progress to be seen.
fn show_later(bar: ProgressBar) -> Option<(Sender<()>, JoinHandle<()>)> {
    let (done, wait) = mpsc::channel();
    let shows = move || {
        if wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(200));
        }
    };
    let thread = std::thread::Builder::new().name("progress".into()).spawn(shows).ok()?;
    Some((done, thread))
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.shows.take() {
            drop(done);
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_templates_parse() {
        for matrices in [1, 2] {
            let bar = super::Progress::new("a.npy", matrices, true);
            bar.add(1);
            assert_eq!(bar.bar.position(), 1);
        }
    }
}
