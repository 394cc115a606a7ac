//! NVRTC. Its types are those of nvrtc.h.

use super::driver::{Handle, driver};
use super::library::functions;
use core::ffi::{c_char, c_int};
use std::ffi::CString;

functions! {
    /// The compiler's functions.
    Compiler {
        nvrtcCreateProgram(*mut Handle, *const c_char, *const c_char, c_int, *const *const c_char, *const *const c_char);
        nvrtcDestroyProgram(*mut Handle);
        nvrtcCompileProgram(Handle, c_int, *const *const c_char);
        nvrtcGetProgramLogSize(Handle, *mut usize);
        nvrtcGetProgramLog(Handle, *mut c_char);
        nvrtcGetCUBINSize(Handle, *mut usize);
        nvrtcGetCUBIN(Handle, *mut c_char);
        nvrtcGetPTXSize(Handle, *mut usize);
        nvrtcGetPTX(Handle, *mut c_char);
        nvrtcGetNumSupportedArchs(*mut c_int);
        nvrtcGetSupportedArchs(*mut c_int);
    }
}

/// The major versions that we know.
const OLDEST: c_int = 11;
const NEWEST: c_int = 13;

/// The newest compiler that knows the architecture, or an older one from whose code the driver goes on; or why there is none.
/// It is not newer than the driver, which would not load its code.
///
/// # Errors
/// In words.
pub(super) fn compiler(architecture: c_int) -> Result<Compiler, String> {
    // Without a driver there is nothing to fit: the texts can be compiled all the same.
    let newest =
        driver().and_then(|driver| driver.version()).map_or(NEWEST, |version| version / 1000);
    let name = |major: c_int| match (cfg!(windows), major) {
        (true, 11) => "nvrtc64_112_0.dll".into(),
        (true, _) => format!("nvrtc64_{major}0_0.dll"),
        (false, 11) => "libnvrtc.so.11.2".into(),
        (false, _) => format!("libnvrtc.so.{major}"),
    };
    let mut why = vec![];
    for name in (OLDEST..=newest.min(NEWEST)).rev().map(name) {
        match Compiler::open(&name) {
            Ok(compiler) if compiler.newest_up_to(architecture).is_some() => return Ok(compiler),
            Ok(_) => why.push(format!("{name} knows no sm_{architecture}")),
            Err(what) => why.push(what),
        }
    }
    if newest < OLDEST {
        why.push(format!("the driver serves CUDA {newest}, NVRTC must be of {OLDEST} or later"));
    }
    Err(format!(
        "CUDA's compiler NVRTC is not here: {} (it comes with the CUDA toolkit, with PyTorch, and as Python's package \
         nvidia-cuda-nvrtc-cu12; its folder belongs into LD_LIBRARY_PATH, on Windows into PATH)",
        why.join(", ")
    ))
}

/// A program, destroyed at its end.
struct Program<'a>(&'a Compiler, Handle);

impl Drop for Program<'_> {
    fn drop(&mut self) {
        // SAFETY: it was created, and is used by no one else.
        unsafe { (self.0.nvrtcDestroyProgram)(&mut self.1) };
    }
}

impl Compiler {
    /// The newest architecture that it knows up to this one.
    fn newest_up_to(&self, architecture: c_int) -> Option<c_int> {
        let mut count = 0;
        // One that fails leaves none.
        // SAFETY: it writes a number.
        unsafe { (self.nvrtcGetNumSupportedArchs)(&mut count) };
        let mut all = vec![0; usize::try_from(count).unwrap_or(0)];
        // SAFETY: it writes so many numbers.
        unsafe { (self.nvrtcGetSupportedArchs)(all.as_mut_ptr()) };
        all.into_iter().filter(|&known| known <= architecture).max()
    }

    /// A kernel's code for an architecture: that of the device itself or, where the compiler is older than the device, of
    /// the newest one that it knows, from which the driver goes on.
    ///
    /// # Errors
    /// In words.
    pub(super) fn compile(&self, text: &str, architecture: c_int) -> Result<Vec<u8>, String> {
        let known = self.newest_up_to(architecture);
        let known = known.ok_or_else(|| format!("NVRTC knows no sm_{architecture}"))?;
        let is_own = known == architecture;
        let options = [
            format!("--gpu-architecture={}_{known}", if is_own { "sm" } else { "compute" }),
            "--std=c++17".into(),
            "--device-as-default-execution-space".into(),
            // As the CPU rounds: contractions are written where they are meant.
            "--fmad=false".into(),
            "--ftz=false".into(),
            "--prec-div=true".into(),
            "--prec-sqrt=true".into(),
        ];
        let c = |text: &str| CString::new(text).map_err(|_| "a zero in a kernel's text".to_owned());
        let (text, name) = (c(text)?, c("ainv.cu")?);
        let options = options.iter().map(|option| c(option)).collect::<Result<Vec<_>, _>>()?;
        let options: Vec<*const c_char> = options.iter().map(|option| option.as_ptr()).collect();
        let mut program = Program(self, 0);
        let nothing = std::ptr::null();
        // SAFETY: it reads two texts, and writes a handle.
        let created = unsafe {
            (self.nvrtcCreateProgram)(
                &mut program.1,
                text.as_ptr(),
                name.as_ptr(),
                0,
                nothing,
                nothing,
            )
        };
        if created != 0 {
            return Err(format!("NVRTC's error {created}"));
        }
        // SAFETY: the program above, and texts that live till the end of this function.
        let outcome = unsafe {
            (self.nvrtcCompileProgram)(program.1, options.len() as c_int, options.as_ptr())
        };
        if outcome != 0 {
            let log = program.text(self.nvrtcGetProgramLogSize, self.nvrtcGetProgramLog)?;
            return Err(format!("NVRTC's error {outcome}: {}", String::from_utf8_lossy(&log)));
        }
        match is_own {
            true => program.text(self.nvrtcGetCUBINSize, self.nvrtcGetCUBIN),
            false => program.text(self.nvrtcGetPTXSize, self.nvrtcGetPTX),
        }
    }
}

impl Program<'_> {
    /// What one function tells the size of and another one writes.
    fn text(
        &self,
        size: unsafe extern "system" fn(Handle, *mut usize) -> c_int,
        write: unsafe extern "system" fn(Handle, *mut c_char) -> c_int,
    ) -> Result<Vec<u8>, String> {
        let mut bytes = 0;
        // SAFETY: it writes a number.
        let mut outcome = unsafe { size(self.1, &mut bytes) };
        let mut text = vec![0; bytes];
        if outcome == 0 && bytes > 0 {
            // SAFETY: it writes so many bytes.
            outcome = unsafe { write(self.1, text.as_mut_ptr().cast()) };
        }
        match (outcome, bytes) {
            (0, 1..) => Ok(text),
            _ => Err(format!("NVRTC's error {outcome}: it gave nothing")),
        }
    }
}
