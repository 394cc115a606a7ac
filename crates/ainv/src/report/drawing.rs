//! The pictures, as SVG, by plotters. Black is for the page to replace by its own ink.

use super::words::short;
use super::{Decade, Digits, Grid};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

const BLUE: RGBColor = RGBColor(0x3b, 0x82, 0xd6);
pub(super) const GREEN: RGBColor = RGBColor(0x2f, 0x9e, 0x52);
pub(super) const AMBER: RGBColor = RGBColor(0xc9, 0x82, 0x0c);
pub(super) const RED: RGBColor = RGBColor(0xd6, 0x3b, 0x3b);

/// The SVG of a picture of this size. `label` is for those who do not see it.
fn picture(size: (u32, u32), label: &str, draw: impl FnOnce(&Area) -> Drawn) -> String {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    draw(&area).and_then(|()| Ok(area.present()?)).expect("a string takes whatever is drawn");
    drop(area);
    // What is said by default, and thousands of times.
    let svg = svg.replace(" opacity=\"1\"", "").replace(" stroke=\"none\"", "");
    let label = super::page::Escaped(label);
    svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{label}\" "), 1)
}

/// Small text. (plotters takes a font's height, of which SVG's size is a part.)
fn text(h: HPos, v: VPos) -> TextStyle<'static> {
    ("sans-serif", 15).into_text_style(&(400, 400)).pos(Pos::new(h, v))
}

/// Pixels along a heat map, about.
const SIDE: i32 = 256;
const COLOURS: i32 = 64;

/// Sizes on a logarithmic scale: dark is small, blank is zero, red is not a number.
pub(super) fn heat_map(grid: &Grid, label: &str) -> String {
    let side = grid.side as i32;
    let cell = (SIDE / side.max(1)).clamp(1, 48);
    let (left, top, length) = (40, 8, cell * side);
    let logs: Vec<f64> = grid.cells.iter().map(|x| x.log10()).filter(|x| x.is_finite()).collect();
    let (low, high) = scale(&logs);
    let colour = |log: f64| {
        let share = ((log - low) / (high - low)).clamp(0.0, 1.0) * f64::from(COLOURS - 1);
        ViridisRGB.get_color(share.round() as f32 / (COLOURS - 1) as f32)
    };
    let fill = |x: f64| match x {
        0.0 => None,
        x if x.is_finite() => Some(colour(x.log10())),
        _ => Some(RED),
    };
    // The scale beside a small map is as high as its labels need.
    let height = length.max(96);
    picture(((left + length + 96) as u32, (top + height + 28) as u32), label, |area| {
        for (i, row) in grid.cells.chunks_exact(grid.side.max(1)).enumerate() {
            let mut j = 0;
            while j < row.len() {
                let of = fill(row[j]);
                let end = (j..row.len()).find(|&k| fill(row[k]) != of).unwrap_or(row.len());
                if let Some(colour) = of {
                    let (y, from, to) = (top + i as i32 * cell, j as i32, end as i32);
                    let corners = [(left + from * cell, y), (left + to * cell, y + cell)];
                    area.draw(&Rectangle::new(corners, colour.filled()))?;
                }
                j = end;
            }
        }
        let frame = [(left, top), (left + length, top + length)];
        area.draw(&Rectangle::new(frame, BLACK.mix(0.4)))?;
        let end = grid.order.to_string();
        let (row, column) = (text(HPos::Right, VPos::Top), text(HPos::Left, VPos::Top));
        area.draw(&Text::new("1", (left - 6, top), row))?;
        area.draw(&Text::new("1", (left, top + length + 6), column))?;
        if side > 1 {
            let row = text(HPos::Right, VPos::Bottom);
            area.draw(&Text::new(end.clone(), (left - 6, top + length), row))?;
            let column = text(HPos::Right, VPos::Top);
            area.draw(&Text::new(end, (left + length, top + length + 6), column))?;
        }
        if logs.is_empty() {
            return Ok(());
        }
        let bar = left + length + 16;
        for k in 0..COLOURS {
            let at = |k: i32| top + height - k * height / COLOURS;
            let colour = colour(low + (high - low) * f64::from(k) / f64::from(COLOURS - 1));
            let corners = [(bar, at(k + 1)), (bar + 14, at(k))];
            area.draw(&Rectangle::new(corners, colour.filled()))?;
        }
        for (share, v) in [(0.0, VPos::Bottom), (0.5, VPos::Center), (1.0, VPos::Top)] {
            let value = 10f64.powf(low + (high - low) * share);
            let y = top + ((1.0 - share) * f64::from(height)).round() as i32;
            area.draw(&Text::new(short(value), (bar + 20, y), text(HPos::Left, v)))?;
        }
        Ok(())
    })
}

