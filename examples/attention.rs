//! Scaled dot-product attention with dropout, and its gradients by finite differences:
//! `cargo run --release --example attention`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "an example may panic")]

use dropmask::{Attention, Dropout, Error, Key, Probability};
use ndarray::{Array3, Axis, Zip};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const HEADS: usize = 2;
const TOKENS: usize = 20;
const SIZE: usize = 8;

/// `(heads, tokens, size)`.
type Heads = Array3<f32>;

fn main() -> Result<(), Error> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut random = || Heads::from_shape_simple_fn((HEADS, TOKENS, SIZE), || rng.random_range(-1.5..1.5));
    let qkv = [random(), random(), random()];
    let gradient = random(); // of the loss with respect to the output

    let with = |p| -> Result<Attention<'static>, Error> {
        let stream = Dropout::new(Key::new(42), Probability::new(p)?);
        Ok(Attention::new(stream, [1, HEADS, TOKENS, TOKENS]).scale(1.0 / (SIZE as f32).sqrt()))
    };
    println!("greatest error of a gradient, relative to the greatest gradient");
    println!("{:29} {:>9} {:>9} {:>9}", "", "dQ", "dK", "dV");
    for (name, attention) in [
        ("no dropout", with(0.0)?),
        ("p = 0.1", with(0.1)?),
        ("p = 0.1, causal", with(0.1)?.causal(0)),
        ("p = 0.5, causal", with(0.5)?.causal(0)),
        ("p = 0.5, causal, renormalised", with(0.5)?.causal(0).renormalise(true)),
    ] {
        let analytic = backward(&attention, &qkv, &gradient)?;
        let mut errors = [0.0; 3];
        for (i, error) in errors.iter_mut().enumerate() {
            *error = greatest_error(&attention, &qkv, &gradient, i, &analytic[i])?;
            assert!(*error < 1e-3, "{name}: {error}");
        }
        println!("{name:29} {:9.1e} {:9.1e} {:9.1e}", errors[0], errors[1], errors[2]);
    }
    Ok(())
}

/// `a b` or `a b^T`, head by head.
fn product(a: &Heads, b: &Heads, transposed: bool) -> Heads {
    let columns = b.len_of(Axis(if transposed { 1 } else { 2 }));
    let mut y = Heads::zeros((HEADS, a.len_of(Axis(1)), columns));
    Zip::from(y.outer_iter_mut()).and(a.outer_iter()).and(b.outer_iter()).for_each(|mut y, a, b| {
        y.assign(&if transposed { a.dot(&b.t()) } else { a.dot(&b) });
    });
    y
}

fn transpose(a: &Heads) -> Heads {
    a.view().permuted_axes([0, 2, 1]).as_standard_layout().into_owned()
}

fn scores(q: &Heads, k: &Heads) -> Heads {
    product(q, k, true)
}

fn forward(attention: &Attention<'_>, [q, k, v]: &[Heads; 3]) -> Result<Heads, Error> {
    let mut weights = scores(q, k);
    attention.forward_in_place(weights.as_slice_mut().unwrap())?;
    Ok(product(&weights, v, false))
}

/// The gradients of Q, K and V from that of the output. Nothing is kept from the forward pass: it is computed again, and the
/// softmax with it.
fn backward(attention: &Attention<'_>, [q, k, v]: &[Heads; 3], gradient: &Heads) -> Result<[Heads; 3], Error> {
    let mut softmax = scores(q, k);
    let mut weights = Heads::zeros(softmax.dim());
    attention.forward_softmax_in_place(softmax.as_slice_mut().unwrap(), weights.as_slice_mut().unwrap())?;
    let dv = product(&transpose(&weights), gradient, false);
    let dweights = product(gradient, v, true);
    let mut dscores = softmax;
    attention.backward_softmax_in_place(dscores.as_slice_mut().unwrap(), dweights.as_slice().unwrap())?;
    let dq = product(&dscores, k, false);
    let dk = product(&transpose(&dscores), q, false);
    Ok([dq, dk, dv])
}

/// Of the gradient of input `i`, against central differences.
fn greatest_error(
    attention: &Attention<'_>,
    qkv: &[Heads; 3],
    gradient: &Heads,
    i: usize,
    analytic: &Heads,
) -> Result<f64, Error> {
    const STEP: f32 = 1.0 / 64.0;
    let loss = |qkv: &[Heads; 3]| -> Result<f64, Error> {
        let output = forward(attention, qkv)?;
        Ok(output.iter().zip(gradient).map(|(y, g)| f64::from(*y) * f64::from(*g)).sum())
    };
    let (mut moved, mut error, mut greatest) = (qkv.clone(), 0.0_f64, 0.0_f64);
    for (at, analytic) in analytic.indexed_iter() {
        let x = moved[i][at];
        moved[i][at] = x + STEP;
        let above = loss(&moved)?;
        moved[i][at] = x - STEP;
        let slope = (above - loss(&moved)?) / f64::from(2.0 * STEP);
        moved[i][at] = x;
        error = error.max((slope - f64::from(*analytic)).abs());
        greatest = greatest.max(slope.abs());
    }
    Ok(error / greatest)
}
