//! Linear equations with a symmetric positive definite matrix.

/// The smallest square of an entry on the factor's diagonal. It avoids the root of a number that rounding has
/// made negative.
const LEAST: f64 = 1e-15;

/// The lower Cholesky factor of a matrix.
#[derive(Debug)]
pub(crate) struct Factor<const N: usize>([[f64; N]; N]);

impl<const N: usize> Factor<N> {
    pub fn of(mut m: [[f64; N]; N]) -> Factor<N> {
        for i in 0..N {
            for j in 0..=i {
                let known: f64 = (0..j).map(|k| m[i][k] * m[j][k]).sum();
                let rest = m[i][j] - known;
                m[i][j] = match i == j {
                    true => rest.max(LEAST).sqrt(),
                    false => rest / m[j][j],
                };
            }
        }
        Factor(m)
    }

    /// Returns the inverse of the matrix times `b`.
    pub fn solve(&self, mut b: [f64; N]) -> [f64; N] {
        let m = &self.0;
        for i in 0..N {
            let known: f64 = (0..i).map(|k| m[i][k] * b[k]).sum();
            b[i] = (b[i] - known) / m[i][i];
        }
        for i in (0..N).rev() {
            let known: f64 = (i + 1..N).map(|k| m[k][i] * b[k]).sum();
            b[i] = (b[i] - known) / m[i][i];
        }
        b
    }

    /// Returns the square root of the matrix's determinant.
    pub fn volume(&self) -> f64 {
        (0..N).map(|i| self.0[i][i]).product()
    }
}

/// Returns a column-major Jacobian times its transpose, with `damping` added on the diagonal.
pub(crate) fn square(jacobian: &[f64; 42], damping: f64) -> [[f64; 6]; 6] {
    std::array::from_fn(|i| {
        std::array::from_fn(|j| {
            let product: f64 = (0..7)
                .map(|joint| jacobian[6 * joint + i] * jacobian[6 * joint + j])
                .sum();
            product + if i == j { damping } else { 0.0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solution_solves_its_equations() {
        let m = [[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 2.0]];
        let b = [1.0, -2.0, 3.0];
        let factor = Factor::of(m);
        let x = factor.solve(b);
        for (row, wanted) in m.iter().zip(b) {
            let found: f64 = row.iter().zip(x).map(|(m, x)| m * x).sum();
            assert!((found - wanted).abs() < 1e-12, "{x:?}");
        }
        let determinant = 4.0 * (6.0 - 1.0) - (2.0 + 0.5) + 0.5 * (-1.0 - 1.5);
        assert!((factor.volume().powi(2) - determinant).abs() < 1e-12);
    }
}
