//! Every operation in a layout, against four loops: bits by index, elements by the strides of each operand.

use crate::common::{all_same, fill, floats, proptest_config, random_words};
use dropmask::{
    Argument, BiasDropout, Dropout, Error, Key, Layout, Level, Mask, MaskMut, Probability, ReluDropout, Scaling,
    Select, Setting, StoredMask, mask_words,
};
use proptest::prelude::*;
use proptest::sample::select;

/// Of the four axes.
type Strides = [usize; 4];

#[derive(Clone, Copy, Debug)]
struct Case {
    dims: [usize; 4],
    shared: [bool; 4],
    /// If not the dense ones.
    index_strides: Option<[u64; 4]>,
    y: Strides,
    x: Strides,
    r: Strides,
    offset: u64,
    p: Probability,
    scaling: Scaling,
    level: Level,
}

/// The axes in some order in memory, with gaps: no two elements lie in the same place.
fn apart(dims: [usize; 4], order: &[usize], gaps: [usize; 4]) -> Strides {
    let (mut strides, mut reach) = ([0; 4], 1);
    for (&axis, gap) in order.iter().zip(gaps) {
        strides[axis] = reach + gap;
        reach += dims[axis].saturating_sub(1) * strides[axis];
    }
    strides
}

fn memory(dims: [usize; 4]) -> impl Strategy<Value = Strides> {
    let orders = prop_oneof![2 => Just(vec![3, 2, 1, 0]), 1 => Just(vec![0, 1, 2, 3]).prop_shuffle()];
    let rows = (0..9_usize).prop_map(|gap| [0, gap, 0, 0]);
    let gaps = prop_oneof![1 => Just([0; 4]), 1 => prop::array::uniform4(0..4_usize), 2 => rows];
    (orders, gaps).prop_map(move |(order, gaps)| apart(dims, &order, gaps))
}

/// The same, or elements that are read several times.
fn read(dims: [usize; 4]) -> impl Strategy<Value = Strides> {
    (memory(dims), prop_oneof![3 => Just([false; 4]), 1 => any::<[bool; 4]>()]).prop_map(|(mut strides, again)| {
        strides.iter_mut().zip(again).filter(|(_, again)| *again).for_each(|(stride, _)| *stride = 0);
        strides
    })
}

fn cases() -> impl Strategy<Value = Case> {
    let inner = prop_oneof![3 => 0..9_usize, 2 => 60..70_usize, 2 => 0..300_usize];
    let dims = (1..4_usize, 1..5_usize, 0..9_usize, inner).prop_map(|(a, b, c, d)| [a, b, c, d]);
    dims.prop_flat_map(|dims| {
        let index_strides = prop_oneof![
            2 => Just(None),
            1 => prop::array::uniform4(0..200_u64).prop_map(Some),
            1 => (0..2000_u64, 0..700_u64, 0..100_u64).prop_map(|(a, b, c)| Some([a, b, c, 1])),
        ];
        let threshold = prop_oneof![4 => 0..=1_u64 << 32, 1 => select(&[0, 1 << 31, 1 << 32][..])];
        let scalings = select(&[Scaling::Inverted, Scaling::Standard, Scaling::Naive][..]);
        let bits = (any::<[bool; 4]>(), index_strides, 0..5000_u64, threshold, scalings);
        (bits, memory(dims), read(dims), read(dims), select(Level::supported().collect::<Vec<_>>())).prop_map(
            move |((shared, index_strides, offset, threshold, scaling), y, x, r, level)| {
                let p = Probability::from_threshold(threshold).unwrap();
                Case { dims, shared, index_strides, y, x, r, offset, p, scaling, level }
            },
        )
    })
}

/// One past the last place.
fn extent(dims: [usize; 4], strides: Strides) -> usize {
    if dims.contains(&0) { 0 } else { 1 + (0..4).map(|axis| (dims[axis] - 1) * strides[axis]).sum::<usize>() }
}

/// What is done to a sample alone: its dropout, input, residual and output.
type Alone<'a> = dyn Fn(Dropout, &[f32], &[f32], &mut [f32]) + 'a;

/// An element: its number, its bit, and where it is.
struct Element {
    number: usize,
    kept: bool,
    y: usize,
    x: usize,
    r: usize,
    column: usize,
}

