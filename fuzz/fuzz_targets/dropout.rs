//! Every element-wise operation at every level, over slices and rows of any numbers, against a model of one element.
#![no_main]

use arbitrary::Arbitrary;
use dropmask::{Dropout, Error, Key, Level, Mask, MaskMut, Probability, Rows, StoredMask, mask_words};
use dropmask_fuzz::{Chance, Factor, MAX_LEN, Number, Offset, Slack, Stride, floats, len, len_near, words};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Operation {
    Fill,
    Forward { in_place: bool },
    ForwardStore { in_place: bool },
    Backward { in_place: bool },
    BackwardAdd,
    Evaluate { in_place: bool },
    Apply { in_place: bool },
    ApplyAdd,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Shape {
    rows: Number,
    columns: Number,
    stride: Stride,
    index_stride: Stride,
}

#[derive(Arbitrary, Debug)]
struct Input {
    operation: Operation,
    key: u64,
    chance: Chance,
    factor: Factor,
    offset: Offset,
    #[arbitrary(with = len)]
    len: usize,
    shape: Option<Shape>,
    x_slack: Slack,
    y_slack: Slack,
    mask_slack: Slack,
    /// Elements before the slices in their buffers.
    lead: (u8, u8),
    /// Bit patterns of `x` and `y`, and mask words, each over and over.
    x: Vec<u32>,
    y: Vec<u32>,
    mask: Vec<u64>,
    /// Of stored masks: their first bit and the factor.
    first: u16,
    scale: f32,
}

fuzz_target!(|input: Input| {
    if let Some(p) = input.chance.probability() {
        Case::new(&input, p).check();
    }
});

/// An input's shape in numbers; without rows, it is one row.
struct Layout {
    rows: usize,
    columns: usize,
    stride: usize,
    index_stride: u64,
}

impl Layout {
    const fn new(input: &Input) -> Self {
        let Some(Shape { rows, columns, stride, index_stride }) = input.shape else {
            return Self { rows: 1, columns: input.len, stride: input.len, index_stride: 0 };
        };
        let columns = columns.size();
        Self {
            rows: rows.size(),
            columns,
            stride: stride.get(columns) as usize,
            index_stride: index_stride.get(columns),
        }
    }

    const fn rows(&self) -> Rows {
        Rows::new(self.rows, self.columns).stride(self.stride).index_stride(self.index_stride)
    }

    const fn is_empty(&self) -> bool {
        self.rows == 0 || self.columns == 0
    }

    /// From the first to the last where row follows row at this distance.
    const fn span(&self, stride: u128) -> u128 {
        if self.is_empty() { 0 } else { (self.rows as u128 - 1) * stride + self.columns as u128 }
    }

    const fn elements(&self) -> u128 {
        self.span(self.stride as u128)
    }

    const fn indices(&self) -> u128 {
        self.span(self.index_stride as u128)
    }

    /// Number of bits that the mask of an operation needs.
    const fn bits(&self, operation: Operation) -> u128 {
        match operation {
            Operation::Apply { .. } | Operation::ApplyAdd => self.indices(),
            _ => self.span(64 * mask_words(self.columns) as u128),
        }
    }

    /// Whether no two rows share an element.
    const fn is_apart(&self) -> bool {
        self.is_empty() || self.rows == 1 || self.stride >= self.columns
    }
}

/// An input as arguments.
struct Case<'a> {
    input: &'a Input,
    p: Probability,
    layout: Layout,
    offset: u64,
    x: Vec<f32>,
    /// The output with what stands before and behind it.
    buffer: Vec<f32>,
    y_len: usize,
    words: Vec<u64>,
    mask_len: usize,
}

