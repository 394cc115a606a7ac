//! cuBLAS, which does the large products of matrices by blocks. Its types are those of cublas_v2.h. It is loaded when the first
//! such matrix comes, or when somebody asks for the device's description; where there is none, product.cu does them.
//!
//! It has our memory for its workspace and one stream at a time, so that its results have the same bits each time, on the same
//! card by the same version. Its default mode has no TF32; complex products may be made of three real ones.

use super::device::Gpu;
use super::driver::{Address, Handle, NOT_READY, driver};
use super::library::functions;
use crate::device::gpu::Product;
use crate::error::Error;
use ainv_kernels::scalar::{RealScalar, Scalar};
use core::ffi::{c_int, c_void};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A product: the handle, whether A and B are transposed, the sizes of C and the depth, alpha, A and its leading dimension, B
/// and its, beta, C and its.
macro_rules! gemm {
    ($($name:ident),+) => {
        functions! {
            /// The library's functions.
            Functions {
                cublasGetProperty(c_int, *mut c_int);
                cublasCreate_v2(*mut Handle);
                cublasDestroy_v2(Handle);
                cublasSetStream_v2(Handle, Handle);
                cublasSetWorkspace_v2(Handle, Address, usize);
                $($name(
                    Handle, c_int, c_int, c_int, c_int, c_int, *const c_void, Address, c_int, Address, c_int, *const c_void,
                    Address, c_int
                );)+
            }
        }
    };
}
gemm!(cublasSgemm_v2, cublasDgemm_v2, cublasCgemm_v2, cublasZgemm_v2);

/// CUBLAS_OP_N, CUBLAS_OP_T.
const AS_IT_IS: c_int = 0;
const TRANSPOSED: c_int = 1;
/// CUBLAS_STATUS_ALLOC_FAILED.
const OUT_OF_MEMORY: c_int = 3;

/// The major versions that we know, and the oldest architecture that each of them has.
const VERSIONS: [(c_int, c_int); 3] = [(13, 75), (12, 50), (11, 35)];

/// The newest one that is here and has the architecture, and is not newer than the driver.
fn functions(architecture: c_int) -> Option<&'static Functions> {
    static FUNCTIONS: OnceLock<Option<Functions>> = OnceLock::new();
    let find = || {
        let newest = driver().and_then(|driver| driver.version()).ok()? / 1000;
        let name = |major: c_int| match cfg!(windows) {
            true => format!("cublas64_{major}.dll"),
            false => format!("libcublas.so.{major}"),
        };
        let fits = |&(major, oldest): &(c_int, c_int)| major <= newest && oldest <= architecture;
        VERSIONS
            .iter()
            .filter(|version| fits(version))
            .find_map(|&(major, _)| Functions::open(&name(major)).ok())
    };
    FUNCTIONS.get_or_init(find).as_ref()
}

/// In words, for those who ask what serves them.
pub(super) fn version(architecture: c_int) -> String {
    let Some(functions) = functions(architecture) else { return "without cuBLAS".into() };
    let [major, minor] = [0, 1].map(|which| {
        let mut number = 0;
        // SAFETY: it writes a number.
        unsafe { (functions.cublasGetProperty)(which, &mut number) };
        number
    });
    format!("cuBLAS {major}.{minor}")
}

/// The library, opened in the device's context.
pub(super) struct Products {
    functions: &'static Functions,
    /// It has one stream at a time.
    handle: Mutex<Handle>,
}