impl Case {
    fn layout(&self) -> Layout {
        let layout = Layout::broadcast(self.dims, self.shared);
        let layout = self.index_strides.map_or(layout, |strides| layout.index_strides(strides));
        layout.strides(self.y).input_strides(self.x).residual_strides(self.r)
    }

    fn dropout(&self) -> Dropout {
        let dropout = Dropout::new(Key::new(7), self.p).with_scaling(self.scaling).with_offset(self.offset);
        dropout.with_level(self.level).with_layout(self.layout())
    }

    fn index_strides(&self) -> [u64; 4] {
        let (mut dense, mut stride) = ([0; 4], 1);
        for axis in (0..4).rev().filter(|axis| !self.shared[*axis]) {
            dense[axis] = stride;
            stride *= self.dims[axis] as u64;
        }
        self.index_strides.unwrap_or(dense)
    }

    fn elements(&self) -> Vec<Element> {
        let [a, b, c, d] = self.dims;
        let strides = self.index_strides();
        let at = |position: [usize; 4], strides: Strides| position.iter().zip(strides).map(|(i, s)| i * s).sum();
        let index = |position: [usize; 4]| at(position, strides.map(|s| usize::try_from(s).unwrap()));
        let span = 1 + index(self.dims.map(|len| len.max(1) - 1));
        let flat = Dropout::new(Key::new(7), self.p).with_offset(self.offset).with_level(Level::SCALAR);
        let words = fill(&flat, span);
        let positions =
            (0..a).flat_map(|i| (0..b).flat_map(move |j| (0..c).flat_map(move |k| (0..d).map(move |l| [i, j, k, l]))));
        let element = |(number, position): (usize, [usize; 4])| {
            let bit = index(position);
            let kept = words[bit / 64] >> (bit % 64) & 1 == 1;
            let [y, x, r] = [self.y, self.x, self.r].map(|strides| at(position, strides));
            Element { number, kept, y, x, r, column: position[3] }
        };
        positions.enumerate().map(element).collect()
    }

    /// The bits of a stored mask: those of the elements, without the axes that share.
    fn stored(&self) -> Vec<bool> {
        let strides = self.index_strides();
        let mut noise = Self { index_strides: Some(strides), ..*self };
        (0..4).filter(|axis| strides[*axis] == 0).for_each(|axis| noise.dims[axis] = 1);
        noise.elements().iter().map(|element| element.kept).collect()
    }
}

proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn four_loops(case in cases()) {
        let (dropout, elements) = (case.dropout(), case.elements());
        let [ys, xs, rs] = [case.y, case.x, case.r].map(|strides| extent(case.dims, strides));
        let (x, r, before, scale) = (floats(1, xs), floats(2, rs), floats(3, ys), dropout.scale());
        let expected = |value: &dyn Fn(&Element, f32) -> f32| {
            let mut y = before.clone();
            for at in &elements {
                y[at.y] = value(at, y[at.y]);
            }
            y
        };
        let drop = |at: &Element, x: f32| if at.kept { x * scale } else { 0.0 };
        let mut y = before.clone();
        macro_rules! check {
            ($call:expr, $value:expr) => {{
                y.copy_from_slice(&before);
                $call.unwrap();
                prop_assert!(all_same(&y, &expected(&$value)), stringify!($call));
            }};
        }
        check!(dropout.forward(&x, &mut y), |at: &Element, _| drop(at, x[at.x]));
        check!(dropout.forward_residual(&x, &r, &mut y), |at: &Element, _| r[at.r] + drop(at, x[at.x]));
        check!(dropout.backward_add(&x, &mut y), |at: &Element, y| y + drop(at, x[at.x]));
        let keep = if case.scaling == Scaling::Standard { case.p.keep() } else { 1.0 };
        let evaluated = |x: f32| if keep == 0.0 { 0.0 } else { x * keep };
        check!(dropout.evaluate(&x, &mut y), |at: &Element, _| evaluated(x[at.x]));
        check!(dropout.evaluate_residual(&x, &r, &mut y), |at: &Element, _| r[at.r] + evaluated(x[at.x]));

        let bits = case.stored();
        let (mut words, mut bools) = (random_words(4, mask_words(bits.len())), vec![false; bits.len()]);
        let mut mask = MaskMut::new(&mut words, bits.len()).unwrap();
        check!(dropout.forward_store(&x, &mut y, &mut mask), |at: &Element, _| drop(at, x[at.x]));
        prop_assert!(mask.as_mask().iter().eq(bits.iter().copied()));
        dropout.fill_bools(&mut bools).unwrap();
        prop_assert_eq!(&bools, &bits);
        let stored = dropout.stored(mask.as_mask());
        check!(stored.apply(&x, &mut y), |at: &Element, _| drop(at, x[at.x]));
        check!(stored.apply_residual(&x, &r, &mut y), |at: &Element, _| r[at.r] + drop(at, x[at.x]));

        let choice = Select::new(dropout.with_scaling(Scaling::Inverted));
        let chosen = |at: &Element, b: f32| if at.kept { x[at.x] } else { b };
        check!(choice.forward(&x, &r, &mut y), |at: &Element, _| chosen(at, r[at.r]));
        check!(choice.forward_update(&x, &mut y), |at: &Element, y| chosen(at, y));
        check!(choice.stored(mask.as_mask()).forward(&x, &r, &mut y), |at: &Element, _| chosen(at, r[at.r]));
        let dropped = |at: &Element| if at.kept { 0.0 } else { x[at.x] };
        check!(choice.backward_b(&x, &mut y), |at: &Element, _| dropped(at));
        check!(choice.backward_b_add(&x, &mut y), |at: &Element, y| y + dropped(at));
        check!(choice.backward_a(&x, &mut y), |at: &Element, _| chosen(at, 0.0));
        let (q, p) = (case.p.keep(), ((1_u64 << 32) - case.p.threshold()) as f32 / (1_u64 << 32) as f32);
        let mixed = |a: f32, b: f32| if p == 0.0 { a } else if q == 0.0 { b } else { a * q + b * p };
        check!(choice.evaluate(&x, &r, &mut y), |at: &Element, _| mixed(x[at.x], r[at.r]));
        check!(choice.evaluate_update(&x, &mut y), |at: &Element, y| mixed(x[at.x], y));

        // one bit an element, in the order of the elements
        let (relu, mut words) = (ReluDropout::new(dropout), random_words(5, mask_words(elements.len())));
        let mut mask = MaskMut::new(&mut words, elements.len()).unwrap();
        let rectified = |x: f32| if x > 0.0 || x.is_nan() { x } else { 0.0 };
        check!(relu.forward(&x, &mut y, &mut mask), |at: &Element, _| drop(at, rectified(x[at.x])));
        let positive = |at: &Element| at.kept && x[at.x] > 0.0;
        prop_assert!(mask.as_mask().iter().eq(elements.iter().map(positive)));
        let kept = |at: &Element| scale != 0.0 && mask.as_mask().get(at.number).unwrap();
        let gradient = |at: &Element, _| if kept(at) { x[at.x] * scale } else { 0.0 };
        check!(relu.backward(&x, &mut y, mask.as_mask()), gradient);

        let (bias, b) = (BiasDropout::new(dropout), floats(6, case.dims[3]));
        check!(bias.forward(&x, &b, &mut y), |at: &Element, _| drop(at, x[at.x] + b[at.column]));
        check!(bias.forward_residual(&x, &b, &r, &mut y), |at: &Element, _| r[at.r] + drop(at, x[at.x] + b[at.column]));
        let mut db = vec![0.5; case.dims[3]];
        let mut sums = db.clone();
        for at in &elements {
            sums[at.column] += drop(at, x[at.x]);
        }
        check!(bias.backward_add(&x, &mut y, &mut db), |at: &Element, y| y + drop(at, x[at.x]));
        prop_assert!(all_same(&db, &sums), "db");
    }

    /// A probability for each sample is a call on each alone.
    #[test]
    fn samples_alone(case in cases(), thresholds in prop::array::uniform3(0..=1_u64 << 32), ends in any::<[bool; 3]>()) {
        let of = |n: usize| if ends[n] { thresholds[n] >> 32 << 32 } else { thresholds[n] };
        let all = [0, 1, 2].map(|n| Probability::from_threshold(of(n)).unwrap());
        let (dropout, probabilities) = (case.dropout(), &all[..case.dims[0]]);
        let [ys, xs, rs] = [case.y, case.x, case.r].map(|strides| extent(case.dims, strides));
        let (x, r, before) = (floats(1, xs), floats(2, rs), floats(3, ys));
        let each = |run: &Alone<'_>| {
            let mut y = before.clone();
            for (n, &p) in probabilities.iter().enumerate() {
                let [_, b, c, d] = case.dims;
                let offset = case.offset + n as u64 * case.index_strides()[0];
                let one = Case { dims: [1, b, c, d], index_strides: Some(case.index_strides()), offset, p, ..case };
                let part = |strides: Strides| {
                    let start = if one.dims.contains(&0) { 0 } else { n * strides[0] };
                    start..start + extent(one.dims, strides)
                };
                run(one.dropout(), &x[part(case.x)], &r[part(case.r)], &mut y[part(case.y)]);
            }
            y
        };
        let samples = dropout.per_sample(probabilities);
        let mut y = before.clone();
        macro_rules! check {
            ($whole:expr, $alone:expr) => {{
                y.copy_from_slice(&before);
                $whole.unwrap();
                prop_assert!(all_same(&y, &each(&$alone)), stringify!($whole));
            }};
        }
        check!(samples.forward(&x, &mut y), |one, x, _, y| one.forward(x, y).unwrap());
        check!(samples.forward_residual(&x, &r, &mut y), |one, x, r, y| one.forward_residual(x, r, y).unwrap());
        check!(samples.backward_add(&x, &mut y), |one, x, _, y| one.backward_add(x, y).unwrap());
        check!(samples.evaluate(&x, &mut y), |one, x, _, y| one.evaluate(x, y).unwrap());
        check!(samples.evaluate_residual(&x, &r, &mut y), |one, x, r, y| one.evaluate_residual(x, r, y).unwrap());
        let over = Case { x: case.y, ..case }.dropout();
        let over = over.per_sample(probabilities);
        let alone = |one: Dropout| one.with_layout(one.layout().unwrap().input_strides(case.y));
        check!(over.forward_in_place(&mut y), |one, _, _, y| alone(one).forward_in_place(y).unwrap());
        check!(over.evaluate_in_place(&mut y), |one, _, _, y| alone(one).evaluate_in_place(y).unwrap());
        check!(over.forward_residual_in_place(&mut y, &r), |one, _, r, y| {
            alone(one).forward_residual_in_place(y, r).unwrap();
        });
        check!(over.evaluate_residual_in_place(&mut y, &r), |one, _, r, y| {
            alone(one).evaluate_residual_in_place(y, r).unwrap();
        });
    }

    /// The output is its own input.
    #[test]
    fn in_place(case in cases()) {
        let case = Case { x: case.y, ..case };
        let (dropout, before) = (case.dropout(), floats(3, extent(case.dims, case.y)));
        let mut expected = before.clone();
        for at in case.elements() {
            expected[at.y] = if at.kept { before[at.y] * dropout.scale() } else { 0.0 };
        }
        let mut y = before;
        dropout.forward_in_place(&mut y).unwrap();
        prop_assert!(all_same(&y, &expected));
    }

    /// The bits of others, by index in a mask that begins anywhere.
    #[test]
    fn indexed_bits(case in cases(), first in 0..100_usize) {
        let last = |axis: usize| (case.dims[axis].max(1) - 1) * case.index_strides()[axis] as usize;
        let span = 1 + (0..4).map(last).sum::<usize>();
        let bits: Vec<bool> = fill(&Dropout::new(Key::new(7), case.p).with_offset(case.offset), span)
            .iter().flat_map(|word| (0..64).map(move |bit| word >> bit & 1 == 1)).take(span).collect();
        let mut words = vec![0; mask_words(first + span)];
        bits.iter().enumerate().for_each(|(i, bit)| words[(first + i) / 64] |= u64::from(*bit) << ((first + i) % 64));
        let mask = StoredMask::new(Mask::at_bit(&words, first as u64, span).unwrap(), 1.5).with_level(case.level);
        let (x, before) = (floats(1, extent(case.dims, case.x)), floats(3, extent(case.dims, case.y)));
        let (mut y, mut expected) = (before.clone(), before);
        case.elements().iter().for_each(|at| expected[at.y] = if at.kept { x[at.x] * 1.5 } else { 0.0 });
        mask.with_indexed_bits(case.layout()).apply(&x, &mut y).unwrap();
        prop_assert!(all_same(&y, &expected));
    }
}

