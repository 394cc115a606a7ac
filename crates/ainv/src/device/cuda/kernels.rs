//! The kernels' texts, and their code on a device: compiled when they are first used.

use super::compiler::compiler;
use super::device::Gpu;
use super::driver::{Driver, Handle};
use crate::device::gpu::{Kernel, Task, Work, texts};
use crate::error::Error;
use ainv_kernels::scalar::{Scalar, c32, c64};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Bytes of static shared memory that every architecture has for a block.
pub(super) const SHARED: usize = 48 << 10;

/// The files of the texts.
fn text(name: &str) -> &'static str {
    texts!(
        name,
        ".cu",
        "number",
        "together",
        "strided",
        "gather",
        "scatter",
        "info",
        "condition",
        "norms",
        "near_one",
        "diagonal_condition"
    )
}

/// A kernel that both back-ends have, or one of CUDA's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Name {
    Shared(Kernel),
    /// Dense copies of matrices; and results in their places. `single`: the matrices are of single precision, the work is
    /// done in double.
    Gather {
        single: bool,
    },
    Scatter {
        single: bool,
    },
    /// The numbers of zero pivots.
    Info,
    /// Of condition numbers.
    Norms,
    NearOne,
    DiagonalCondition,
}

impl From<Kernel> for Name {
    fn from(kernel: Kernel) -> Name {
        Name::Shared(kernel)
    }
}

impl Name {
    /// The files of its text, behind those of its numbers.
    fn texts(&self) -> &'static [&'static str] {
        match self {
            Name::Shared(kernel) => kernel.texts(),
            Name::Gather { .. } => &["strided", "gather"],
            Name::Scatter { .. } => &["strided", "scatter"],
            Name::Info => &["info"],
            Name::Norms => &["condition", "norms"],
            Name::NearOne => &["condition", "near_one"],
            Name::DiagonalCondition => &["condition", "diagonal_condition"],
        }
    }

    fn sizes<W: Scalar>(&self) -> Vec<(&'static str, usize)> {
        if let Name::Shared(kernel) = self { kernel.sizes::<W>() } else { vec![] }
    }
}

/// Threads of a block of a kernel that is CUDA's alone.
pub(super) const LANES: usize = 256;

/// The text of a kernel.
fn source<W: Scalar>(name: Name) -> String {
    let real = if size_of::<W::Real>() == 4 { "float" } else { "double" };
    let number = if W::COMPLEX { "Complex" } else { "Real" };
    let mut types = format!("using Real = {real};\nstruct Complex;\nusing Number = {number};\n");
    if let Name::Gather { single } | Name::Scatter { single } = name {
        let real = if single { "float" } else { real };
        types += &format!(
            "using OuterReal = {real};\nstruct OuterComplex;\nusing Outer = Outer{number};\n"
        );
    }
    let sizes = name
        .sizes::<W>()
        .into_iter()
        .map(|(name, size)| format!("constexpr unsigned {name} = {size};\n"));
    let texts = ["number", "outcome", "together"].into_iter().chain(name.texts().iter().copied());
    [types].into_iter().chain(sizes).chain(texts.map(|name| text(name).to_owned())).collect()
}

/// A module, and its kernel.
#[derive(Clone, Copy)]
struct Loaded {
    module: Handle,
    function: Handle,
}

/// The kernels of a device.
#[derive(Default)]
pub(super) struct Kernels(Mutex<HashMap<(&'static str, Name), Loaded>>);

impl Kernels {
    /// # Safety
    /// In their context, when nothing of them runs.
    pub(super) unsafe fn free(&self, driver: &Driver) {
        let mut loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, Loaded { module, .. }) in loaded.drain() {
            // SAFETY: as above.
            unsafe { (driver.cuModuleUnload)(module) };
        }
    }
}

impl Gpu {
    /// A kernel for a scalar, in the device's context.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::OutOfMemory`]; it is tried again then, when it is asked for again.
    pub(super) fn kernel<W: Scalar>(&self, kernel: Name) -> Result<Handle, Error> {
        let mut loaded = self.kernels.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (W::NAME, kernel);
        if let Some(loaded) = loaded.get(&name) {
            return Ok(loaded.function);
        }
        let code =
            self.compiler.compile(&source::<W>(kernel), self.architecture).map_err(|why| {
                self.failed(format!(
                    "its kernel {kernel:?} {} could not be compiled: {why}",
                    W::NAME
                ))
            })?;
        let (mut module, mut function) = (0, 0);
        // SAFETY: code that NVRTC made, with the zero at its end where it is a text; they write handles.
        let outcome = unsafe { (self.driver.cuModuleLoadData)(&mut module, code.as_ptr().cast()) };
        self.allocated(outcome, code.len())?;
        // SAFETY: as above.
        let outcome =
            unsafe { (self.driver.cuModuleGetFunction)(&mut function, module, c"kernel".as_ptr()) };
        // Drivers may load its code no sooner than now.
        self.allocated(outcome, code.len()).inspect_err(|_| {
            // SAFETY: nothing of it runs.
            unsafe { (self.driver.cuModuleUnload)(module) };
        })?;
        loaded.insert(name, Loaded { module, function });
        Ok(function)
    }
}

/// Compiles every kernel for every scalar and, of the small ones, some orders, for an architecture, without a device: how
/// many there are. For tests.
///
/// # Errors
/// What the compiler says.
#[doc(hidden)]
pub fn compile_all(architecture: i32) -> Result<usize, String> {
    fn all<W: Scalar>(architecture: i32) -> Result<usize, String> {
        let triangle = |hermitian| Work::Triangle { unit: false, reversed: false, hermitian };
        let mut kernels =
            HashSet::from([Name::Info, Name::Norms, Name::NearOne, Name::DiagonalCondition]);
        for single in [false, size_of::<W>() == size_of::<W::Wide>()] {
            kernels.extend([Name::Gather { single }, Name::Scatter { single }]);
        }
        for order in [2, 8, 32, 40, 600] {
            let solves = [1, 32].map(|k| [Work::Solve(k), Work::DefiniteSolve(k)]);
            let diagonal = Work::DiagonalSolve(1);
            let definite = Work::Definite { inverse: true };
            let pinv = Work::Pinv { columns: order, hermitian: false };
            for work in [Work::Invert, triangle(false), triangle(true), definite, pinv, diagonal]
                .iter()
                .chain(solves.as_flattened())
            {
                let dispatches = Task::<W>::new(order, *work, SHARED).dispatches(1, false, 1);
                kernels.extend(dispatches.all.iter().map(|dispatch| Name::Shared(dispatch.kernel)));
            }
        }
        let compiler = compiler(architecture)?;
        kernels.par_iter().try_for_each(|&kernel| {
            let code = compiler.compile(&source::<W>(kernel), architecture);
            code.map(drop).map_err(|why| format!("{kernel:?} {}: {why}", W::NAME))
        })?;
        Ok(kernels.len())
    }
    let each = [all::<f32>, all::<f64>, all::<c32>, all::<c64>];
    each.iter().map(|all| all(architecture)).sum()
}