/// Decades of a scale: those of the numbers, but half a decade at least and twenty at most.
fn scale(logs: &[f64]) -> (f64, f64) {
    if logs.is_empty() {
        return (0.0, 1.0);
    }
    let low = logs.iter().copied().fold(f64::INFINITY, f64::min);
    let high = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let low = low.max(high - 20.0);
    if high - low < 0.5 { (high - 0.5, high) } else { (low, high) }
}

/// A tick's label, where it stands at a whole number.
fn whole(x: f64, before: &str) -> String {
    if (x - x.round()).abs() > 1e-6 {
        String::new()
    } else {
        format!("{before}{}", x.round() as i64)
    }
}

/// Values that are drawn one by one; more are a curve.
const POINTS: usize = 128;

/// The singular values, largest first, and the line under which they are rounding.
pub(super) fn singular_values(values: &[f64], cut: f64, label: &str) -> String {
    let logs: Vec<f64> = values.iter().map(|s| s.log10()).collect();
    let shown: Vec<f64> = logs.iter().copied().filter(|x| x.is_finite()).collect();
    let mut all = shown.clone();
    all.extend(Some(cut.log10()).filter(|x| x.is_finite()));
    let (low, high) = scale(&all);
    let (low, high) = (low.floor() - 0.5, high.ceil() + 0.5);
    let last = values.len() as f64;
    picture((440, 300), label, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(16)
            .x_label_area_size(40)
            .y_label_area_size(56)
            .build_cartesian_2d(0.5..last + 0.5, low..high)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.15))
            .axis_style(BLACK.mix(0.4))
            .x_labels(values.len().min(8))
            .y_labels(8)
            .x_label_formatter(&|x| whole(*x, ""))
            .y_label_formatter(&|y| whole(*y, "1e"))
            .x_desc("number")
            .label_style(text(HPos::Center, VPos::Center))
            .draw()?;
        let over = |i: &usize| values[*i] > cut;
        let point = |i: usize| (i as f64 + 1.0, logs[i].max(low));
        let kept = (0..values.len()).filter(over).map(point);
        let lost = (0..values.len()).filter(|i| !over(i)).map(point);
        if values.len() <= POINTS {
            chart.draw_series(kept.map(|at| Circle::new(at, 3, BLUE.filled())))?;
            chart.draw_series(lost.map(|at| Circle::new(at, 3, RED.filled())))?;
        } else {
            chart.draw_series(LineSeries::new(kept, BLUE.stroke_width(2)))?;
            chart.draw_series(LineSeries::new(lost, RED.stroke_width(2)))?;
        }
        if cut > 0.0 && cut.log10() > low {
            let y = cut.log10();
            chart.draw_series(LineSeries::new([(0.5, y), (last + 0.5, y)], RED.mix(0.7)))?;
            let (x, y) = chart.backend_coord(&(0.5, y));
            let style = text(HPos::Left, VPos::Bottom).color(&RED);
            area.draw(&Text::new("rounding", (x + 6, y - 2), style))?;
        }
        Ok(())
    })
}

/// How many matrices have their rcond in each decade, in the colour of the verdict on them.
pub(super) fn histogram(decades: &[Decade], digits: impl Fn(f64) -> Digits, label: &str) -> String {
    let (Some(first), Some(last)) = (decades.first(), decades.last()) else { return String::new() };
    let largest = decades.iter().map(|d| d.count).max().unwrap_or(1) as f64;
    let (low, high) = (f64::from(first.power), f64::from(last.power) + 1.0);
    // A few bars are not blown up to the width of the picture.
    let width = (80 + 44 * decades.len() as u32).clamp(200, 640);
    picture((width, 300), label, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_top(24)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(12)
            .build_cartesian_2d(low..high, 0.0..largest)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .disable_y_axis()
            .axis_style(BLACK.mix(0.4))
            .x_labels(decades.len().min(12) + 1)
            .x_label_formatter(&|x| whole(*x, "1e"))
            .x_desc("rcond")
            .label_style(text(HPos::Center, VPos::Center))
            .draw()?;
        for decade in decades.iter().filter(|d| d.count > 0) {
            let (from, count) = (f64::from(decade.power), decade.count as f64);
            let left = digits(10f64.powf(from + 0.5));
            let colour = match left.good {
                0 => RED,
                _ if left.are_few() => AMBER,
                _ => GREEN,
            };
            // One matrix of many thousands is seen, too.
            let height = count.max(largest / 100.0);
            let corners = [(from + 0.06, 0.0), (from + 0.94, height)];
            chart.draw_series([Rectangle::new(corners, colour.filled())])?;
            let (x, y) = chart.backend_coord(&(from + 0.5, height));
            let style = text(HPos::Center, VPos::Bottom);
            area.draw(&Text::new(decade.count.to_string(), (x, y - 4), style))?;
        }
        Ok(())
    })
}
