//! What can be asked of the command.

use crate::failure::Failure;
use crate::memory;
use ainv_io::{Dtype, Format};
use clap::builder::{PossibleValue, PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// For help and manual.
pub(crate) const EXIT_CODES: &str = "\
0 all done; 1 some matrices could not be inverted; 2 wrong usage; 3 a file could not be read or \
written; 128 and the signal's number if a signal (130: Ctrl-C) stopped the work. Of several files \
the largest code.";
pub(crate) const ENVIRONMENT: &str = "\
AINV_NUM_THREADS sets the threads, AINV_ISA an instruction set (see ainv config); NO_COLOR switches \
colours off, CLICOLOR_FORCE=1 on.";

/// Inverses of matrices, and of stacks of matrices, at the speed of the hardware.
///
/// Files by their ending: .npy (a matrix or a stack of any shape), .npz and .safetensors (several
/// of them, by name), .mtx, .csv and .tsv (one matrix). A dash is standard input or output.
#[derive(Parser)]
#[command(
    name = "ainv",
    version,
    after_help = format!("Exit code: {EXIT_CODES}\n\nEnvironment: {ENVIRONMENT}")
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Compute(Operation),
    /// How far the inverses can be trusted, and what to do if not.
    Report(Report),
    /// How fast this machine computes, beside what it could do at most.
    Bench(Bench),
    /// What files hold.
    Info {
        /// The files; a pattern in quotes stands for all that match, `-` for standard input.
        #[arg(required = true, value_name = "FILE")]
        inputs: Vec<PathBuf>,
        /// The format of standard input, and of files whose ending tells none.
        #[arg(long, value_parser = format())]
        format: Option<Format>,
        /// Print one JSON object a file instead.
        #[arg(long)]
        json: bool,
    },
    /// The version, the instruction sets and the threads.
    Config,
    /// A completion script for a shell, on standard output.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// The manual page, on standard output.
    Man {
        /// Write this page and one for each command into this folder instead.
        #[arg(short, long, value_name = "FOLDER")]
        output: Option<PathBuf>,
    },
}

/// Prints a table for each file: condition, residuals, structure and rank of its matrices, what that
/// means, and what to do about the worst.
#[derive(clap::Args)]
pub(crate) struct Report {
    /// The files of the matrices; a pattern in quotes stands for all that match, `-` for standard
    /// input.
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Write it as a page with pictures, too, whole or not at all: a file that any browser shows and
    /// that needs no other. `-` prints the page instead of the table.
    #[arg(long, value_name = "OUT")]
    pub(crate) html: Option<PathBuf>,
    /// What is known of the matrices, hence what is read of them.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) assume: Assume,
    #[command(flatten)]
    pub(crate) common: Common,
    /// The scalar to compute in [default: the file's].
    #[arg(long)]
    pub(crate) dtype: Option<Scalar>,
    /// Print one JSON object a file instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Measures the functions on stacks of random matrices in native precision. Beside each time stand its
/// shares of two limits of the same run: of the multiply-add peak, and of a copy of the same bytes.
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// The functions [default: all].
    #[arg(value_enum, value_name = "FUNCTION")]
    pub(crate) functions: Vec<Function>,
    /// The orders of the matrices.
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        default_value = "3,4,8,16,32,64,256,1024",
        value_parser = RangedU64ValueParser::<usize>::new().range(1..)
    )]
    pub(crate) orders: Vec<usize>,
    /// The scalars.
    #[arg(long, value_name = "DTYPE,...", value_delimiter = ',', default_value = "float64")]
    pub(crate) dtype: Vec<Scalar>,
    /// Matrices in a stack [default: as many as take 4 MB, at least one].
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) count: Option<usize>,
    #[command(flatten)]
    pub(crate) threads: Threads,
    /// Seconds that each row of the table is measured for; at least three calls are.
    #[arg(long, value_name = "X", default_value = "0.25", value_parser = seconds)]
    pub(crate) seconds: Duration,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `ainv bench` measures.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Function {
    /// The inverses.
    Inv,
    /// The inverses of positive definite matrices, said to be so.
    PosdefInv,
    /// The Moore-Penrose inverses, here of matrices of full rank.
    Pinv,
    /// The Cholesky factors.
    Cholesky,
    /// The inverses of A, from L with A = L L^H.
    CholeskyInv,
    /// The inverses of triangles.
    TriInv,
    /// x with A x = b, of one right-hand side.
    Solve,
    /// Reciprocal condition numbers.
    Rcond,
}