impl<'a> Case<'a> {
    fn new(input: &'a Input, p: Probability) -> Self {
        let layout = Layout::new(input);
        // without rows, nothing calls for another length than that of what is written
        let free = input.shape.is_some();
        let near = |needed, slack| len_near(Some(needed), slack, MAX_LEN);
        let y_len = near(layout.elements(), if free { input.y_slack } else { Slack::Exact });
        let free = free || input.operation != Operation::Fill;
        let mask_len = near(layout.bits(input.operation), if free { input.mask_slack } else { Slack::Exact });
        let x_len = near(layout.elements(), input.x_slack);
        Self {
            input,
            p,
            offset: input.offset.get(layout.indices()),
            x: floats(&input.x, usize::from(input.lead.0) + x_len),
            buffer: floats(&input.y, usize::from(input.lead.1) + y_len + 20),
            y_len,
            words: words(&input.mask, mask_words(usize::from(input.first) + mask_len) + 2),
            mask_len,
            layout,
        }
    }

    fn x(&self) -> &[f32] {
        &self.x[usize::from(self.input.lead.0)..]
    }

    /// Whether the arguments are good.
    fn is_valid(&self) -> bool {
        use Operation::*;
        let operation = self.input.operation;
        let fits = |len: usize, needed: u128| match self.input.shape {
            None => len as u128 == needed,
            Some(_) => len as u128 >= needed,
        };
        let x_fits = self.in_place() || fits(self.x().len(), self.layout.elements());
        let slices = self.layout.is_apart() && x_fits && fits(self.y_len, self.layout.elements());
        // a stored mask has rows that begin on words; nothing is read of it where they have no elements
        let mask_len = self.mask_len as u128 == self.layout.bits(operation);
        let empty = self.input.shape.is_some() && self.layout.is_empty();
        let on_words = self.layout.rows <= 1 || self.layout.index_stride.is_multiple_of(64);
        let indices = u128::from(self.offset) + self.layout.indices() <= 1 << 64;
        match operation {
            Fill => mask_len && indices,
            Forward { .. } | Backward { .. } | BackwardAdd | Evaluate { .. } => slices && indices,
            ForwardStore { .. } => slices && mask_len && indices,
            Apply { .. } | ApplyAdd => slices && (empty || on_words && mask_len),
        }
    }

    const fn in_place(&self) -> bool {
        use Operation::*;
        match self.input.operation {
            Forward { in_place } | ForwardStore { in_place } | Backward { in_place } => in_place,
            Evaluate { in_place } | Apply { in_place } => in_place,
            Fill | BackwardAdd | ApplyAdd => false,
        }
    }

    fn check(&self) {
        let valid = self.is_valid();
        let (expected_buffer, expected_words) = if valid { self.model() } else { self.before() };
        let mut errors = Vec::new();
        for level in Level::supported() {
            let (mut buffer, mut words) = (self.buffer.clone(), self.words.clone());
            let y = &mut buffer[usize::from(self.input.lead.1)..][..self.y_len];
            let result = self.run(level, y, &mut words);
            assert_eq!(result.is_ok(), valid, "{level}: {result:?}");
            errors.push(result);

            for (i, (actual, expected)) in buffer.iter().zip(&expected_buffer).enumerate() {
                let same = expected.map_or(actual.is_nan(), |bits| actual.to_bits() == bits);
                assert!(same, "{level}, element {i} of the buffer: {actual:?}, expected {expected:x?}");
            }
            assert_eq!(words, expected_words, "{level}");
        }
        assert!(errors.windows(2).all(|pair| pair[0] == pair[1]), "{errors:?}");
    }

    fn run(&self, level: Level, y: &mut [f32], words: &mut [u64]) -> Result<(), Error> {
        use Operation::*;
        let scaling = self.input.factor.scaling();
        let stream = Dropout::new(Key::from_raw(self.input.key), self.p);
        let mut stream = stream.with_offset(self.offset).with_scaling(scaling).with_level(level);
        let mask = Mask::at_bit(words, self.input.first.into(), self.mask_len)?;
        let mut stored = StoredMask::new(mask, self.input.scale).with_level(level);
        if self.input.shape.is_some() {
            stream = stream.rows(self.layout.rows());
            stored = stored.rows(self.layout.rows());
        }
        let x = self.x();
        match self.input.operation {
            Forward { in_place: false } => stream.forward(x, y),
            Forward { in_place: true } => stream.forward_in_place(y),
            Backward { in_place: false } => stream.backward(x, y),
            Backward { in_place: true } => stream.backward_in_place(y),
            BackwardAdd => stream.backward_add(x, y),
            Evaluate { in_place: false } => stream.evaluate(x, y),
            Evaluate { in_place: true } => stream.evaluate_in_place(y),
            Apply { in_place: false } => stored.apply(x, y),
            Apply { in_place: true } => stored.apply_in_place(y),
            ApplyAdd => stored.apply_add(x, y),
            Fill => stream.fill(&mut MaskMut::new(words, self.mask_len)?),
            ForwardStore { in_place: false } => stream.forward_store(x, y, &mut MaskMut::new(words, self.mask_len)?),
            ForwardStore { in_place: true } => {
                stream.forward_store_in_place(y, &mut MaskMut::new(words, self.mask_len)?)
            }
        }
    }

