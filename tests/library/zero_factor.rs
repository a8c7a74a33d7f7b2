//! A factor of exactly 0 that the library computed is not multiplied with: whatever it belongs to becomes +0.0, in every kind of
//! dropout, in training, backward and evaluation, at every level. With `p = 1` no result depends on what `HOSTILE` holds.
//!
//! The tests of the C interface have `p = 1`, a scale of 0 and a count of 0 among their arguments, and expect the same.

use crate::common::all_same;
use dropmask::{
    AlphaDropout, BiasDropout, Cutout, DropBlock, DropConnect, Dropout, DropoutLayer, EmbeddingDropout, KeptCount, Key,
    Layout, Level, Mask, MaskMut, Probability, ReluDropout, Scaling, StoredMask,
};

/// What a product with 0, or a sum, would betray.
const HOSTILE: [f32; 11] =
    [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38, -3e38, -0.0, 0.0, 1.0, -1.0, f32::MIN_POSITIVE, -1e-45];

/// Each step puts other values beside each other.
fn hostile(step: usize, len: usize) -> Vec<f32> {
    (0..len).map(|i| HOSTILE[(1 + i * step + i / 11) % 11]).collect()
}

fn x(len: usize) -> Vec<f32> {
    hostile(1, len)
}
fn r(len: usize) -> Vec<f32> {
    hostile(3, len)
}
fn b(len: usize) -> Vec<f32> {
    hostile(4, len)
}
fn w(len: usize) -> Vec<f32> {
    hostile(7, len)
}

/// How long a bias is.
const fn columns(len: usize) -> usize {
    len / 2
}

/// What an output of some length holds before or after.
type Values = fn(usize) -> Vec<f32>;

fn unset(len: usize) -> Vec<f32> {
    vec![f32::NAN; len]
}
fn zero(len: usize) -> Vec<f32> {
    vec![0.0; len]
}
/// +0.0 is added: it makes +0.0 of -0.0.
fn sum(len: usize) -> Vec<f32> {
    r(len).into_iter().map(|r| r + 0.0).collect()
}
fn residual(len: usize) -> Vec<f32> {
    r(len).into_iter().zip(x(len)).map(|(r, x)| r + x).collect()
}
fn biased(len: usize) -> Vec<f32> {
    x(len).into_iter().zip(b(columns(len)).into_iter().cycle()).map(|(x, b)| x + b).collect()
}
fn biased_residual(len: usize) -> Vec<f32> {
    r(len).into_iter().zip(biased(len)).map(|(r, x)| r + x).collect()
}
fn relu(len: usize) -> Vec<f32> {
    x(len).into_iter().map(|x| if x > 0.0 || x.is_nan() { x } else { 0.0 }).collect()
}

/// A stream that drops everything, and what goes with it.
#[derive(Clone, Copy)]
struct Setting {
    stream: Dropout,
    level: Level,
    /// Elements of the slices, and bits of a mask.
    len: usize,
    bits: usize,
    /// A number of the ways to the same end, from 0 to 3.
    way: usize,
}

impl Setting {
    fn mask(&self) -> Vec<u64> {
        vec![!0; self.len.div_ceil(64)]
    }

