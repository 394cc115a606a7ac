//! The kernels, written once for four scalars: a precision (`precision.wgsl` with the constants of `single.wgsl`
//! or `double.wgsl`), a field (`real.wgsl`, `complex.wgsl`), and what works on its numbers.

use super::adapter::Gpu;
use super::pinv::CUT;
use crate::error::Error;
use ::wgpu as w;
use ainv_kernels::scalar::Scalar;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The largest order, and the most columns of B, that one dispatch does, where the workgroups have the memory.
pub(super) const SMALL: usize = 32;
/// Invocations of a workgroup that does small matrices, at most.
const LANES: usize = 64;

/// Invocations of a workgroup that works by panels, at most.
pub(super) const WORKGROUP: usize = 256;

/// Rows and columns of the result that a workgroup makes of a product.
pub(super) const TILE: [usize; 2] = [32, 64];

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Work {
    Invert,
    /// With so many right-hand sides.
    Solve(usize),
    /// The inverse of a lower triangle, or of L L^H.
    Triangle {
        unit: bool,
        /// The caller counts its rows from the other end.
        reversed: bool,
        hermitian: bool,
    },
    /// The Cholesky factor of a positive definite matrix, of which the lower triangle is read, or its inverse.
    Definite {
        inverse: bool,
    },
    /// The pseudo-inverse of a matrix with so many columns, no fewer than its rows, which are its order.
    Pinv {
        columns: usize,
        /// The lower triangle says all.
        hermitian: bool,
    },
}

impl Work {
    /// Entries of a matrix of this order and of what stands behind it, if they can be counted.
    pub(super) fn given(self, order: usize) -> Option<usize> {
        match self {
            Work::Pinv { columns, .. } => order.checked_mul(columns)?.checked_add(CUT),
            work => order.checked_mul(order.checked_add(work.rhs())?),
        }
    }

    /// The columns of a result; of a pseudo-inverse, which has as many columns as the order, its rows.
    pub(super) fn across(self, order: usize) -> usize {
        match self {
            Work::Solve(rhs) => rhs,
            Work::Pinv { columns, .. } => columns,
            _ => order,
        }
    }

    /// Columns of B.
    pub(super) fn rhs(self) -> usize {
        if let Work::Solve(rhs) = self { rhs } else { 0 }
    }

    /// As triangle.wgsl has it.
    pub(super) fn mode(self) -> usize {
        match self {
            Work::Triangle { unit, reversed, hermitian } => {
                usize::from(unit) | usize::from(reversed) << 1 | usize::from(hermitian) << 2
            }
            Work::Definite { inverse } => 8 | usize::from(inverse) << 2,
            Work::Pinv { hermitian, .. } => usize::from(hermitian) << 2,
            _ => 0,
        }
    }
}

/// A kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    SmallInverse(Team),
    SmallSolve(Team),
    SmallTriangle(Team),
    SmallCholesky(Team),
    SmallPinv(Team),
    Scale,
    Load,
    Panel,
    Exchange,
    Product,
    Lift,
    Substitute,
    Store,
    Rhs,
    Solution,
    TriangleScale,
    TriangleLoad,
    TrianglePanel,
    TriangleStore,
    CholeskyScale,
    CholeskyPanel,
    PinvRows,
    PinvRotate,
    PinvRest,
    PinvLengths,
    Pinv,
}

/// How small matrices are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Team {
    order: usize,
    /// Columns of B that it has room for, or of a matrix that need not be square.
    rhs: usize,
    /// Invocations of a matrix.
    lanes: usize,
    /// Matrices of a workgroup.
    pub(super) matrices: usize,
}