/// How many threads work may use.
#[derive(clap::Args)]
pub(crate) struct Threads {
    /// Threads [default: AINV_NUM_THREADS, or the cores].
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    threads: Option<usize>,
}

impl Threads {
    /// Makes the machine ready: the threads that were asked for, and an instruction set that it has.
    pub(crate) fn begin(&self) -> Result<(), Failure> {
        let usage = |error: ainv::Error| Failure::Usage(error.to_string());
        if let Some(threads) = self.threads {
            ainv::set_num_threads(threads).map_err(usage)?;
        }
        ainv::instruction_set().map(drop).map_err(usage)
    }
}

/// What every command that computes takes of its files, and of the machine.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// The format of standard input, and of files whose ending tells none.
    #[arg(long, value_parser = format())]
    pub(crate) format: Option<Format>,
    /// Of an .npz or .safetensors file this array alone; may be given again.
    #[arg(long = "array", value_name = "NAME")]
    pub(crate) arrays: Vec<String>,
    #[command(flatten)]
    pub(crate) threads: Threads,
    /// Memory for matrices, as 512M or 2G; a longer stack goes through it in parts, but not through a
    /// report [default: half of what is available].
    #[arg(long, value_name = "SIZE", value_parser = memory::size)]
    max_memory: Option<u64>,
}

impl Common {
    /// Bytes for matrices.
    pub(crate) fn memory(&self) -> u64 {
        self.max_memory.unwrap_or_else(|| ainv_io::available_memory() / 2)
    }
}

#[derive(Subcommand)]
pub(crate) enum Operation {
    /// The inverses.
    Inv {
        #[command(flatten)]
        files: Files,
        /// What is known of the matrices, hence what is read of them.
        #[arg(long, value_enum, default_value_t)]
        assume: Assume,
        /// What becomes of a matrix without an inverse.
        #[arg(long, value_enum, default_value = "raise", value_name = "WHAT")]
        on_singular: InvOnSingular,
    },
    /// The Moore-Penrose inverses.
    Pinv {
        #[command(flatten)]
        files: Files,
        /// Singular values up to this share of the largest count as zero.
        #[arg(long, value_name = "X", value_parser = tolerance, allow_negative_numbers = true)]
        rtol: Option<f64>,
        /// Singular values up to this count as zero.
        #[arg(long, value_name = "X", value_parser = tolerance, allow_negative_numbers = true)]
        atol: Option<f64>,
        /// The matrices are Hermitian; the lower triangle is read.
        #[arg(long)]
        hermitian: bool,
        #[command(flatten)]
        bad: Bad,
    },
    /// The inverses of A, from L with A = L L^H.
    CholeskyInv {
        #[command(flatten)]
        files: Files,
        /// The file holds U with A = U^H U.
        #[arg(long)]
        upper: bool,
        #[command(flatten)]
        bad: Bad,
    },
    /// The inverses of triangles; the other triangle is not read.
    TriInv {
        #[command(flatten)]
        files: Files,
        /// The upper triangle is meant.
        #[arg(long)]
        upper: bool,
        /// The diagonal is one and not read.
        #[arg(long)]
        unit_diagonal: bool,
        #[command(flatten)]
        bad: Bad,
    },
    /// X with A X = B.
    Solve {
        #[command(flatten)]
        files: Files,
        /// The file of B: as many matrices as A or one for all, under A's names or one array.
        b: PathBuf,
        /// What is known of the matrices, hence what is read of them.
        #[arg(long, value_enum, default_value_t)]
        assume: Assume,
        #[command(flatten)]
        bad: Bad,
    },
    /// Reciprocal condition numbers in the 1-norm: one a matrix, as a column.
    Rcond {
        #[command(flatten)]
        files: Files,
        /// What is known of the matrices, hence what is read of them.
        #[arg(long, value_enum, default_value_t)]
        assume: Assume,
    },
}

impl Operation {
    pub(crate) fn files(&self) -> &Files {
        match self {
            Operation::Inv { files, .. }
            | Operation::Pinv { files, .. }
            | Operation::CholeskyInv { files, .. }
            | Operation::TriInv { files, .. }
            | Operation::Solve { files, .. }
            | Operation::Rcond { files, .. } => files,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Operation::Inv { .. } => "inv",
            Operation::Pinv { .. } => "pinv",
            Operation::CholeskyInv { .. } => "cholesky-inv",
            Operation::TriInv { .. } => "tri-inv",
            Operation::Solve { .. } => "solve",
            Operation::Rcond { .. } => "rcond",
        }
    }