    /// So many bits: of ones where the factor is 0, else of zeros.
    fn kept(&self, bits: usize) -> Mask<'static> {
        let words: &[u64] = if self.stream.scale() == 0.0 { &[!0; 7] } else { &[0; 7] };
        Mask::new(words, bits).unwrap()
    }

    fn stored(&self) -> StoredMask<'static> {
        self.stored_bits(self.len)
    }

    /// With so many bits.
    fn stored_bits(&self, len: usize) -> StoredMask<'static> {
        StoredMask::new(self.kept(len), self.stream.scale()).with_level(self.level)
    }

    fn alpha(&self) -> AlphaDropout {
        AlphaDropout::new(self.stream.with_scaling(Scaling::Inverted))
    }
    fn bias(&self) -> BiasDropout {
        // which goes with the innermost axis
        let rows = |_| self.stream.with_layout(Layout::rows(2, columns(self.len)));
        BiasDropout::new(self.stream.layout().map_or(self.stream, rows))
    }
    fn relu(&self) -> ReluDropout {
        ReluDropout::new(self.stream)
    }
    fn layer(&self) -> DropoutLayer {
        DropoutLayer::new(self.stream)
    }

    /// 10 words of 7 elements.
    fn embedding(&self) -> EmbeddingDropout<'static> {
        match self.way {
            0 => EmbeddingDropout::new(self.stream, [10, 7]),
            _ => EmbeddingDropout::new(self.stream, [10, 7]).stored(self.kept(10)),
        }
    }

    /// 3 samples, 83 inputs, 5 outputs.
    fn connect(&self) -> DropConnect<'static> {
        let layer = DropConnect::new(self.stream, 3, [5, 83]);
        match self.way {
            0 => layer,
            1 => layer.per_sample(7),
            2 => layer.index_stride(100),
            // of all that a mask keeps, a scale of 1 drops nothing
            _ if self.stream.scale() == 0.0 => layer.stored(self.kept(5 * 83)),
            _ => layer,
        }
    }

    /// Blocks of one element: so they are dropped with the probability of the stream.
    fn blocks(&self) -> DropBlock {
        DropBlock::new(self.stream.with_scaling(Scaling::Inverted), [2, 7, 2, 5], 1).unwrap()
    }
}

/// Tokens of 20 positions, each of the 10 at least once.
const IDS: [u32; 20] = [0, 3, 1, 9, 4, 4, 8, 2, 0, 7, 5, 6, 9, 9, 1, 0, 2, 3, 6, 5];
const NOTHING: KeptCount = KeptCount::new(0, 140);
/// A box over all.
const HOLE: Cutout = Cutout::new(Key::from_raw(3), [2, 7, 2, 5], [20, 20]);

/// An operation on a slice, and what becomes of the slice.
struct Case {
    name: &'static str,
    before: Values,
    after: Values,
    run: fn(&Setting, &mut [f32]),
    /// Of the slice, from that of the inputs.
    len: fn(usize) -> usize,
}

const fn case(name: &'static str, before: Values, after: Values, run: fn(&Setting, &mut [f32])) -> Case {
    Case { name, before, after, run, len: |len| len }
}

impl Case {
    const fn len(self, len: fn(usize) -> usize) -> Self {
        Self { len, ..self }
    }

    fn check(&self, setting: &Setting, after: Values, what: &str) {
        let len = (self.len)(setting.len);
        let mut y = (self.before)(len);
        (self.run)(setting, &mut y);
        let after = after(len);
        let Self { name, .. } = self;
        assert!(all_same(&y, &after), "{name}, {what}, {}: {y:?} is not {after:?}", setting.level);
    }
}

