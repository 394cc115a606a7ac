//! The mode of a thread's floating-point unit.
//!
//! Another library may have set the thread that calls to flush subnormal numbers to zero, or to round
//! another way, and new threads inherit that. The same matrix has the same bits all the same.

use std::marker::PhantomData;

/// While it lives, the thread computes in the mode that IEEE 754 and Rust begin with: it rounds to nearest,
/// keeps subnormal numbers and traps nothing. Then the mode is what it was.
#[must_use = "the mode lasts as long as this lives"]
pub(crate) struct Mode {
    before: control::Register,
    /// It belongs to a thread.
    here: PhantomData<*mut ()>,
}

impl Mode {
    /// Sets the standard mode; `None` where it is set.
    #[inline]
    pub(crate) fn standard() -> Option<Mode> {
        let before = control::read();
        differ(before, control::STANDARD).then(|| Mode::after(before))
    }

    /// The standard mode for a task of others, which may leave another one behind.
    pub(crate) fn of_a_task() -> Mode {
        Mode::after(control::read())
    }

    #[cold]
    fn after(before: control::Register) -> Mode {
        set(control::STANDARD);
        Mode { before, here: PhantomData }
    }
}

impl Drop for Mode {
    #[inline]
    fn drop(&mut self) {
        set(self.before);
    }
}

#[inline]
fn differ(one: control::Register, other: control::Register) -> bool {
    (one ^ other) & control::MODE != 0
}

/// Sets the mode; the flags of what has happened stay as they are.
fn set(mode: control::Register) {
    let now = control::read();
    if differ(now, mode) {
        control::write(now & !control::MODE | mode & control::MODE);
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod control {
    use std::arch::asm;

    pub(super) type Register = u32;
    /// All but the flags.
    pub(super) const MODE: Register = !0x3f;
    /// Every exception is masked.
    pub(super) const STANDARD: Register = 0x1f80;

    #[inline]
    pub(super) fn read() -> Register {
        let mut mxcsr = 0;
        // SAFETY: stores the register in a place of its size.
        unsafe { asm!("stmxcsr [{}]", in(reg) &mut mxcsr, options(nostack, preserves_flags)) };
        mxcsr
    }

    #[inline]
    pub(super) fn write(mxcsr: Register) {
        // SAFETY: a value that was read, with a mode that was read or the standard one.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &mxcsr, options(nostack, preserves_flags)) };
    }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
mod control {
    use std::arch::asm;

    pub(super) type Register = u64;
    /// The flags are in a register of their own.
    pub(super) const MODE: Register = !0;
    pub(super) const STANDARD: Register = 0;

    #[inline]
    pub(super) fn read() -> Register {
        let fpcr;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, fpcr", out(reg) fpcr, options(nostack, preserves_flags)) };
        fpcr
    }

    #[inline]
    pub(super) fn write(fpcr: Register) {
        // SAFETY: a value that was read, or the standard one.
        unsafe { asm!("msr fpcr, {}", in(reg) fpcr, options(nostack, preserves_flags)) };
    }
}

/// Elsewhere there is one mode, or no way to another that is known here.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod control {
    pub(super) type Register = u8;
    pub(super) const MODE: Register = 0;
    pub(super) const STANDARD: Register = 0;

    pub(super) fn read() -> Register {
        0
    }

    pub(super) fn write(_: Register) {}
}
