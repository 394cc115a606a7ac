//! A report as a page with pictures: HTML that needs nothing else, dark where its surroundings are.

use super::drawing;
use super::words::{Measured, Verdict, short};
use super::{Digits, Grid, MatrixReport, Picture, Report};
use std::fmt::{self, Display, Write};

/// Matrices of a stack that have a row.
const NAMED: usize = 20;

/// All rules are for what is inside a report: the page around it may be a notebook's. Ink and paper
/// are the page's own, so that a dark page has dark reports.
const STYLE: &str = "\
.ainv-report{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;text-align:left}
.ainv-report h2{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}
.ainv-report h3{font-size:1.1rem;margin:2rem 0 .5rem}
.ainv-report p{margin:.5rem 0;max-width:44rem}
.ainv-report .about{margin:0 0 1rem;opacity:.75}
.ainv-report .verdict{border-left:.3rem solid var(--c);padding:.75rem 1rem;border-radius:.25rem;\
background:color-mix(in srgb,var(--c) 12%,transparent)}
.ainv-report .verdict strong{display:block;font-size:1.25rem}
.ainv-report .verdict p{margin:.25rem 0 0}
.ainv-report .good{--c:#2f9e52}.ainv-report .care{--c:#c9820c}
.ainv-report .worthless,.ainv-report .no-inverse{--c:#d63b3b}
.ainv-report .counts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;\
margin:.75rem 0}
.ainv-report .counts div{border-top:.25rem solid var(--c);padding:.5rem .75rem;border-radius:.25rem;\
background:color-mix(in srgb,var(--c) 12%,transparent);font-size:.9rem}
.ainv-report .counts b{display:block;font-size:1.5rem;line-height:1.2;font-variant-numeric:tabular-nums}
.ainv-report .counts .none{--c:currentColor;opacity:.5}
.ainv-report ul{padding-left:1.25rem;margin:.5rem 0;max-width:44rem}
.ainv-report li{margin:.4rem 0}
.ainv-report .wide{overflow-x:auto}
.ainv-report table{border-collapse:collapse;table-layout:auto;font-size:.9rem;margin:.5rem 0;width:100%;\
background:none;color:inherit}
.ainv-report th,.ainv-report td{text-align:left!important;padding:.35rem .9rem .35rem 0;vertical-align:top;\
border:0;border-bottom:1px solid color-mix(in srgb,currentColor 18%,transparent);background:none}
.ainv-report tr{background:none!important}
.ainv-report th{font-weight:600;white-space:nowrap}
.ainv-report .list td{white-space:nowrap}
.ainv-report td.n{font-variant-numeric:tabular-nums;white-space:nowrap}
.ainv-report td.v{color:var(--c);font-weight:600}
.ainv-report .figures{display:grid;gap:1.5rem;\
grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr))}
.ainv-report figure{margin:0;min-width:0}
.ainv-report figcaption{font-size:.9rem;margin-bottom:.5rem;max-width:28rem}
.ainv-report figcaption b{display:block}
.ainv-report svg{max-width:100%;height:auto;display:block}
.ainv-report .wide svg{max-width:none}
.ainv-report svg [fill=\"#000000\"]{fill:currentColor}
.ainv-report svg [stroke=\"#000000\"]{stroke:currentColor}
.ainv-report svg text{font-family:inherit}
.ainv-report svg rect{shape-rendering:crispEdges}
@media (max-width:34rem){.ainv-report .numbers td:last-child{display:block;padding-top:0}\
.ainv-report .numbers tr{display:block;border-bottom:1px solid color-mix(in srgb,currentColor 18%,transparent)}\
.ainv-report .numbers th,.ainv-report .numbers td{border:0;display:inline-block;padding-bottom:0}\
.ainv-report .numbers td:last-child{padding-bottom:.35rem}}
";

/// Around a page of its own.
const PAGE: &str = "\
:root{color-scheme:light dark}
body{margin:0;padding:2rem 1.25rem 4rem;background:Canvas;color:CanvasText}
.ainv-report+.ainv-report{margin-top:4rem}
";

/// Text that may hold anything, as HTML.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Control characters have no place in a page.
                _ if c.is_control() => f.write_char(' ')?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Several reports, each under its name (if it has one), as one page: a file that needs no other.
///
/// ```
/// use ainv::{Options, Stack};
/// let report = ainv::report(Stack::new(&[2.0], &[1, 1])?, None, &Options::default())?;
/// let page = ainv::html_page(&[("a < b", &report)]);
/// assert!(page.starts_with("<!DOCTYPE html>") && page.contains("a &lt; b"));
/// # Ok::<(), ainv::Error>(())
/// ```
pub fn html_page(reports: &[(&str, &Report)]) -> String {
    let name = |(name, report): &(&str, &Report)| Section { name, report }.title().to_owned();
    let title = reports.iter().map(name).collect::<Vec<_>>().join(", ");
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{PAGE}{STYLE}</style>\n</head>\n<body>\n",
        Escaped(&title)
    );
    for (name, report) in reports {
        page += &Section { name, report }.to_string();
    }
    page += "</body>\n</html>\n";
    page
}

impl Report {
    /// The report as a part of a page, with its pictures and its own style: what a notebook shows.
    pub fn to_html(&self) -> String {
        format!("<style>\n{STYLE}</style>\n{}", Section { name: "", report: self })
    }
}

struct Section<'a> {
    name: &'a str,
    report: &'a Report,
}

