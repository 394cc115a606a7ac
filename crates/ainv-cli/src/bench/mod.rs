//! How fast this machine computes: a row for each function, scalar and order, beside what the machine could
//! do at most. `work` is what is measured, `clock` how, `limits` what it is held against.

mod clock;
mod limits;
mod work;

use crate::args::{Bench, Function};
use crate::batch::print_json;
use crate::failure::Failure;
use crate::interrupt::{self, Stoppable};
use crate::progress::Progress;
use crate::{DONE, memory};
use ainv::{DeviceInfo, Scalar, c32, c64};
use ainv_io::Dtype;
use clap::ValueEnum;
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use work::Work;

/// Of the stacks, if not told otherwise.
const STACK_BYTES: usize = 4_000_000;
/// Of the copy that stands for the memory: more than caches hold.
const COPY_BYTES: usize = 64 << 20;

/// What the rows are held against.
struct Machine {
    info: DeviceInfo,
    /// Bytes a second, in and out, of a copy by all threads.
    copy: f64,
    /// For each scalar that was asked for, flops a second by all threads.
    peaks: Vec<(Dtype, f64)>,
}

/// A row of the table.
struct Row {
    function: Function,
    dtype: Dtype,
    order: usize,
    matrices: usize,
    /// Of the whole stack.
    seconds: f64,
    /// Of a copy of the same bytes.
    copy: f64,
    /// Of the whole stack, where the function has a count of flops that all algorithms share.
    flops: Option<f64>,
    /// Flops a second.
    peak: f64,
}

impl Row {
    fn rate(&self) -> Option<f64> {
        self.flops.map(|flops| flops / self.seconds)
    }
    fn of_peak(&self) -> Option<f64> {
        self.rate().map(|rate| rate / self.peak)
    }
    fn of_copy(&self) -> f64 {
        self.copy / self.seconds
    }
}

/// Measures, and tells row by row.
pub(crate) fn run(asked: &Bench) -> Result<i32, Failure> {
    asked.threads.begin()?;
    interrupt::watch();
    let functions = match asked.functions.as_slice() {
        [] => Function::value_variants(),
        some => some,
    };
    let dtypes: Vec<_> = asked.dtype.iter().map(|dtype| dtype.0).collect();
    let progress =
        Progress::of_rows(functions.len() * dtypes.len() * asked.orders.len(), asked.json);
    // No work that a signal stops in its own time: until here it ends the process.
    let machine = machine(asked, &dtypes)?;
    let stop = Stoppable::new();
    if !asked.json {
        progress.aside(|| write!(io::stdout(), "{}", machine.heading()))?;
    }
    let mut rows = Vec::new();
    for &function in functions {
        for &(dtype, peak) in &machine.peaks {
            for &order in &asked.orders {
                let row = match dtype {
                    Dtype::F32 => measured::<f32>(asked, function, dtype, order, peak, &stop),
                    Dtype::F64 => measured::<f64>(asked, function, dtype, order, peak, &stop),
                    Dtype::C32 => measured::<c32>(asked, function, dtype, order, peak, &stop),
                    Dtype::C64 => measured::<c64>(asked, function, dtype, order, peak, &stop),
                }?;
                progress.add(1);
                if asked.json {
                    rows.push(row.json());
                } else {
                    progress.aside(|| writeln!(io::stdout(), "{}", row.line()))?;
                }
            }
        }
    }
    drop(progress);
    if asked.json {
        print_json(&json!({
            "operation": "bench",
            "version": env!("CARGO_PKG_VERSION"),
            "machine": machine.json(),
            "precision": "native",
            "rows": rows,
        }))?;
    }
    Ok(DONE)
}

fn machine(asked: &Bench, dtypes: &[Dtype]) -> Result<Machine, Failure> {
    let of = |error: ainv::Error| Failure::of(error, "bench");
    let info = ainv::device_info(ainv::Device::CPU).map_err(of)?;
    let peak = |&dtype| {
        let (threads, time) = (info.threads, asked.seconds);
        let peak = match dtype {
            Dtype::F32 => ainv::multiply_add_peak::<f32>(threads, time),
            Dtype::F64 => ainv::multiply_add_peak::<f64>(threads, time),
            Dtype::C32 => ainv::multiply_add_peak::<c32>(threads, time),
            Dtype::C64 => ainv::multiply_add_peak::<c64>(threads, time),
        }?;
        Ok((dtype, peak))
    };
    let peaks = dtypes.iter().map(peak).collect::<Result<_, _>>().map_err(of)?;
    let copy = limits::copy(COPY_BYTES, info.threads, asked.seconds).map_err(of)?;
    Ok(Machine { copy: 2.0 * COPY_BYTES as f64 / copy, peaks, info })
}

