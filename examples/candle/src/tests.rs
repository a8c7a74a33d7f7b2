use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Linear, Module, ModuleT, loss};
use dropmask::{Key, MaskMut, Probability, mask_words};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::data::Samples;
use crate::dropout::{Dropout, Replay, Step};
use crate::memory::bytes;
use crate::training::{Kind, bits, train};

fn p(p: f32) -> Probability {
    Probability::new(p).expect("in [0, 1]")
}

/// Numbers of a seed, among them one that a product with 0 would not drop.
fn random(shape: &[usize], seed: u64) -> Result<Tensor> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    if let [.., last] = &mut values[..] {
        *last = f32::INFINITY;
    }
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// Dropout by plain arithmetic: element by element, in logical order, with a mask that has been drawn before.
fn expected(op: Replay, x: &Tensor) -> Result<Vec<u32>> {
    let positions: usize = if op.channels { x.dims().iter().skip(2).product() } else { 1 };
    let x: Vec<f32> = x.flatten_all()?.to_vec1()?;
    let len = x.len().checked_div(positions).unwrap_or(0);
    let mut words = vec![0; mask_words(len)];
    let mut mask = MaskMut::new(&mut words, len).expect("enough words");
    op.dropout.fill(&mut mask).expect("indices fit");
    let (mask, scale) = (mask.as_mask(), op.dropout.probability().scale());
    let element = |(i, x): (usize, &f32)| if mask.get(i / positions) == Some(true) { x * scale } else { 0.0 };
    Ok(x.iter().enumerate().map(element).map(f32::to_bits).collect())
}

/// Of all views of up to seven axes: permuted, narrowed, broadcast along any, with gaps between the innermost.
fn views() -> Result<Vec<Tensor>> {
    let mut views = vec![random(&[1], 0)?.reshape(())?, random(&[2, 0, 3], 0)?];
    for shape in [
        &[2500][..],
        &[1, 1, 1],
        &[33, 70],
        &[8, 1, 65],
        &[3, 4, 5, 70],
        &[2, 3, 4, 5, 6],
        &[2, 3, 2, 3, 2, 9],
        &[2, 1, 3, 2, 2, 2, 9],
    ] {
        let x = random(shape, 1)?;
        let mut cut = vec![x.clone()];
        for axis in 0..shape.len() {
            cut.push(x.narrow(axis, shape[axis] / 2, shape[axis].div_ceil(2))?);
            let mut wide = shape.to_vec();
            wide[axis] = 3;
            cut.push(x.narrow(axis, 0, 1)?.broadcast_as(wide)?);
        }
        cut.push(Tensor::stack(&[&x, &x], shape.len())?.narrow(shape.len(), 1, 1)?.squeeze(shape.len())?);
        for x in cut {
            // a cycle and a swap lead to every order
            let mut order: Vec<usize> = (0..shape.len()).collect();
            for i in 0..shape.len() {
                order.rotate_left(1);
                views.push(x.permute(&order[..])?);
                views.push(x.permute(&order[..])?.transpose(i, shape.len() - 1)?);
            }
        }
    }
    Ok(views)
}

#[test]
fn every_layout_has_the_mask_of_its_logical_order() -> Result<()> {
    let (mut cases, mut strided, mut shared) = (0, 0, 0);
    for x in views()? {
        for channels in [false, true] {
            for p in [0.0, 0.1, 0.5, 1.0].map(p) {
                let op = Replay { dropout: dropmask::Dropout::new(Key::new(7), p), channels };
                let y = x.apply_op1(op)?;
                assert_eq!(y.dims(), x.dims());
                assert_eq!(bits(&y)?, expected(op, &x)?, "{:?}, {op:?}", x.layout());
                cases += 1;
                strided += usize::from(!x.is_contiguous());
                shared += usize::from(x.stride().contains(&0));
            }
        }
    }
    println!("{cases} cases, {strided} of them strided, {shared} with a stride of 0");
    assert!(strided > 1000 && shared > 500);
    Ok(())
}

