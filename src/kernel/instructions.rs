//! What the compiled copies of a loop differ in.

use super::lane::Lane;

/// An instruction set as a loop sees it while it is compiled.
pub(super) trait Instructions {
    /// Bytes of entries that a loop with a long chain of operations works on at a time. One register's
    /// worth leaves the processor waiting for results: it looks ahead some hundred operations, which
    /// are few entries. Four keep it busy, and the constants find room beside them.
    const AT_ONCE: usize;

    /// a b + c.
    fn multiply_add<T: Lane>(a: T, b: T, c: T) -> T;
}

/// Whatever the target has: the loops as they stand.
pub(super) struct Portable;

impl Instructions for Portable {
    const AT_ONCE: usize = 0;

    #[inline(always)]
    fn multiply_add<T: Lane>(a: T, b: T, c: T) -> T {
        a * b + c
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512, Fused};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::marker::PhantomData;

    use super::{Instructions, Lane, Portable};

    pub(in crate::kernel) struct Avx2;
    pub(in crate::kernel) struct Avx512;

    impl Instructions for Avx2 {
        const AT_ONCE: usize = 4 * 32;

        #[inline(always)]
        fn multiply_add<T: Lane>(a: T, b: T, c: T) -> T {
            Portable::multiply_add(a, b, c)
        }
    }

    impl Instructions for Avx512 {
        const AT_ONCE: usize = 4 * 64;

        #[inline(always)]
        fn multiply_add<T: Lane>(a: T, b: T, c: T) -> T {
            Portable::multiply_add(a, b, c)
        }
    }

    /// The same set with one rounding less. Named only in functions that are compiled with `fma`.
    pub(in crate::kernel) struct Fused<I>(PhantomData<I>);

    impl<I: Instructions> Instructions for Fused<I> {
        const AT_ONCE: usize = I::AT_ONCE;

        #[inline(always)]
        fn multiply_add<T: Lane>(a: T, b: T, c: T) -> T {
            // SAFETY: the functions that name `Fused` run only where the processor has FMA.
            unsafe { T::fused(a, b, c) }
        }
    }
}

/// Defines a function whose body is compiled once per level and chosen by its first argument. With a
/// second name in angle brackets the body is told its [`Instructions`], and there are copies for the
/// levels with fused multiply-adds; without, these levels take the copy of their registers.
macro_rules! at_each_level {
    ($(#[$doc:meta])* fn $name:ident<$p:ident>($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$doc])*
        // Where this is not a mere choice it holds the body, of which one copy is enough.
        #[cfg_attr(target_arch = "x86_64", inline)]
        #[cfg_attr(not(target_arch = "x86_64"), inline(never))]
        pub(crate) fn $name<$p: Precision>(level: Level, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body<$p: Precision>($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2<$p: Precision>($($arg: $ty),*) $(-> $ret)? {
                body::<$p>($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,avx512f,avx512dq,avx512bw,avx512vl")]
            fn avx512<$p: Precision>($($arg: $ty),*) $(-> $ret)? {
                body::<$p>($($arg),*)
            }

            match level.set() {
                Set::Portable => body::<$p>($($arg),*),
                #[cfg(target_arch = "x86_64")]
                // SAFETY: a `Level` holds these only after the processor was found to have AVX2.
                Set::Avx2 | Set::FusedAvx2 => unsafe { avx2::<$p>($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: likewise, and the system keeps the registers.
                Set::Avx512 | Set::FusedAvx512 => unsafe { avx512::<$p>($($arg),*) },
            }
        }
    };
    ($(#[$doc:meta])* fn $name:ident<$p:ident, $i:ident>($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$doc])*
        #[cfg_attr(target_arch = "x86_64", inline)]
        #[cfg_attr(not(target_arch = "x86_64"), inline(never))]
        pub(crate) fn $name<$p: Precision>(level: Level, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body<$p: Precision, $i: Instructions>($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2<$p: Precision>($($arg: $ty),*) $(-> $ret)? {
                body::<$p, instructions::Avx2>($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn fused_avx2<$p: Precision>($($arg: $ty),*) $(-> $ret)? {
                body::<$p, instructions::Fused<instructions::Avx2>>($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,avx512f,avx512dq,avx512bw,avx512vl")]
            fn avx512<$p: Precision>($($arg: $ty),*) $(-> $ret)? {
                body::<$p, instructions::Avx512>($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")]
            fn fused_avx512<$p: Precision>($($arg: $ty),*) $(-> $ret)? {
                body::<$p, instructions::Fused<instructions::Avx512>>($($arg),*)
            }

            match level.set() {
                Set::Portable => body::<$p, instructions::Portable>($($arg),*),
                #[cfg(target_arch = "x86_64")]
                // SAFETY: a `Level` holds `Avx2` only after the processor was found to have it.
                Set::Avx2 => unsafe { avx2::<$p>($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: likewise, with FMA.
                Set::FusedAvx2 => unsafe { fused_avx2::<$p>($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: likewise, and the system keeps the registers.
                Set::Avx512 => unsafe { avx512::<$p>($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: likewise, with FMA.
                Set::FusedAvx512 => unsafe { fused_avx512::<$p>($($arg),*) },
            }
        }
    };
}

pub(super) use at_each_level;