impl Gpu {
    /// What does large products, if there is such a thing: opened when it is first asked for. One that cannot be opened, for want
    /// of memory, too, is not asked again before the device is opened anew.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(super) fn products(&self) -> Result<Option<&Products>, Error> {
        if let Some(products) = self.products.get() {
            return Ok(products.as_ref());
        }
        let _entered = self.enter()?;
        let products = functions(self.architecture).and_then(|functions| {
            let mut handle = 0;
            // SAFETY: it writes a handle.
            let mut create = || unsafe { (functions.cublasCreate_v2)(&mut handle) } == 0;
            let created = create() || {
                // SAFETY: their context was entered.
                unsafe { self.rooms.free(self.driver) };
                create()
            };
            created.then(|| Products { functions, handle: Mutex::new(handle) })
        });
        // Another thread may have been faster.
        if let Err(Some(late)) = self.products.set(products) {
            // SAFETY: its own, unused.
            unsafe { late.free() };
        }
        Ok(self.products.get().and_then(Option::as_ref))
    }

    /// Bytes of its workspace, as NVIDIA advises.
    pub(super) fn workspace(&self) -> u64 {
        if self.architecture >= 90 { 32 << 20 } else { 4 << 20 }
    }

    /// What a call of cuBLAS came to. A context that failed it says as such, and that is what the driver is asked about.
    fn multiplied(&self, outcome: c_int, stream: Handle) -> Result<(), Error> {
        match outcome {
            0 => Ok(()),
            OUT_OF_MEMORY => Err(Error::OutOfMemory { bytes: self.workspace() as usize }),
            outcome => {
                // SAFETY: the stream of the work.
                match unsafe { (self.driver.cuStreamQuery)(stream) } {
                    0 | NOT_READY => Err(self.failed(format!("cuBLAS's error {outcome}"))),
                    context => self.ok(context),
                }
            }
        }
    }

    /// Enqueues C -= A B for each matrix of a dispatch.
    ///
    /// # Safety
    /// The products' operands lie in the panels and the matrices, which are kept until the stream is done, and the workspace too.
    pub(super) unsafe fn multiply<W: Scalar>(
        &self,
        products: &Products,
        product: &Product,
        [panels, matrices, workspace]: [Address; 3],
        stream: Handle,
    ) -> Result<(), Error> {
        let Products { functions, handle } = products;
        let handle = handle.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the library's handle, and the stream and the memory that the caller promises. The stream comes first: it
        // takes the workspace away.
        let told = unsafe {
            match (functions.cublasSetStream_v2)(*handle, stream) {
                0 => {
                    let bytes = self.workspace() as usize;
                    (functions.cublasSetWorkspace_v2)(*handle, workspace, bytes)
                }
                failed => failed,
            }
        };
        self.multiplied(told, stream)?;
        let gemm = match (W::COMPLEX, size_of::<W::Real>()) {
            (false, 4) => functions.cublasSgemm_v2,
            (false, _) => functions.cublasDgemm_v2,
            (true, 4) => functions.cublasCgemm_v2,
            (true, _) => functions.cublasZgemm_v2,
        };
        // Ours are row by row, the library's column by column: what it is given, and gives, is the transpose, C^T -= B^T A^T.
        let Product { height, columns, depth, a: [left, row, column], b, c, step, next, .. } =
            *product;
        let (a_is, leading) = if column == 1 { (AS_IT_IS, row) } else { (TRANSPOSED, column) };
        let [m, n, k, step, leading] =
            [columns, height, depth, step, leading].map(|size| size as c_int);
        let one = W::from_re(W::Real::ONE);
        let minus = -one;
        let entry = size_of::<W>() as Address;
        for matrix in 0..product.matrices {
            let in_matrices = |at: usize| matrices + (at + matrix * next[1]) as Address * entry;
            let a = panels + (left + matrix * next[0]) as Address * entry;
            // SAFETY: the caller's promise; alpha and beta are read before it returns. Rows of B and of C do not meet.
            let told = unsafe {
                gemm(
                    *handle,
                    AS_IT_IS,
                    a_is,
                    m,
                    n,
                    k,
                    (&raw const minus).cast(),
                    in_matrices(b),
                    step,
                    a,
                    leading,
                    (&raw const one).cast(),
                    in_matrices(c),
                    step,
                )
            };
            self.multiplied(told, stream)?;
        }
        Ok(())
    }
}

impl Products {
    /// # Safety
    /// In its context, and nothing of it is used afterwards.
    pub(super) unsafe fn free(self) {
        let handle = self.handle.into_inner().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the caller's promise.
        unsafe { (self.functions.cublasDestroy_v2)(handle) };
    }
}
