//! Progress on a terminal, for work that takes its time.

use crate::words::rounded;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// Work that is done sooner shows no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// A bar that counts; it is gone when this is.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Shows the bar after a while, unless the other end hangs up first.
    shows: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Of `matrices` of the file `name`. indicatif itself is silent where stderr is no terminal.
    pub(crate) fn new(name: &str, matrices: usize, silent: bool) -> Progress {
        let template = match matrices {
            1 => "{spinner} {prefix}  {elapsed}",
            _ => "{prefix}  {bar:24}  {human_pos} of {human_len} matrices, {rate}/s, {eta} left",
        };
        Progress::counting(name, matrices, template, silent)
    }

    /// Of the rows of a table, under which the bar stands.
    pub(crate) fn of_rows(rows: usize, silent: bool) -> Progress {
        Progress::counting("", rows, "{bar:24}  {pos} of {len} rows, {eta} left", silent)
    }

    fn counting(name: &str, length: usize, template: &str, silent: bool) -> Progress {
        let hidden = ProgressDrawTarget::hidden();
        let bar = ProgressBar::with_draw_target(Some(length as u64), hidden)
            .with_prefix(name.to_owned())
            .with_style(style(template));
        let shows = (!silent).then(|| show_later(bar.clone())).flatten();
        Progress { bar, shows }
    }

    pub(crate) fn add(&self, count: usize) {
        self.bar.inc(count as u64);
    }

    /// Does what prints, with the bar out of its way.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

fn style(template: &str) -> ProgressStyle {
    // A template that does not parse is a mistake above, which the tests would show.
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
        use super::Progress;
        for bar in
            [Progress::new("a", 1, true), Progress::new("a", 2, true), Progress::of_rows(2, true)]
        {
            bar.add(1);
            assert_eq!(bar.bar.position(), 1);
        }
    }
}
