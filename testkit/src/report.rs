//! The worst ratios, printed where a captured test does not hide them.

// `!(ratio <= bar)` is written so that a NaN fails.
#![allow(clippy::neg_cmp_op_on_partial_ord)]

use std::collections::BTreeMap;
use std::io::Write;

/// Writes a line to the real standard error, which the test runner does not capture.
pub fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The worst ratio of each family, and what was asked too much of. Families may be named `route: family`:
/// the worst of each route is printed, too.
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
    /// Takes note of a ratio; nothing is asked of it. A NaN is noted as infinite, and so stays.
    pub fn record(&mut self, family: impl Into<String>, case: impl Into<String>, ratio: f64) {
        let case = case.into();
        let ratio = if ratio.is_nan() { f64::INFINITY } else { ratio };
        let row = self.rows.entry(family.into()).or_insert((-1.0, String::new(), 0));
        row.2 += 1;
        if ratio > row.0 {
            (row.0, row.1) = (ratio, case);
        }
    }
    /// Takes note of a ratio, which must not be above the bar. A NaN is above every bar.
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
    /// Whether something was looked at and nothing failed.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty() && !self.rows.is_empty()
    }
    /// The worst ratio that was taken of a family.
    pub fn of(&self, family: &str) -> Option<f64> {
        self.rows.get(family).map(|row| row.0)
    }
    /// Prints the table, with the instruction set, and panics if a ratio was over its bar or there was
    /// none.
    #[track_caller]
    pub fn finish(self) {
        let cases: usize = self.rows.values().map(|r| r.2).sum();
        let isa = ainv::instruction_set().map_or("no set".into(), |isa| isa.to_string());
        let mut text = format!("{} on {isa} ({cases} ratios)\n", self.title);
        let mut routes: BTreeMap<&str, f64> = BTreeMap::new();
        for (family, (ratio, case, count)) in &self.rows {
            text += &format!("    {family:<44} {ratio:>9.2e}  of {count:>5}, at {case}\n");
            if let Some((route, _)) = family.split_once(": ") {
                let worst = routes.entry(route).or_default();
                *worst = worst.max(*ratio);
            }
        }
        for (route, worst) in routes {
            text += &format!("  {}, {isa} | {route} | {worst:.2}\n", self.title);
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
        assert!(cases > 0, "{}: nothing was looked at", self.title);
    }
}
