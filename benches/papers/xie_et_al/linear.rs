//! Small dense matrices, row by row in a slice.

/// Cholesky factor of a positive definite matrix, in its lower triangle.
pub(crate) struct Factor {
    size: usize,
    lower: Vec<f64>,
}

impl Factor {
    pub(crate) fn new(mut matrix: Vec<f64>, size: usize) -> Self {
        for i in 0..size {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| matrix[i * size + k] * matrix[j * size + k]).sum();
                let left = matrix[i * size + j] - dot;
                matrix[i * size + j] =
                    if i == j { left.sqrt() } else { left / matrix[j * size + j] };
            }
        }
        Self { size, lower: matrix }
    }

    /// Solves in place.
    pub(crate) fn solve(&self, right: &mut [f64]) {
        let at = |i: usize, j: usize| self.lower[i * self.size + j];
        for i in 0..self.size {
            let known: f64 = (0..i).map(|k| at(i, k) * right[k]).sum();
            right[i] = (right[i] - known) / at(i, i);
        }
        for i in (0..self.size).rev() {
            let known: f64 = (i + 1..self.size).map(|k| at(k, i) * right[k]).sum();
            right[i] = (right[i] - known) / at(i, i);
        }
    }
}

/// Eigenvalues of a symmetric matrix, ascending, by Jacobi's rotations.
pub(crate) fn eigenvalues(mut matrix: Vec<f64>, size: usize) -> Vec<f64> {
    let norm: f64 = matrix.iter().map(|x| x * x).sum();
    let off = |matrix: &[f64]| -> f64 {
        let above = |i: usize| (i + 1..size).map(move |j| matrix[i * size + j].powi(2));
        (0..size).flat_map(above).sum()
    };
    while off(&matrix) > 1e-30 * norm {
        for p in 0..size {
            for q in p + 1..size {
                rotate(&mut matrix, size, p, q);
            }
        }
    }
    let mut values: Vec<f64> = (0..size).map(|i| matrix[i * size + i]).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The rotation that makes an entry zero.
fn rotate(matrix: &mut [f64], size: usize, p: usize, q: usize) {
    let entry = matrix[p * size + q];
    if entry.abs() < f64::MIN_POSITIVE {
        return;
    }
    let angle = 0.5 * (2.0 * entry).atan2(matrix[q * size + q] - matrix[p * size + p]);
    let (sine, cosine) = angle.sin_cos();
    for k in 0..size {
        let (x, y) = (matrix[k * size + p], matrix[k * size + q]);
        matrix[k * size + p] = cosine * x - sine * y;
        matrix[k * size + q] = sine * x + cosine * y;
    }
    for k in 0..size {
        let (x, y) = (matrix[p * size + k], matrix[q * size + k]);
        matrix[p * size + k] = cosine * x - sine * y;
        matrix[q * size + k] = sine * x + cosine * y;
    }
}
