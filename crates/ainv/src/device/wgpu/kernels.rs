//! The kernels, written once for four scalars: a precision (`precision.wgsl` with the constants of `single.wgsl`
//! or `double.wgsl`), a field (`real.wgsl`, `complex.wgsl`), and what works on its numbers.

use super::adapter::Gpu;
use crate::device::gpu::{Kernel, texts};
use crate::error::Error;
use ::wgpu as w;
use ainv_kernels::scalar::Scalar;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The files of the texts.
fn text(name: &str) -> &'static str {
    texts!(name, ".wgsl", "single", "double", "precision", "real", "complex")
}

/// The text of a kernel.
fn source<W: Scalar>(kernel: Kernel) -> String {
    let precision = if size_of::<W::Real>() == 4 { "single" } else { "double" };
    let field = if W::COMPLEX { "complex" } else { "real" };
    let sizes =
        kernel.sizes::<W>().into_iter().map(|(name, size)| format!("const {name} = {size}u;\n"));
    let texts = [precision, "precision", field, "outcome"]
        .into_iter()
        .chain(kernel.texts().iter().copied());
    sizes.chain(texts.map(|name| text(name).to_owned())).collect()
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