    /// The buffer, `None` for a NaN of any payload, and the mask words as they should be afterwards.
    fn model(&self) -> (Vec<Option<u32>>, Vec<u64>) {
        use Operation::*;
        let (mut buffer, mut words) = self.before();
        if self.layout.is_empty() {
            return (buffer, words);
        }
        for row in 0..self.layout.rows {
            let mask = self.row_mask(row);
            if let Fill | ForwardStore { .. } = self.input.operation {
                words[row * mask.len()..][..mask.len()].copy_from_slice(&mask);
            }
            if self.input.operation == Fill {
                continue;
            }
            for column in 0..self.layout.columns {
                let i = row * self.layout.stride + column;
                let at = usize::from(self.input.lead.1) + i;
                let y = self.buffer[at];
                let x = if self.in_place() { y } else { self.x()[i] };
                buffer[at] = self.value(mask[column / 64] >> (column % 64) & 1 == 1, x, y);
            }
        }
        (buffer, words)
    }

    fn before(&self) -> (Vec<Option<u32>>, Vec<u64>) {
        (self.buffer.iter().map(|y| Some(y.to_bits())).collect(), self.words.clone())
    }

    fn row_mask(&self, row: usize) -> Vec<u64> {
        let first = self.layout.index_stride.wrapping_mul(row as u64);
        let mut words = vec![0; mask_words(self.layout.columns)];
        let mut mask = MaskMut::new(&mut words, self.layout.columns).expect("enough words");
        if let Operation::Apply { .. } | Operation::ApplyAdd = self.input.operation {
            let row =
                Mask::at_bit(&self.words, u64::from(self.input.first) + first, self.layout.columns).expect("within");
            mask.copy_from(row).expect("equal lengths");
        } else {
            let stream = Dropout::new(Key::from_raw(self.input.key), self.p).with_level(Level::SCALAR);
            stream.with_offset(self.offset.wrapping_add(first)).fill(&mut mask).expect("indices fit");
        }
        words
    }

    fn value(&self, kept: bool, x: f32, y: f32) -> Option<u32> {
        use Operation::*;
        const ONE: u64 = 1 << 32;
        let threshold = self.p.threshold();
        let number = |value: f32| (!value.is_nan()).then_some(value.to_bits());
        let masked = |scale: f32| if kept && scale != 0.0 { x * scale } else { 0.0 };
        let train = match self.input.factor {
            Factor::Inverted => (ONE as f64 / threshold as f64) as f32,
            Factor::Standard | Factor::Naive => 1.0,
        };
        match (self.input.operation, self.input.factor, threshold) {
            (Apply { .. }, ..) => number(masked(self.input.scale)),
            (ApplyAdd, ..) => number(y + masked(self.input.scale)),
            (BackwardAdd, ..) => number(y + masked(train)),
            (_, _, ONE) | (Evaluate { .. }, Factor::Inverted | Factor::Naive, _) => Some(x.to_bits()),
            (Evaluate { .. }, Factor::Standard, 0) => Some(0),
            (Evaluate { .. }, Factor::Standard, _) => number(x * (threshold as f64 / ONE as f64) as f32),
            (Fill | Forward { .. } | ForwardStore { .. } | Backward { .. }, ..) => number(masked(train)),
        }
    }
}
