//! The instruction sets that the hot loops are compiled for.

/// An instruction set, found once at the entry of a solve and passed down by value. All levels
/// give the same bits; only the time differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

#[cfg(target_arch = "x86_64")]
cpufeatures::new!(has_avx2, "avx2");

impl Level {
    /// What the compilation target guarantees.
    pub const PORTABLE: Self = Self(Set::Portable);

    /// The fastest level that this processor runs.
    #[inline]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if has_avx2::get() {
            return Self(Set::Avx2);
        }
        Self::PORTABLE
    }

    /// AVX2, where the processor has it.
    pub fn avx2() -> Option<Self> {
        let level = Self::detect();
        if level == Self::PORTABLE { None } else { Some(level) }
    }

    /// Every level that this processor runs, the slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        core::iter::once(Self::PORTABLE).chain(Self::avx2())
    }

    /// The level's name.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Set::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
        }
    }

    pub(super) const fn set(self) -> Set {
        self.0
    }
}