#[test]
fn shards_of_a_batch_have_their_part_of_the_mask() -> Result<()> {
    let x = random(&[4, 3, 2, 2, 5], 1)?;
    let op = Replay { dropout: dropmask::Dropout::new(Key::new(7), p(0.5)), channels: true };
    let second = Replay { dropout: op.dropout.with_offset(2 * 3), ..op };
    let halves = [x.narrow(0, 0, 2)?.apply_op1(op)?, x.narrow(0, 2, 2)?.apply_op1(second)?];
    assert_eq!([bits(&halves[0])?, bits(&halves[1])?].concat(), bits(&x.apply_op1(op)?)?);
    Ok(())
}

#[test]
fn gradients_replay_the_mask_of_their_own_pass() -> Result<()> {
    let step = Step::default();
    for layer in [Dropout::new(Key::new(1), p(0.3), &step), Dropout::new(Key::new(1), p(0.3), &step).channels()] {
        let x = Var::from_tensor(&random(&[7, 3, 4, 9], 1)?)?;
        let dy = random(&[9, 3, 4, 7], 2)?;
        let pass = |n| -> Result<(Tensor, Replay)> {
            step.set(n);
            Ok((layer.forward_t(&x.transpose(0, 3)?, true)?, layer.op()))
        };
        // two micro-batches before a gradient
        let ((a, first), (b, second)) = (pass(0)?, pass(1)?);
        assert_ne!(bits(&a)?, bits(&b)?);
        let grads = [&b, &a].map(|y| (y * &dy)?.sum_all()?.backward());
        for (grads, op) in grads.into_iter().zip([second, first]) {
            let dx = grads?.get(&x).expect("depends on x").transpose(0, 3)?;
            assert_eq!(bits(&dx)?, expected(op, &dy)?);
        }
    }
    Ok(())
}

/// `|numeric - analytic| / |numeric|` over all parameters of a network with both dropouts, with central differences.
#[test]
fn gradients_of_a_network_match_finite_differences() -> Result<()> {
    const STEP: f32 = 2e-3;
    let (step, key) = (Step::default(), Key::new(1));
    let (elements, channels) =
        (Dropout::new(key.derive(0), p(0.5), &step), Dropout::new(key.derive(1), p(0.4), &step).channels());
    let x = (random(&[8, 6], 1)?.clamp(-1.0, 1.0)?, Tensor::new(&[0_u32, 1, 2, 0, 1, 2, 0, 1], &Device::Cpu)?);
    let parameters: Vec<Var> = [vec![20, 6], vec![20], vec![3, 20], vec![3]]
        .iter()
        .zip(2..)
        .map(|(shape, seed)| Var::from_tensor(&random(shape, seed)?.clamp(-1.0, 1.0)?))
        .collect::<Result<_>>()?;
    let loss = |parameters: &[Var]| -> Result<Tensor> {
        let [w1, b1, w2, b2] = [0, 1, 2, 3].map(|i| parameters[i].as_tensor().clone());
        let h = Linear::new(w1, Some(b1)).forward(&x.0)?.tanh()?;
        let h = elements.forward_t(&h, true)?.reshape((8, 5, 2, 2))?;
        let h = channels.forward_t(&h.transpose(2, 3)?, true)?.flatten_from(1)?;
        loss::cross_entropy(&Linear::new(w2, Some(b2)).forward(&h)?, &x.1)
    };

    let grads = loss(&parameters)?.backward()?;
    let (mut difference, mut size) = (0.0, 0.0);
    for (i, parameter) in parameters.iter().enumerate() {
        let analytic: Vec<f32> = grads.get(parameter).expect("has a gradient").flatten_all()?.to_vec1()?;
        let values: Vec<f32> = parameter.flatten_all()?.to_vec1()?;
        for (j, analytic) in analytic.into_iter().enumerate() {
            let loss_at = |distance: f32| -> Result<f32> {
                let (mut moved, mut values) = (parameters.clone(), values.clone());
                values[j] += distance;
                moved[i] = Var::from_vec(values, parameter.shape(), &Device::Cpu)?;
                loss(&moved)?.to_scalar()
            };
            let numeric = (loss_at(STEP)? - loss_at(-STEP)?) / (2.0 * STEP);
            difference += (numeric - analytic).powi(2);
            size += numeric * numeric;
        }
    }
    let error = (difference / size).sqrt();
    println!("relative error {error}");
    assert!(error < 2e-3, "{error}");
    Ok(())
}