#[rustfmt::skip]
fn training() -> Vec<Case> {
    vec![
        case("forward", unset, zero, |s, y| s.stream.forward(&x(s.len), y).unwrap()),
        case("forward_in_place", x, zero, |s, y| s.stream.forward_in_place(y).unwrap()),
        case("forward_store", unset, zero, |s, y| {
            let mut words = s.mask();
            let mut mask = MaskMut::new(&mut words, s.bits).unwrap();
            s.stream.forward_store(&x(s.len), y, &mut mask).unwrap();
            assert_eq!(mask.as_mask().count_kept(), 0);
        }),
        case("forward_store_in_place", x, zero, |s, y| {
            let mut words = s.mask();
            let mut mask = MaskMut::new(&mut words, s.bits).unwrap();
            s.stream.forward_store_in_place(y, &mut mask).unwrap();
            assert_eq!(mask.as_mask().count_kept(), 0);
        }),
        case("forward_residual", unset, sum, |s, y| s.stream.forward_residual(&x(s.len), &r(s.len), y).unwrap()),
        case("forward_residual_in_place", x, sum, |s, y| s.stream.forward_residual_in_place(y, &r(s.len)).unwrap()),
        case("forward_add", r, sum, |s, y| s.stream.forward_add(&x(s.len), y).unwrap()),
        case("backward", unset, zero, |s, y| s.stream.backward(&x(s.len), y).unwrap()),
        case("backward_in_place", x, zero, |s, y| s.stream.backward_in_place(y).unwrap()),
        case("backward_add", r, sum, |s, y| s.stream.backward_add(&x(s.len), y).unwrap()),

        case("alpha forward", unset, zero, |s, y| s.alpha().forward(&x(s.len), y).unwrap()),
        case("alpha forward_in_place", x, zero, |s, y| s.alpha().forward_in_place(y).unwrap()),
        case("alpha backward", unset, zero, |s, y| s.alpha().backward(&x(s.len), y).unwrap()),
        case("alpha backward_in_place", x, zero, |s, y| s.alpha().backward_in_place(y).unwrap()),
        case("alpha backward_add", r, sum, |s, y| s.alpha().backward_add(&x(s.len), y).unwrap()),

        case("bias forward", unset, zero, |s, y| s.bias().forward(&x(s.len), &b(columns(s.len)), y).unwrap()),
        case("bias forward_in_place", x, zero, |s, y| s.bias().forward_in_place(y, &b(columns(s.len))).unwrap()),
        case("bias forward_residual", unset, sum, |s, y| {
            s.bias().forward_residual(&x(s.len), &b(columns(s.len)), &r(s.len), y).unwrap();
        }),
        case("bias forward_residual_in_place", x, sum, |s, y| {
            s.bias().forward_residual_in_place(y, &b(columns(s.len)), &r(s.len)).unwrap();
        }),
        case("bias forward_add", r, sum, |s, y| s.bias().forward_add(&x(s.len), &b(columns(s.len)), y).unwrap()),
        case("bias backward", unset, zero, |s, y| {
            s.bias().backward(&x(s.len), y, &mut unset(columns(s.len))).unwrap();
        }),
        case("bias backward_in_place", x, zero, |s, y| {
            s.bias().backward_in_place(y, &mut unset(columns(s.len))).unwrap();
        }),
        case("bias backward_add", r, sum, |s, y| {
            s.bias().backward_add(&x(s.len), y, &mut unset(columns(s.len))).unwrap();
        }),
        case("bias backward, of b", unset, zero, |s, db| {
            s.bias().backward(&x(s.len), &mut unset(s.len), db).unwrap();
        }).len(columns),
        case("bias backward_in_place, of b", unset, zero, |s, db| {
            s.bias().backward_in_place(&mut x(s.len), db).unwrap();
        }).len(columns),
        case("bias backward_add, of b", r, sum, |s, db| {
            s.bias().backward_add(&x(s.len), &mut unset(s.len), db).unwrap();
        }).len(columns),

        case("relu forward", unset, zero, |s, y| {
            let mut words = s.mask();
            let mut mask = MaskMut::new(&mut words, s.len).unwrap();
            s.relu().forward(&x(s.len), y, &mut mask).unwrap();
            assert_eq!(mask.as_mask().count_kept(), 0);
        }),
        case("relu forward_in_place", x, zero, |s, y| {
            let mut words = s.mask();
            let mut mask = MaskMut::new(&mut words, s.len).unwrap();
            s.relu().forward_in_place(y, &mut mask).unwrap();
            assert_eq!(mask.as_mask().count_kept(), 0);
        }),
        case("relu backward", unset, zero, |s, y| s.relu().backward(&x(s.len), y, s.kept(s.len)).unwrap()),
        case("relu backward_in_place", x, zero, |s, y| s.relu().backward_in_place(y, s.kept(s.len)).unwrap()),
        case("relu backward_add", r, sum, |s, y| s.relu().backward_add(&x(s.len), y, s.kept(s.len)).unwrap()),

        case("layer forward", unset, zero, |s, y| s.layer().train(&x(s.len), y).unwrap()),
        case("layer forward_in_place", x, zero, |s, y| s.layer().train_in_place(y).unwrap()),
        case("layer backward", unset, zero, |s, y| {
            let mut layer = s.layer();
            layer.train(&x(s.len), y).unwrap();
            y.fill(f32::NAN);
            layer.backward(&x(s.len), y).unwrap();
        }),
    ]
}

