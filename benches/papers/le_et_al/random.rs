//! Random numbers, the same in every run.

/// splitmix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform numbers.
    pub(crate) fn vector(&mut self, count: usize, (low, high): (f64, f64)) -> Vec<f64> {
        (0..count).map(|_| low + (high - low) * self.next()).collect()
    }

    /// Uniform numbers over their sum.
    pub(crate) fn probabilities(&mut self, count: usize, range: (f64, f64)) -> Vec<f64> {
        let raw = self.vector(count, range);
        let sum: f64 = raw.iter().sum();
        raw.iter().map(|x| x / sum).collect()
    }
}