/// What it has of the whole: bits by index, elements in the order of the axes.
#[test]
fn part_of_a_whole() {
    let dims = [3, 4, 5, 7];
    for shared in (0..16_usize).map(|bits| [0, 1, 2, 3].map(|axis| bits >> axis & 1 == 1)) {
        let whole = Layout::broadcast(dims, shared);
        let dropout = Dropout::new(Key::new(7), Probability::new(0.4).unwrap()).with_offset(1000).with_layout(whole);
        let mut all = floats(1, dims.iter().product());
        let x = all.clone();
        dropout.forward_in_place(&mut all).unwrap();
        for (from, lengths) in
            [([1, 2, 0, 3], [2, 1, 5, 4]), ([0, 3, 4, 0], [3, 1, 1, 7]), ([2, 1, 1, 6], [1, 3, 2, 1])]
        {
            let place = |i: usize| {
                let [_, b, c, d] = lengths;
                let at = [i / (b * c * d), i / (c * d) % b, i / d % c, i % d];
                (0..4).fold(0, |place, axis| place * dims[axis] + from[axis] + at[axis])
            };
            let places = (0..lengths.into_iter().product()).map(place);
            let part = dropout.with_offset(1000 + whole.index_of(from)).with_layout(whole.part(lengths));
            let mut y: Vec<f32> = places.clone().map(|place| x[place]).collect();
            part.forward_in_place(&mut y).unwrap();
            let expected: Vec<f32> = places.map(|place| all[place]).collect();
            assert!(all_same(&y, &expected), "{shared:?}, {from:?}");
            // a part of a part, and strides of others are not its own
            let wider = whole.strides([1, 3, 12, 60]).part(dims).part(lengths);
            assert_eq!(wider, whole.part(lengths));
        }
    }
}