/// What has a shape of its own, for 140 elements.
#[rustfmt::skip]
fn kinds() -> Vec<Case> {
    vec![
        case("apply", unset, zero, |s, y| s.stored().apply(&x(s.len), y).unwrap()),
        case("apply_in_place", x, zero, |s, y| s.stored().apply_in_place(y).unwrap()),
        case("apply_add", r, sum, |s, y| s.stored().apply_add(&x(s.len), y).unwrap()),
        case("apply_residual", unset, sum, |s, y| s.stored().apply_residual(&x(s.len), &r(s.len), y).unwrap()),
        case("apply_residual_in_place", x, sum, |s, y| s.stored().apply_residual_in_place(y, &r(s.len)).unwrap()),
        case("apply by rows", unset, zero, |s, y| s.stored_bits(128).with_layout(Layout::rows(2, 64)).apply(&x(128), y).unwrap())
            .len(|_| 128),
        case("apply_add by rows", r, sum, |s, y| s.stored_bits(128).with_layout(Layout::rows(2, 64)).apply_add(&x(128), y).unwrap())
            .len(|_| 128),
        case("apply by channels", unset, zero, |s, y| {
            s.stored_bits(14).with_layout(Layout::channels_first(2, 7, 10)).apply(&x(s.len), y).unwrap();
        }),
        case("apply_residual by channels", unset, sum, |s, y| {
            s.stored_bits(14).with_layout(Layout::channels_last(2, 10, 7)).apply_residual(&x(s.len), &r(s.len), y).unwrap();
        }),

        case("embedding lookup", unset, zero, |s, y| s.embedding().lookup(&IDS, &x(70), y).unwrap()),
        case("embedding forward", unset, zero, |s, y| s.embedding().forward(&IDS, &x(s.len), y).unwrap()),
        case("embedding forward_in_place", x, zero, |s, y| s.embedding().forward_in_place(&IDS, y).unwrap()),
        case("embedding backward", unset, zero, |s, y| s.embedding().backward(&IDS, &x(s.len), y).unwrap()),
        case("embedding backward_in_place", x, zero, |s, y| s.embedding().backward_in_place(&IDS, y).unwrap()),
        case("embedding backward_table", r, sum, |s, y| s.embedding().backward_table(&IDS, &x(s.len), y).unwrap())
            .len(|_| 70),

        case("connect forward", unset, |_| [b(5), b(5), b(5)].concat(), |s, y| {
            s.connect().forward(&w(415), Some(&b(5)), &x(249), y).unwrap();
        }).len(|_| 15),
        case("connect forward without b", unset, zero, |s, y| s.connect().forward(&w(415), None, &x(249), y).unwrap())
            .len(|_| 15),
        case("connect backward_input", unset, zero, |s, y| s.connect().backward_input(&w(415), &x(15), y).unwrap())
            .len(|_| 249),
        case("connect backward_weights", unset, zero, |s, y| s.connect().backward_weights(&x(249), &r(15), y).unwrap())
            .len(|_| 415),
        case("connect backward_weights_add", w, w, |s, y| s.connect().backward_weights_add(&x(249), &r(15), y).unwrap())
            .len(|_| 415),

        case("drop block forward", unset, zero, |s, y| {
            let mut words = s.mask();
            let mut mask = MaskMut::new(&mut words, s.len).unwrap();
            assert_eq!(s.blocks().forward(&x(s.len), y, &mut mask).unwrap(), NOTHING);
        }),
        case("drop block forward_in_place", x, zero, |s, y| {
            let mut words = s.mask();
            let mut mask = MaskMut::new(&mut words, s.len).unwrap();
            assert_eq!(s.blocks().forward_in_place(y, &mut mask).unwrap(), NOTHING);
        }),
        case("drop block backward", unset, zero, |s, y| {
            s.blocks().backward(&x(s.len), y, Mask::new(&[!0; 3], s.len).unwrap(), NOTHING).unwrap();
        }),
        case("drop block backward_in_place", x, zero, |s, y| {
            s.blocks().backward_in_place(y, Mask::new(&[!0; 3], s.len).unwrap(), NOTHING).unwrap();
        }),

        case("cutout forward", unset, zero, |s, y| HOLE.forward(&x(s.len), y).unwrap()),
        case("cutout forward_in_place", x, zero, |_, y| HOLE.forward_in_place(y).unwrap()),
        case("cutout backward", unset, zero, |s, y| HOLE.backward(&x(s.len), y).unwrap()),
        case("cutout backward_in_place", x, zero, |_, y| HOLE.backward_in_place(y).unwrap()),
    ]
}

