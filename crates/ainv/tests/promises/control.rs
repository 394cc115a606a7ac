//! The mode of this thread's floating-point unit, and those that another library may have set.

#![cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]

#[cfg(target_arch = "x86_64")]
mod register {
    use std::arch::asm;

    /// To zero on the way out, on the way in, both; up, down, towards zero; all of it.
    pub(crate) const MODES: [u64; 7] = [0x8000, 0x40, 0x8040, 0x4000, 0x2000, 0x6000, 0xe040];

    pub(crate) fn get() -> u64 {
        let mut x = 0u32;
        // SAFETY: stores the register in a place of its size.
        unsafe { asm!("stmxcsr [{}]", in(reg) &mut x) };
        u64::from(x & !0x3f)
    }
    pub(crate) fn set(mode: u64) {
        let x = 0x1f80 | mode as u32;
        // SAFETY: modes that the processor has; what runs in them here expects them.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &x) };
    }
}

#[cfg(target_arch = "aarch64")]
mod register {
    use std::arch::asm;

    /// To zero; up, down, towards zero; both.
    pub(crate) const MODES: [u64; 5] = [1 << 24, 1 << 22, 2 << 22, 3 << 22, 7 << 22];

    pub(crate) fn get() -> u64 {
        let x;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, fpcr", out(reg) x) };
        x
    }
    pub(crate) fn set(mode: u64) {
        // SAFETY: modes that the processor has; what runs in them here expects them.
        unsafe { asm!("msr fpcr, {}", in(reg) mode) };
    }
}

pub(crate) use register::{MODES, get, set};

/// Runs `f` on this thread in a mode, which it must leave as it is.
pub(crate) fn under<R>(mode: u64, f: impl FnOnce() -> R) -> R {
    /// For a test that fails meanwhile.
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            set(0);
        }
    }
    let _back = Back;
    set(mode);
    let before = get();
    let result = f();
    let left = get();
    set(0);
    assert_eq!(left, before, "the mode {mode:x} was not left as it was");
    result
}
