//! The instruction sets that the hot loops are compiled for.

/// An instruction set, found once at the entry of a solve and passed down by value. All levels
/// give the same bits, and only the time differs, but for [`Level::fma`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    FusedAvx2,
    #[cfg(target_arch = "x86_64")]
    FusedAvx512,
}

#[cfg(target_arch = "x86_64")]
cpufeatures::new!(has_avx2, "avx2");
#[cfg(target_arch = "x86_64")]
cpufeatures::new!(has_fma, "fma");
// The set that every processor with 512-bit registers has but for the first Xeon Phi. The crate also
// asks whether the system saves these registers.
#[cfg(target_arch = "x86_64")]
cpufeatures::new!(has_avx512, "avx2", "avx512f", "avx512dq", "avx512bw", "avx512vl");

/// What the compiler may use anywhere.
const TARGET: &str = if cfg!(target_feature = "avx512f") {
    "avx512"
} else if cfg!(target_feature = "avx2") {
    "avx2"
} else if cfg!(target_feature = "sse2") {
    "sse2"
} else if cfg!(all(target_arch = "aarch64", target_feature = "neon")) {
    "neon"
} else if cfg!(target_feature = "simd128") {
    "simd128"
} else {
    "scalar"
};

impl Level {
    /// What the compilation target guarantees: SSE2 on x86-64, NEON on aarch64, simd128 on
    /// WebAssembly built with it.
    pub const PORTABLE: Self = Self(Set::Portable);

    /// The fastest level that this processor runs.
    #[inline]
    pub fn detect() -> Self {
        Self::avx512().or(Self::avx2()).unwrap_or(Self::PORTABLE)
    }

    /// AVX2, where the processor has it.
    #[inline]
    pub fn avx2() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if has_avx2::get() {
            return Some(Self(Set::Avx2));
        }
        None
    }

    /// AVX-512 (F, DQ, BW and VL), where the processor has it and the system keeps its registers.
    #[inline]
    pub fn avx512() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if has_avx512::get() {
            return Some(Self(Set::Avx512));
        }
        None
    }

    /// The fastest registers of this processor with fused multiply-adds, where it has AVX2 and FMA or
    /// AVX-512.
    ///
    /// **Its bits are not those of the other levels**: exponentials and sums round once where the others
    /// round twice. They are the same in every run on one machine, and differ between machines with
    /// AVX-512 and without. Results are as accurate, and tolerances mean the same. [`Level::detect`]
    /// never chooses it, and [`Level::available`] does not list it.
    #[inline]
    pub fn fma() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if has_fma::get() {
            let avx512 = Self::avx512().map(|_| Self(Set::FusedAvx512));
            return avx512.or(Self::avx2().map(|_| Self(Set::FusedAvx2)));
        }
        None
    }

    /// Every level of the same bits that this processor runs, the slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        core::iter::once(Self::PORTABLE).chain(Self::avx2()).chain(Self::avx512())
    }

    /// The level's name: `avx512`, `avx2`, or what [`Level::PORTABLE`] is on this target: `sse2`,
    /// `neon` (aarch64), `simd128` (WebAssembly built with it), or `scalar` for all others. (One for
    /// which AVX2 or AVX-512 was switched on at compile time has that at every level.)
    pub const fn name(self) -> &'static str {
        match self.0 {
            Set::Portable => TARGET,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::FusedAvx2 | Set::FusedAvx512 => "fma",
        }
    }

    /// Whether registers are wider than the target guarantees.
    pub(crate) fn is_wide(self) -> bool {
        self != Self::PORTABLE
    }

    pub(super) const fn set(self) -> Set {
        self.0
    }
}