impl Team {
    /// That of matrices of this order and their right-hand sides, if they are small and the workgroups have memory for
    /// one.
    pub(super) fn new<W: Scalar>(order: usize, work: Work, memory: usize) -> Option<Team> {
        // Powers of two: a kernel serves many shapes.
        let (order, rhs) = match work {
            Work::Solve(rhs) => (order, rhs.next_power_of_two()),
            Work::Pinv { columns, .. } => (order.next_power_of_two(), columns.next_power_of_two()),
            _ => (order, 0),
        };
        if order > SMALL || rhs > SMALL {
            return None;
        }
        // Of the smallest orders a matrix an invocation.
        let columns = order.max(rhs);
        let lanes = match work {
            // A pair of rows each.
            Work::Pinv { .. } => (order / 2).max(1),
            _ if columns <= 4 => 1,
            _ => columns.next_power_of_two(),
        };
        // As the kernels declare them, and what they are rounded up by.
        let matrix = ((order * (order + rhs)) | 1) + 2 * order;
        let bytes = matrix * size_of::<W>() + (8 * order + rhs) * 4 + 8;
        let matrices = (LANES / lanes).min(memory.saturating_sub(256) / bytes);
        (matrices > 0).then_some(Team { order, rhs, lanes, matrices })
    }

    pub(super) fn kernel(self, work: Work) -> Kernel {
        match work {
            Work::Invert => Kernel::SmallInverse(self),
            Work::Solve(_) => Kernel::SmallSolve(self),
            Work::Triangle { .. } => Kernel::SmallTriangle(self),
            Work::Definite { .. } => Kernel::SmallCholesky(self),
            Work::Pinv { .. } => Kernel::SmallPinv(self),
        }
    }
}

/// Columns of a panel: a square of them is in a workgroup's memory.
pub(super) const fn panel<W: Scalar>() -> usize {
    if size_of::<W>() <= 8 { 32 } else { 16 }
}

/// The text of a kernel.
fn source<W: Scalar>(kernel: Kernel) -> String {
    macro_rules! texts {
        ($($name:literal),+) => { &[$(include_str!(concat!("kernels/", $name, ".wgsl"))),+] };
    }
    let precision: &[&str] = match size_of::<W::Real>() {
        4 => texts!("single", "precision"),
        _ => texts!("double", "precision"),
    };
    let field: &[&str] =
        if W::COMPLEX { texts!("complex", "outcome") } else { texts!("real", "outcome") };
    let text: &[&str] = match kernel {
        Kernel::SmallInverse(_) => texts!("small", "closed", "small_inverse"),
        Kernel::SmallSolve(_) => texts!("small", "small_solve"),
        Kernel::SmallTriangle(_) => texts!("small", "triangle", "small_factor", "small_triangle"),
        Kernel::SmallCholesky(_) => texts!("small", "triangle", "small_factor", "small_cholesky"),
        Kernel::SmallPinv(_) => texts!("rotation", "small_pinv"),
        Kernel::Scale => texts!("blocked", "scale"),
        Kernel::Load => texts!("blocked", "load"),
        Kernel::Panel => texts!("blocked", "lower_block", "panel"),
        Kernel::Exchange => texts!("blocked", "exchange"),
        Kernel::Product => texts!("blocked", "product"),
        Kernel::Lift => texts!("blocked", "lift"),
        Kernel::Substitute => texts!("blocked", "substitute"),
        Kernel::Store => texts!("blocked", "store"),
        Kernel::Rhs => texts!("blocked", "rhs"),
        Kernel::Solution => texts!("blocked", "solution"),
        Kernel::TriangleScale => texts!("blocked", "triangle", "triangle_scale"),
        Kernel::TriangleLoad => texts!("blocked", "triangle", "triangle_load"),
        Kernel::TrianglePanel => texts!("blocked", "lower_block", "triangle", "triangle_panel"),
        Kernel::TriangleStore => texts!("blocked", "triangle", "triangle_store"),
        Kernel::CholeskyScale => texts!("blocked", "triangle", "cholesky_scale"),
        Kernel::CholeskyPanel => texts!("blocked", "triangle", "cholesky_panel"),
        Kernel::PinvRows => texts!("rotation", "rotations", "pinv_rows"),
        Kernel::PinvRotate => texts!("rotation", "rotations", "pinv_rotate"),
        Kernel::PinvRest => texts!("rotation", "rotations", "pinv_rest"),
        Kernel::PinvLengths => texts!("rotation", "rotations", "pinv_lengths"),
        Kernel::Pinv => texts!("rotation", "rotations", "pinv"),
    };
    let sizes = match kernel.team() {
        Some(Team { order, rhs, lanes, matrices }) => format!(
            "const N = {order}u; const RHS = {rhs}u; const WIDTH = {}u; const TEAM = {lanes}u; \
             const MATRICES = {matrices}u;\n",
            order + rhs
        ),
        // The slices of both factors of a product are in a workgroup's memory.
        None => format!(
            "const WORKGROUP = {WORKGROUP}u; const ROWS = {}u; const COLUMNS = {}u; const PANEL = {}u; \
             const SLICE = {}u;\n",
            TILE[0],
            TILE[1],
            panel::<W>(),
            if size_of::<W>() <= 8 { 16 } else { 8 }
        ),
    };
    [&[sizes.as_str()], precision, field, text].concat().concat()
}