/// Of the shape that a pass has to read, and of those that it cannot honour.
#[test]
fn strides_that_do_not_fit() {
    let dropout = Dropout::new(Key::new(1), Probability::new(0.5).unwrap());
    let (x, mut y) = ([1.0; 12], [7.0; 12]);
    let layout = Layout::rows(2, 3);
    // an element too few of each operand in turn
    for (layout, x_len, r_len, y_len, argument, expected, actual) in [
        (layout.input_strides([9, 1]), 11, 6, 6, Argument::Input, 12, 11),
        (layout.residual_strides([9, 1]), 6, 11, 6, Argument::Residual, 12, 11),
        (layout.strides([9, 1]).input_strides([3, 1]), 6, 12, 11, Argument::Output, 12, 11),
        (layout.strides([9, 1]).input_strides([3, 1]), 7, 12, 12, Argument::Input, 6, 7),
    ] {
        let result = dropout.with_layout(layout).forward_residual(&x[..x_len], &x[..r_len], &mut y[..y_len]);
        assert_eq!(result, Err(Error::LengthMismatch { argument, expected, actual }), "{layout:?}");
    }
    // an output in which two elements lie in the same place; an input may
    let again = dropout.with_layout(layout.strides([2, 1]));
    assert_eq!(again.forward(&x[..5], &mut y[..5]), Err(Error::InvalidLayout { len: 2, stride: 2, within: 3 }));
    dropout.with_layout(layout.input_strides([0, 1])).forward(&x[..3], &mut y[..6]).unwrap();
    // the output of a call in place has no other strides than its input
    let mut y = [7.0; 12];
    let elsewhere = dropout.with_layout(layout.input_strides([9, 1]));
    let unsupported = Err(Error::Unsupported { setting: Setting::Layout });
    assert_eq!(elsewhere.forward_in_place(&mut y[..6]), unsupported);
    assert_eq!(elsewhere.evaluate_in_place(&mut y[..6]), unsupported);
    assert_eq!(elsewhere.forward_residual_in_place(&mut y[..6], &x[..6]), unsupported);
    assert_eq!(BiasDropout::new(elsewhere).forward_in_place(&mut y[..6], &[1.0; 3]), unsupported);
    assert_eq!(elsewhere.stored(Mask::new(&[1], 6).unwrap()).apply_in_place(&mut y[..6]), unsupported);
    assert_eq!(y, [7.0; 12]);
}