    pub(crate) fn on_singular(&self) -> ainv::OnSingular {
        match self {
            Operation::Inv { on_singular, .. } => match on_singular {
                InvOnSingular::Raise => ainv::OnSingular::Raise,
                InvOnSingular::Nan => ainv::OnSingular::Nan,
                InvOnSingular::Pinv => ainv::OnSingular::Pinv,
            },
            Operation::Pinv { bad, .. }
            | Operation::CholeskyInv { bad, .. }
            | Operation::TriInv { bad, .. }
            | Operation::Solve { bad, .. } => match bad.on_singular {
                OnSingular::Raise => ainv::OnSingular::Raise,
                OnSingular::Nan => ainv::OnSingular::Nan,
            },
            Operation::Rcond { .. } => ainv::OnSingular::Nan,
        }
    }

    pub(crate) fn assume(&self) -> ainv::Assume {
        match self {
            Operation::Inv { assume, .. }
            | Operation::Solve { assume, .. }
            | Operation::Rcond { assume, .. } => assume.to_ainv(),
            _ => ainv::Assume::Auto,
        }
    }
}

/// What every operation takes.
#[derive(clap::Args)]
pub(crate) struct Files {
    /// The files of the matrices; a pattern in quotes stands for all that match, `-` for standard
    /// input.
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Where the result goes, whole or not at all: a file, `-` for standard output, or a folder in
    /// which each result has its input's name (one that ends in `/` is made). Without it a small
    /// result is printed.
    #[arg(short, long)]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
    /// The outputs' format [default: by their ending; in a pipe or a folder the input's].
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub(crate) to: Option<Format>,
    /// The scalar to compute and to write in [default: the file's].
    #[arg(long)]
    pub(crate) dtype: Option<Scalar>,
    /// Print one JSON object a file instead of the summary.
    #[arg(long)]
    pub(crate) json: bool,
    /// No summary and no progress; what goes wrong is still said.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(clap::Args)]
pub(crate) struct Bad {
    /// What becomes of a matrix without a result.
    #[arg(long, value_enum, default_value = "raise", value_name = "WHAT")]
    on_singular: OnSingular,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum OnSingular {
    /// Nothing is written, and the message names it.
    Raise,
    /// It is filled with NaN.
    Nan,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum InvOnSingular {
    /// Nothing is written, and the message names it.
    Raise,
    /// It is filled with NaN.
    Nan,
    /// It gets its pseudo-inverse.
    Pinv,
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(crate) enum Assume {
    /// Nothing; structure is looked for where looking is cheap.
    #[default]
    Auto,
    /// Nothing, and structure is not looked for.
    General,
    /// A = A^T; the lower triangle is read.
    Symmetric,
    /// A = A^H; the lower triangle is read.
    Hermitian,
    /// Hermitian and positive definite; the lower triangle is read.
    Posdef,
    /// A lower triangle.
    Lower,
    /// An upper triangle.
    Upper,
    /// A diagonal.
    Diagonal,
}

impl Assume {
    pub(crate) fn to_ainv(self) -> ainv::Assume {
        match self {
            Assume::Auto => ainv::Assume::Auto,
            Assume::General => ainv::Assume::General,
            Assume::Symmetric => ainv::Assume::Symmetric,
            Assume::Hermitian => ainv::Assume::Hermitian,
            Assume::Posdef => ainv::Assume::Posdef,
            Assume::Lower => ainv::Assume::Lower,
            Assume::Upper => ainv::Assume::Upper,
            Assume::Diagonal => ainv::Assume::Diagonal,
        }
    }
}

/// A [`Dtype`] by its name.
#[derive(Clone, Copy)]
pub(crate) struct Scalar(pub(crate) Dtype);

impl ValueEnum for Scalar {
    fn value_variants<'a>() -> &'a [Scalar] {
        &[Scalar(Dtype::F32), Scalar(Dtype::F64), Scalar(Dtype::C32), Scalar(Dtype::C64)]
    }
    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

/// A format by its ending.
fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::ending)).try_map(|name| name.parse())
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(x) if x >= 0.0 => Ok(x),
        Ok(_) => Err("must not be negative or NaN".to_owned()),
        Err(_) => Err("not a number".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "not a number".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("must be a time that is more than nothing".to_owned()),
    }
}