fn measured<T: Scalar>(
    asked: &Bench,
    function: Function,
    dtype: Dtype,
    order: usize,
    peak: f64,
    stop: &Stoppable,
) -> Result<Row, Failure> {
    let bytes = order.saturating_mul(order).saturating_mul(size_of::<T>());
    let matrices = asked.count.unwrap_or((STACK_BYTES / bytes).max(1));
    let of = |error| Failure::of(error, &format!("{matrices} {dtype} matrices of order {order}"));
    let mut work = Work::<T>::new(function, matrices, order, stop.cancel()).map_err(of)?;
    let seconds = clock::median(asked.seconds, || work.run()).map_err(of)?;
    let threads = ainv::num_threads();
    let copy = || limits::copy(work.bytes() / 2, threads, asked.seconds / 4);
    let copy = stop.waiting(copy).map_err(of)?;
    let flops = work::flops::<T>(function, order).map(|flops| flops * matrices as f64);
    Ok(Row { function, dtype, order, matrices, seconds, copy, flops, peak })
}

impl Machine {
    fn instruction_set(&self) -> String {
        self.info.instruction_set.map_or_else(String::new, |set| set.to_string())
    }

    fn heading(&self) -> String {
        let peaks: Vec<_> = self
            .peaks
            .iter()
            .map(|(dtype, peak)| format!("{:.1} GFLOP/s {dtype}", peak / 1e9))
            .collect();
        let (info, s) = (&self.info, if self.info.threads == 1 { "" } else { "s" });
        format!(
            "ainv {}, {}, {}, {} thread{s}\n\
             a copy of {}: {:.1} GB/s in and out; multiply-add peak: {}\n\n\
             {:<13} {:<10} {:>6} {:>9} {:>13} {:>9} {:>8} {:>8}\n",
            env!("CARGO_PKG_VERSION"),
            info.name,
            self.instruction_set(),
            info.threads,
            memory::human(COPY_BYTES as u64),
            self.copy / 1e9,
            peaks.join(", "),
            "function",
            "dtype",
            "order",
            "matrices",
            "us a matrix",
            "GFLOP/s",
            "of peak",
            "of copy",
        )
    }

    fn json(&self) -> Value {
        let peaks: Map<_, _> = self
            .peaks
            .iter()
            .map(|(dtype, peak)| (dtype.name().to_owned(), (*peak).into()))
            .collect();
        json!({
            "name": self.info.name,
            "instruction_set": self.instruction_set(),
            "threads": self.info.threads,
            "copy_bytes_per_second": self.copy,
            "peak_flops_per_second": peaks,
        })
    }
}

impl Row {
    fn name(&self) -> String {
        let value = self.function.to_possible_value();
        value.map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn line(&self) -> String {
        let or_none = |number: Option<f64>, digits: usize| {
            number.map_or_else(|| "-".to_owned(), |number| format!("{number:.digits$}"))
        };
        format!(
            "{:<13} {:<10} {:>6} {:>9} {:>13.4} {:>9} {:>8} {:>8.2}",
            self.name(),
            self.dtype.name(),
            self.order,
            self.matrices,
            self.seconds / self.matrices as f64 * 1e6,
            or_none(self.rate().map(|rate| rate / 1e9), 1),
            or_none(self.of_peak(), 2),
            self.of_copy(),
        )
    }

    fn json(&self) -> Value {
        json!({
            "function": self.name(),
            "dtype": self.dtype.name(),
            "order": self.order,
            "matrices": self.matrices,
            "seconds": self.seconds,
            "flops_per_second": self.rate(),
            "of_peak": self.of_peak(),
            "of_copy": self.of_copy(),
        })
    }
}
