//! The worst ratios, printed where a captured test does not hide them.

// `!(ratio <= bar)` is written so that a NaN fails.
#![allow(clippy::neg_cmp_op_on_partial_ord)]

use std::collections::BTreeMap;
use std::io::Write;

/// Writes a line to the real standard error, which the test runner does not capture.
pub fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The worst ratio of each family, and what was asked too much of.
#[derive(Debug, Default)]
pub struct Worst {
    title: String,
    rows: BTreeMap<String, (f64, String, usize)>,
    failures: Vec<String>,
}

impl Worst {
    /// An empty table.
    pub fn new(title: impl Into<String>) -> Worst {
        Worst { title: title.into(), ..Worst::default() }
    }
    /// Takes a ratio note of; nothing is asked of it.
    pub fn record(&mut self, family: impl Into<String>, case: impl Into<String>, ratio: f64) {
        let case = case.into();
        let row = self.rows.entry(family.into()).or_insert((-1.0, String::new(), 0));
        row.2 += 1;
        if !(ratio <= row.0) {
            (row.0, row.1) = (ratio, case);
        }
    }
    /// Takes a ratio note of, and that it must not be above the bar. A NaN is above every bar.
    pub fn check(
        &mut self,
        family: impl Into<String>,
        case: impl Into<String>,
        ratio: f64,
        bar: f64,
    ) {
        let (family, case) = (family.into(), case.into());
        if !(ratio <= bar) {
            self.failures.push(format!("{family}, {case}: {ratio:.3e} is over {bar}"));
        }
        self.record(family, case, ratio);
    }
    /// Notes a failure of another kind.
    pub fn fail(&mut self, what: impl Into<String>) {
        self.failures.push(what.into());
    }
    /// Whether nothing failed.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }
    /// Prints the table and panics if a ratio was over its bar.
    #[track_caller]
    pub fn finish(self) {
        let cases: usize = self.rows.values().map(|r| r.2).sum();
        let mut text = format!("{} ({cases} ratios)\n", self.title);
        for (family, (ratio, case, count)) in &self.rows {
            text += &format!("    {family:<44} {ratio:>9.2e}  of {count:>5}, at {case}\n");
        }
        say(&text);
        let shown: Vec<_> = self.failures.iter().take(25).cloned().collect();
        assert!(
            self.failures.is_empty(),
            "{}: {} failures\n{}",
            self.title,
            self.failures.len(),
            shown.join("\n")
        );
    }
}