/// What `docs/candle.md` begins with.
#[test]
fn a_step_has_one_mask() -> Result<()> {
    use crate::dropout::{Dropout, Step}; // the file
    use candle_core::Error;
    use dropmask::{Key, Probability};

    let h = random(&[32, 256], 1)?;
    let step = Step::default(); // one for a model
    let p = Probability::new(0.5).map_err(Error::wrap)?;
    let dropout = Dropout::new(Key::new(42).derive(3), p, &step); // layer 3 of run 42
    let pass = |n| {
        step.set(n); // the training loop, before the forward pass
        dropout.forward(&h, true) // false: the input
    };
    assert_eq!(bits(&pass(0)?)?, bits(&pass(0)?)?);
    assert_ne!(bits(&pass(0)?)?, bits(&pass(1)?)?);
    Ok(())
}

#[test]
fn evaluation_is_the_input() -> Result<()> {
    let (x, step) = (random(&[4, 5], 1)?.t()?, Step::default());
    let layer = Dropout::new(Key::new(1), p(0.5), &step);
    assert_eq!(bits(&layer.forward_t(&x, false)?)?, bits(&x)?);
    // and training in the same step the same, how often ever it runs
    let pass = || bits(&layer.forward_t(&x, true)?);
    assert_eq!(pass()?, pass()?);
    assert_ne!(pass()?, bits(&x)?);
    Ok(())
}

#[test]
fn only_dropmask_trains_twice_alike() -> Result<()> {
    let digits = Samples::load().expect("a file of digits");
    let parameters = |kind, seed| train(&digits, kind, seed, 1).map(|outcome| outcome.parameters);
    assert_eq!(parameters(Kind::Dropmask, 3)?, parameters(Kind::Dropmask, 3)?);
    assert_ne!(parameters(Kind::Dropmask, 3)?, parameters(Kind::None, 3)?);
    // what the page says of candle's own
    assert!(Device::Cpu.set_seed(3).is_err());
    assert_ne!(parameters(Kind::Candle, 3)?, parameters(Kind::Candle, 3)?);
    Ok(())
}

#[test]
fn forward_keeps_its_output_and_no_mask() -> Result<()> {
    let x = Var::from_tensor(&random(&[64, 1024], 1)?)?;
    let layer = Dropout::new(Key::new(1), p(0.5), &Step::default());
    for x in [x.as_tensor().clone(), x.t()?] {
        let (y, heap) = bytes(|| layer.forward_t(&x, true));
        let output = 4 * y?.elem_count();
        assert!((output..output + 1024).contains(&heap.kept), "{} of {output} bytes", heap.kept);
        assert!(heap.peak < output + 1024, "{} of {output} bytes", heap.peak);
    }
    let candle = candle_nn::Dropout::new(0.5);
    let (_y, heap) = bytes(|| candle.forward_t(&x, true));
    assert!(heap.kept >= 2 * 4 * x.elem_count(), "candle keeps {} bytes", heap.kept);
    Ok(())
}

#[test]
fn other_types_are_errors() -> Result<()> {
    let op = Replay { dropout: dropmask::Dropout::new(Key::new(7), p(0.5)), channels: false };
    let error = random(&[4], 1)?.to_dtype(DType::F64)?.apply_op1(op).expect_err("not f32");
    assert!(error.to_string().contains("F32"), "{error}");
    let overflow = Replay { dropout: op.dropout.with_offset(u64::MAX), ..op };
    assert!(random(&[4], 1)?.apply_op1(overflow).is_err());
    Ok(())
}