impl Kernel {
    /// Of those that do small matrices.
    fn team(self) -> Option<Team> {
        match self {
            Kernel::SmallInverse(team)
            | Kernel::SmallSolve(team)
            | Kernel::SmallTriangle(team)
            | Kernel::SmallCholesky(team)
            | Kernel::SmallPinv(team) => Some(team),
            _ => None,
        }
    }
}

/// Where the uniform of a call is bound.
pub(super) const CALL: u32 = 3;

/// The kernels of a device, compiled when they are first used.
pub(super) struct Kernels {
    pub(super) small: w::BindGroupLayout,
    pub(super) blocked: w::BindGroupLayout,
    compiled: Mutex<HashMap<(&'static str, Kernel), w::ComputePipeline>>,
}

impl Kernels {
    pub(super) fn new(device: &w::Device) -> Kernels {
        // The call's own numbers differ among the dispatches of larger orders.
        let layout = |buffers: u32, first_is_read: bool| {
            let entries: Vec<_> = (0..buffers)
                .map(|binding| w::BindGroupLayoutEntry {
                    binding,
                    visibility: w::ShaderStages::COMPUTE,
                    ty: w::BindingType::Buffer {
                        ty: match binding {
                            CALL => w::BufferBindingType::Uniform,
                            _ => w::BufferBindingType::Storage {
                                read_only: binding == 0 && first_is_read,
                            },
                        },
                        has_dynamic_offset: binding == CALL,
                        min_binding_size: None,
                    },
                    count: None,
                })
                .collect();
            device.create_bind_group_layout(&w::BindGroupLayoutDescriptor {
                label: None,
                entries: &entries,
            })
        };
        Kernels { small: layout(4, true), blocked: layout(8, false), compiled: Mutex::default() }
    }

    /// A kernel for a scalar.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::OutOfMemory`]; it is tried again then, when it is asked for again.
    pub(super) fn get<W: Scalar>(
        &self,
        gpu: &Gpu,
        kernel: Kernel,
    ) -> Result<w::ComputePipeline, Error> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (W::NAME, kernel);
        if let Some(pipeline) = compiled.get(&name) {
            return Ok(pipeline.clone());
        }
        let text = source::<W>(kernel);
        let pipeline = gpu.guarded(text.len(), |device| {
            let label = format!("ainv {kernel:?} {}", W::NAME);
            let layout = if kernel.team().is_some() { &self.small } else { &self.blocked };
            let layout = device.create_pipeline_layout(&w::PipelineLayoutDescriptor {
                label: None,
                bind_group_layouts: &[Some(layout)],
                immediate_size: 0,
            });
            let module = device.create_shader_module(w::ShaderModuleDescriptor {
                label: Some(&label),
                source: w::ShaderSource::Wgsl(text.as_str().into()),
            });
            Ok(device.create_compute_pipeline(&w::ComputePipelineDescriptor {
                label: Some(&label),
                layout: Some(&layout),
                module: &module,
                entry_point: Some("main"),
                // The kernels write what they read.
                compilation_options: w::PipelineCompilationOptions {
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache: None,
            }))
        })?;
        compiled.insert(name, pipeline.clone());
        Ok(pipeline)
    }
}