/// With standard scaling as the case says, else the values beside it.
#[rustfmt::skip]
fn evaluation() -> Vec<(Case, Values)> {
    vec![
        (case("evaluate", unset, zero, |s, y| s.stream.evaluate(&x(s.len), y).unwrap()), x),
        (case("evaluate_in_place", x, zero, |s, y| s.stream.evaluate_in_place(y).unwrap()), x),
        (case("evaluate_residual", unset, sum, |s, y| {
            s.stream.evaluate_residual(&x(s.len), &r(s.len), y).unwrap();
        }), residual),
        (case("evaluate_residual_in_place", x, sum, |s, y| {
            s.stream.evaluate_residual_in_place(y, &r(s.len)).unwrap();
        }), residual),
        (case("bias evaluate", unset, zero, |s, y| {
            s.bias().evaluate(&x(s.len), &b(columns(s.len)), y).unwrap();
        }), biased),
        (case("bias evaluate_in_place", x, zero, |s, y| {
            s.bias().evaluate_in_place(y, &b(columns(s.len))).unwrap();
        }), biased),
        (case("bias evaluate_residual", unset, sum, |s, y| {
            s.bias().evaluate_residual(&x(s.len), &b(columns(s.len)), &r(s.len), y).unwrap();
        }), biased_residual),
        (case("bias evaluate_residual_in_place", x, sum, |s, y| {
            s.bias().evaluate_residual_in_place(y, &b(columns(s.len)), &r(s.len)).unwrap();
        }), biased_residual),
        (case("relu evaluate", unset, zero, |s, y| s.relu().evaluate(&x(s.len), y).unwrap()), relu),
        (case("relu evaluate_in_place", x, zero, |s, y| s.relu().evaluate_in_place(y).unwrap()), relu),
        (case("layer forward", unset, zero, |s, y| s.layer().evaluate(&x(s.len), y).unwrap()), x),
        (case("layer backward", unset, zero, |s, y| s.layer().evaluate(&x(s.len), y).unwrap()), x),
        (case("layer backward_in_place", x, zero, |s, y| {
            s.layer().evaluate_in_place(y).unwrap();
        }), x),
        (case("alpha evaluate", unset, x, |s, y| s.alpha().evaluate(&x(s.len), y).unwrap()), x),
        (case("alpha evaluate_in_place", x, x, |s, y| s.alpha().evaluate_in_place(y).unwrap()), x),
    ]
}

/// Streams of `p = 1` at all levels, with each scaling, over each shape.
fn settings() -> impl Iterator<Item = (Setting, Scaling, &'static str)> {
    let stream = Dropout::new(Key::new(5), Probability::new(1.0).unwrap()).with_offset(77);
    let shapes = [
        ("flat", stream, 140, 140),
        ("rows", stream.with_layout(Layout::rows(2, 64)), 128, 128),
        ("channels first", stream.with_layout(Layout::channels_first(2, 7, 10)), 140, 14),
        ("channels last", stream.with_layout(Layout::channels_last(2, 10, 7)), 140, 14),
        ("samples", stream.with_layout(Layout::samples(4, 35)), 140, 4),
    ];
    let scalings = [Scaling::Inverted, Scaling::Standard, Scaling::Naive];
    shapes.into_iter().flat_map(move |(shape, stream, len, bits)| {
        scalings.into_iter().flat_map(move |scaling| {
            Level::supported().map(move |level| {
                let stream = stream.with_scaling(scaling).with_level(level);
                (Setting { stream, level, len, bits, way: 0 }, scaling, shape)
            })
        })
    })
}