impl Section<'_> {
    fn title(&self) -> &str {
        if self.name.is_empty() { self.report.question() } else { self.name }
    }
}

impl Display for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        writeln!(f, "<section class=\"ainv-report\">")?;
        writeln!(f, "<h2>{}</h2>", Escaped(self.title()))?;
        writeln!(f, "<p class=\"about\">Report on {}.</p>", Escaped(&report.what()))?;
        if report.is_stack() {
            self.stack(f)?;
        } else if let [matrix] = &report.matrices[..] {
            self.verdict(f, matrix)?;
            writeln!(f, "<h3>What was measured</h3>")?;
            self.numbers(f, matrix)?;
            self.pictures(f)?;
        }
        writeln!(f, "</section>")
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NoInverse => "no-inverse",
        other => other.name(),
    }
}

impl Section<'_> {
    fn verdict(&self, f: &mut fmt::Formatter<'_>, of: &MatrixReport) -> fmt::Result {
        let verdict = of.verdict();
        let (class, head, why) = (class(verdict), verdict.headline(), self.report.explained(of));
        writeln!(f, "<div class=\"verdict {class}\"><strong>{head}</strong>")?;
        writeln!(f, "<p>{}</p></div>", Escaped(&why))?;
        let advice = self.report.advice(of);
        if advice.is_empty() {
            return Ok(());
        }
        writeln!(f, "<h3>What to do</h3>\n<ul>")?;
        for advice in advice {
            writeln!(f, "<li>{}</li>", Escaped(&advice))?;
        }
        writeln!(f, "</ul>")
    }

    fn numbers(&self, f: &mut fmt::Formatter<'_>, of: &MatrixReport) -> fmt::Result {
        writeln!(f, "<table class=\"numbers\">")?;
        for Measured { label, value, meaning } in self.report.measured(of) {
            let (value, meaning) = (Escaped(&value), Escaped(&meaning));
            writeln!(f, "<tr><th>{label}</th><td class=\"n\">{value}</td><td>{meaning}</td></tr>")?;
        }
        writeln!(f, "</table>")
    }

    fn pictures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(picture) = &self.report.picture else { return Ok(()) };
        if self.report.order() == 0 {
            return Ok(());
        }
        writeln!(f, "<h3>Pictures</h3>\n<div class=\"figures\">")?;
        self.singular(f, picture)?;
        map(f, "The matrix", "The sizes of its entries.", &picture.matrix)?;
        if picture.inverse.cells.iter().any(|x| x.is_finite()) {
            let note = "The sizes of its entries. Where they are much larger than one over those of \
                        the matrix, errors grow.";
            map(f, "Its inverse", note, &picture.inverse)?;
            let note =
                "What is left of the identity, entry by entry: should be as small as rounding.";
            map(f, "The right residual, |A X \u{2212} I|", note, &picture.residual)?;
        }
        writeln!(f, "</div>")
    }

    fn singular(&self, f: &mut fmt::Formatter<'_>, picture: &Picture) -> fmt::Result {
        let Some(values) = &picture.singular_values else {
            let limit = super::measure::SINGULAR_VALUES;
            return match self.report.order() > limit {
                true => writeln!(
                    f,
                    "<figure><figcaption><b>Singular values</b>They are not drawn above order \
                     {limit}, where they take longer than all the rest.</figcaption></figure>"
                ),
                false => Ok(()),
            };
        };
        let note = "How much the matrix stretches in each direction, the most first. The inverse \
                    divides by them: those at or under the red line are rounding, and what it does \
                    there is noise.";
        let picture = drawing::singular_values(values, picture.cut, "Singular values");
        figure(f, "Singular values", note, &picture)
    }

    fn stack(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(&worst) = self.report.worst(1).first() else {
            return writeln!(f, "<p>There is no matrix.</p>");
        };
        writeln!(f, "<div class=\"counts\">")?;
        for (verdict, count) in Verdict::ALL.into_iter().zip(self.report.counts()) {
            let class = if count == 0 { "none" } else { class(verdict) };
            writeln!(f, "<div class=\"{class}\"><b>{count}</b>{}</div>", verdict.of_several())?;
        }
        writeln!(f, "</div>")?;
        self.bars(f)?;
        self.worst_first(f)?;
        let of = &self.report.matrices[worst];
        let place = self.report.place(worst);
        writeln!(f, "<h3>The worst one: matrix {}</h3>", Escaped(&place))?;
        self.verdict(f, of)?;
        writeln!(f, "<h3>Its numbers</h3>")?;
        self.numbers(f, of)?;
        self.pictures(f)
    }

    fn bars(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decades = self.report.histogram();
        if decades.is_empty() {
            return Ok(());
        }
        let outside =
            |is: &dyn Fn(f64) -> bool| self.report.matrices.iter().filter(|m| is(m.rcond)).count();
        let (zero, nan) = (outside(&|r| r == 0.0), outside(&f64::is_nan));
        let mut note =
            "rcond says how far a matrix is from one that has no inverse: 1 is best, and \
                        errors in the matrix grow up to 1/rcond times. Green can be trusted, amber \
                        needs care, red is worthless."
                .to_owned();
        if zero + nan > 0 {
            note += &format!(" Not in the picture: {zero} singular, {nan} not finite.");
        }
        let Some(of) = self.report.matrices.first().map(|m| m.digits.of) else { return Ok(()) };
        let digits = |rcond: f64| Digits::expected(rcond, self.report.epsilon, of);
        let picture = drawing::histogram(&decades, digits, "How many matrices have which rcond");
        let picture = format!("<div class=\"wide\">\n{picture}</div>\n");
        figure(f, "All matrices by their rcond", &note, &picture)
    }

    fn worst_first(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worst = self.report.worst(NAMED);
        writeln!(
            f,
            "<h3>Worst first</h3>\n<div class=\"wide\"><table class=\"list\">\n<tr><th>Matrix</th>\
             <th>Verdict</th><th>Digits</th><th>rcond</th><th>|A X \u{2212} I|</th>\
             <th>|X A \u{2212} I|</th><th>|A|</th><th>|X|</th><th>Rank</th><th>Structure</th>\
             <th>Status</th><th>Route</th></tr>"
        )?;
        for &index in &worst {
            let of = &self.report.matrices[index];
            let verdict = of.verdict();
            write!(f, "<tr><td class=\"n\">{}</td>", Escaped(&self.report.place(index)))?;
            write!(f, "<td class=\"v {}\">{}</td>", class(verdict), verdict.name())?;
            write!(f, "<td class=\"n\">{} of {}</td>", of.digits.good, of.digits.of)?;
            for x in [of.rcond, of.right_residual, of.left_residual, of.norm, of.inverse_norm] {
                write!(f, "<td class=\"n\">{}</td>", short(x))?;
            }
            let rank = of.rank.map_or_else(|| "?".to_owned(), |rank| rank.to_string());
            let (structure, status, route) =
                (of.structure, of.status.code, self.report.route(of.method));
            writeln!(
                f,
                "<td class=\"n\">{rank}</td><td>{structure}</td><td>{status}</td><td>{route}</td></tr>"
            )?;
        }
        writeln!(f, "</table></div>")?;
        match self.report.matrices.len() - worst.len() {
            0 => Ok(()),
            more => writeln!(
                f,
                "<p>And {more} more. A report on one matrix alone shows its pictures.</p>"
            ),
        }
    }
}

fn map(f: &mut fmt::Formatter<'_>, title: &str, note: &str, grid: &Grid) -> fmt::Result {
    let mut note = note.to_owned();
    if grid.is_coarse() {
        let share = grid.order.div_ceil(grid.side);
        note += &format!(" A cell shows the largest of up to {share} x {share} entries.");
    }
    if grid.cells.contains(&0.0) {
        note += " Blank is zero.";
    }
    if grid.cells.iter().any(|x| !x.is_finite()) {
        note += " Red is not finite.";
    }
    figure(f, title, &note, &drawing::heat_map(grid, title))
}

fn figure(f: &mut fmt::Formatter<'_>, title: &str, note: &str, svg: &str) -> fmt::Result {
    let (title, note) = (Escaped(title), Escaped(note));
    writeln!(f, "<figure><figcaption><b>{title}</b>{note}</figcaption>\n{svg}</figure>")
}
