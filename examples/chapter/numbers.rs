//! The numbers of the chapter, each beside the expected one.

use dropmask::{Dropout, DropoutLayer, Error, Key, Mask, Probability, StoredMask};
use ndarray::array;

use crate::common::net::{Dense, flat};

/// Of an `f32` that is rounded a few times.
const ROUNDING: f32 = 1e-6;

/// Prints all, and tells whether all agree.
pub fn print() -> Result<bool, Error> {
    let mut table = Table { agree: true };
    println!("{:48}{:>24}   expected", "", "computed (6 decimals)");
    expectation(&mut table)?;
    by_hand(&mut table)?;
    network(&mut table)?;
    modes(&mut table)?;
    println!("{}\n", if table.agree { "All agree." } else { "NOT ALL AGREE." });
    Ok(table.agree)
}

struct Table {
    agree: bool,
}

impl Table {
    fn row(&mut self, name: &str, computed: &str, expected: &str, agrees: bool) {
        println!("{name:48}{computed:>24}   {expected}{}", if agrees { "" } else { "  DISAGREES" });
        self.agree &= agrees;
    }

    /// Equal but for rounding.
    fn values(&mut self, name: &str, computed: &[f32], expected: &[f32]) {
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= ROUNDING;
        let agrees = computed.len() == expected.len() && computed.iter().zip(expected).all(near);
        let rounded: Vec<f32> = computed.iter().map(|value| (value * 1e6).round() / 1e6 + 0.0).collect(); // -0 is 0
        self.row(name, &format!("{rounded:?}"), &format!("{expected:?}"), agrees);
    }
}

/// `E[y] = x`. The bounds are three standard deviations.
fn expectation(table: &mut Table) -> Result<(), Error> {
    const N: usize = 1_000;
    let mut y = [1.0; N];
    Dropout::new(Key::new(1), Probability::new(0.5)?).forward_in_place(&mut y)?;

    let mean = f64::from(y.iter().sum::<f32>()) / N as f64;
    let bound = 3.0 * (1.0 / N as f64).sqrt(); // an element is 0 or 2, with a deviation of 1
    let expected = format!("1 ± {bound:.3}");
    table.row("x = 1, n = 1000, p = 0.5: mean of y", &format!("{mean:.3}"), &expected, (mean - 1.0).abs() <= bound);

    let zeros = y.iter().filter(|y| **y == 0.0).count();
    let bound = 3.0 * (0.25 * N as f64).sqrt();
    let expected = format!("500 ± {bound:.0}");
    table.row("  zeros", &zeros.to_string(), &expected, (zeros as f64 - 500.0).abs() <= bound);

    let twos = y.iter().filter(|y| y.to_bits() == 2_f32.to_bits()).count();
    table.row("  exactly 2.0", &twos.to_string(), &format!("{} (the rest)", N - zeros), twos == N - zeros);
    Ok(())
}

fn by_hand(table: &mut Table) -> Result<(), Error> {
    let dropout = StoredMask::new(Mask::new(&[0b0101], 4)?, Probability::new(0.5)?.scale()); // bit 0 is element 0
    let mut y = [0.0; 4];
    dropout.apply(&[0.8, 1.5, 0.3, 1.2], &mut y)?;
    table.values("h = [0.8, 1.5, 0.3, 1.2], mask [1, 0, 1, 0]: y", &y, &[1.6, 0.0, 0.6, 0.0]);
    let mut dh = [0.0; 4];
    dropout.apply(&[1.0; 4], &mut dh)?;
    table.values("  gradient dh for dy = 1", &dh, &[2.0, 0.0, 2.0, 0.0]);
    Ok(())
}

fn network(table: &mut Table) -> Result<(), Error> {
    let first =
        Dense { weights: array![[0.5, 0.3, -0.2, 0.4], [0.1, 0.6, 0.2, -0.3]], bias: array![0.1, -0.1, 0.0, 0.2] };
    let second = array![0.4, 0.2, -0.3, 0.5];
    let mut h = first.forward(&array![[1.0, 2.0]]);
    table.values("x = [1, 2]: pre-activations x W1 + b1", flat(&mut h), &[0.8, 1.4, 0.2, 0.0]);
    h.mapv_inplace(|z| z.max(0.0));
    let dropout = StoredMask::new(Mask::new(&[0b1110], 4)?, Probability::new(0.5)?.scale());
    dropout.apply_in_place(flat(&mut h))?;
    table.values("  ReLU, mask [0, 1, 1, 1], p = 0.5", flat(&mut h), &[0.0, 2.8, 0.4, 0.0]);
    let y = h.row(0).dot(&second);
    table.values("  y = h W2", &[y], &[0.44]);
    Ok(())
}

/// Training draws a new mask each time, evaluation is the identity.
fn modes(table: &mut Table) -> Result<(), Error> {
    let x: [f32; 64] = std::array::from_fn(|i| 0.1 * i as f32);
    let mut layer = DropoutLayer::new(Dropout::new(Key::new(3), Probability::new(0.5)?));
    let mut trained = || -> Result<_, Error> {
        let mut y = x;
        layer.train_in_place(&mut y)?;
        Ok(y.map(f32::to_bits))
    };
    let compared = |same| if same { "the same" } else { "different" };
    let same = trained()? == trained()?;
    table.row("two passes in training", compared(same), "different", !same);
    let evaluated = || -> Result<_, Error> {
        let mut y = x;
        layer.evaluate_in_place(&mut y)?;
        Ok(y.map(f32::to_bits))
    };
    let (first, second) = (evaluated()?, evaluated()?);
    let same = first == second && first == x.map(f32::to_bits);
    table.row("two passes in evaluation, and the input", compared(same), "the same", same);
    Ok(())
}