#[test]
fn in_training() {
    for (setting, scaling, shape) in settings() {
        for case in training() {
            case.check(&setting, case.after, &format!("{scaling:?}, {shape}"));
        }
    }
}

#[test]
fn in_kinds_with_shapes_of_their_own() {
    for (setting, scaling, _) in settings().filter(|(.., shape)| *shape == "flat") {
        for case in kinds() {
            for way in 0..4 {
                case.check(&Setting { way, ..setting }, case.after, &format!("{scaling:?}, way {way}"));
            }
        }
    }
}

#[test]
fn in_evaluation() {
    for (setting, scaling, shape) in settings() {
        for (case, otherwise) in evaluation() {
            let after = if scaling == Scaling::Standard { case.after } else { otherwise };
            case.check(&setting, after, &format!("{scaling:?}, {shape}"));
        }
    }
}

/// `DropConnect` has the one evaluation with a bias behind the factor, and the one that has two factors.
#[test]
fn in_the_moments_of_a_layer() {
    let bias = [b(5), b(5), b(5)].concat();
    for level in Level::supported() {
        for scaling in [Scaling::Inverted, Scaling::Standard, Scaling::Naive] {
            let layer = |p| {
                let stream = Dropout::new(Key::new(5), Probability::new(p).unwrap());
                DropConnect::new(stream.with_scaling(scaling).with_level(level), 3, [5, 83])
            };
            let what = format!("{level}, {scaling:?}");
            let (mut y, mut mean, mut variance) = (unset(15), unset(15), unset(15));

            layer(1.0).moments(&w(415), Some(&b(5)), &x(249), &mut mean, &mut variance).unwrap();
            assert!(all_same(&mean, &bias) && all_same(&variance, &zero(15)), "{what}");
            layer(1.0).moments(&w(415), None, &x(249), &mut mean, &mut variance).unwrap();
            assert!(all_same(&mean, &zero(15)) && all_same(&variance, &zero(15)), "{what}");
            // nothing varies
            layer(0.0).moments(&w(415), Some(&b(5)), &x(249), &mut mean, &mut variance).unwrap();
            assert!(all_same(&variance, &zero(15)), "{what}");

            // the factor is 0 with one scaling alone
            layer(1.0).evaluate(&w(415), Some(&b(5)), &x(249), &mut y).unwrap();
            assert_eq!(all_same(&y, &bias), scaling == Scaling::Standard, "{what}");
            layer(1.0).evaluate(&w(415), None, &x(249), &mut y).unwrap();
            assert_eq!(all_same(&y, &zero(15)), scaling == Scaling::Standard, "{what}");
        }
    }
}

/// Zeros of the caller are numbers like others.
#[test]
fn not_of_zeros_of_the_caller() {
    for level in Level::supported() {
        let stream = Dropout::new(Key::new(5), Probability::new(0.0).unwrap()).with_level(level);
        let layer = DropConnect::new(stream, 1, [1, 1]);
        for (w, x) in [(0.0, f32::INFINITY), (f32::NAN, 0.0)] {
            let mut y = [0.0];
            layer.forward(&[w], None, &[x], &mut y).unwrap();
            assert!(y[0].is_nan(), "{level}");
            layer.backward_input(&[w], &[x], &mut y).unwrap();
            assert!(y[0].is_nan(), "{level}");
            layer.backward_weights(&[w], &[x], &mut y).unwrap();
            assert!(y[0].is_nan(), "{level}");
        }
    }
}
