//! Where the elements of a layout lie, in as few axes as there are.

use super::{AXES, Axis, Layout};
use crate::error::Argument;

/// What has strides of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// Also of an input in the same place.
    Output,
    Input,
    Residual,
    /// One row for all, of as many elements as the innermost axis, unless the kind sets where each begins: a bias, its
    /// gradient.
    Row,
}

impl Operand {
    /// What an error calls it.
    pub(super) const fn argument(self) -> Argument {
        match self {
            Self::Output => Argument::Output,
            Self::Input => Argument::Input,
            Self::Residual => Argument::Residual,
            Self::Row => Argument::Bias,
        }
    }
}

/// Operands whose strides a layout has.
pub(super) const SLICES: usize = 3;

/// Their number.
const OPERANDS: usize = SLICES + 1;

/// One distance for each operand.
pub(crate) type Distances = [usize; OPERANDS];

/// Runs of elements that follow each other in every operand: `outer` axes, the outermost first, then `run` elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) run: usize,
    outer: [Outer; AXES],
    /// Which operands have all their elements side by side.
    pub(crate) dense: [bool; OPERANDS],
}

/// How many runs there are, and how far they are from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outer {
    len: usize,
    strides: Distances,
}

impl Memory {
    /// One run.
    pub(crate) const fn dense(run: usize) -> Self {
        Self { run, outer: [Outer { len: 1, strides: [0; OPERANDS] }; AXES], dense: [true; OPERANDS] }
    }

    /// Runs that follow each other, with the same of [`Operand::Row`].
    pub(crate) const fn rows(rows: usize, run: usize) -> Self {
        let mut this = Self::dense(run);
        this.outer[AXES - 1] = Outer { len: rows, strides: [run, run, run, 0] };
        this.dense = [true, true, true, false];
        this
    }

    /// Whether the runs are so short that copying them side by side costs less.
    pub(crate) fn is_scattered(&self) -> bool {
        self.run < SHORT && !self.is_dense()
    }

    /// Whether all slices have their elements side by side.
    pub(crate) fn is_dense(&self) -> bool {
        self.dense.iter().take(SLICES).all(|dense| *dense)
    }
}

/// Elements of a run that is worth a call of a kernel; measured: see records.
const SHORT: usize = 64;

/// Elements that lie at the same distance from each other, in each operand.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub(crate) starts: Distances,
    pub(crate) strides: Distances,
    pub(crate) len: usize,
}

/// A way through runs so short that they are copied: a line is a run, or a whole axis where runs are single elements.
#[derive(Clone, Copy)]
pub(crate) struct Lines<'m> {
    runs: Runs<'m>,
    column: usize,
}

impl<'m> Lines<'m> {
    /// From element number `element` on.
    pub(crate) fn new(memory: &'m Memory, element: usize) -> Self {
        let Memory { run, .. } = memory;
        let (row, column) = (element.checked_div(*run).unwrap_or(0), element.checked_rem(*run).unwrap_or(0));
        Self { runs: Runs::new(memory, row), column }
    }

    /// The next line, of at most so many elements.
    #[inline(never)] // three loops ask for it
    pub(crate) fn next(&mut self, most: usize) -> Line {
        let Self { runs, column } = self;
        let Memory { run, outer: [.., axis], .. } = runs.memory;
        if *run > 1 {
            let len = most.min(run - *column);
            let starts = runs.starts.map(|start| start.wrapping_add(*column));
            *column += len;
            if *column == *run {
                *column = 0;
                runs.next(1);
            }
            return Line { starts, strides: [1; OPERANDS], len };
        }
        let [.., row] = runs.rows;
        let line = Line { starts: runs.starts, strides: axis.strides, len: most.min(axis.len - row) };
        runs.next(line.len);
        line
    }
}

/// A way through the runs.
#[derive(Clone, Copy)]
pub(crate) struct Runs<'m> {
    memory: &'m Memory,
    rows: [usize; AXES],
    /// Where the current one begins.
    pub(crate) starts: Distances,
}

impl<'m> Runs<'m> {
    /// From run number `row` on.
    pub(crate) fn new(memory: &'m Memory, mut row: usize) -> Self {
        let mut this = Self { memory, rows: [0; AXES], starts: [0; OPERANDS] };
        if row > 0 {
            for (at, Outer { len, strides }) in this.rows.iter_mut().zip(&memory.outer).rev() {
                *at = row.checked_rem(*len).unwrap_or(0);
                row = row.checked_div(*len).unwrap_or(0);
                advance(&mut this.starts, strides, *at);
            }
        }
        this
    }

    /// By so many runs, at most to the end of the innermost axis; from the last to anywhere.
    #[inline(always)] // most of what a short run costs
    pub(crate) fn next(&mut self, runs: usize) {
        let ([.., row], [.., Outer { len, strides }]) = (&mut self.rows, &self.memory.outer);
        advance(&mut self.starts, strides, runs);
        *row = row.wrapping_add(runs);
        if *row >= *len {
            self.next_outer();
        }
    }

    /// The same behind the end of the innermost axis.
    #[inline(never)]
    fn next_outer(&mut self) {
        let mut carry = false;
        for (row, Outer { len, strides }) in self.rows.iter_mut().zip(&self.memory.outer).rev() {
            if carry {
                *row = row.wrapping_add(1);
                advance(&mut self.starts, strides, 1);
            }
            if *row < *len {
                return;
            }
            (*row, carry) = (0, true);
            advance(&mut self.starts, strides, len.wrapping_neg());
        }
    }
}

/// By so many strides.
#[inline(always)]
fn advance(starts: &mut Distances, strides: &Distances, by: usize) {
    for (start, stride) in starts.iter_mut().zip(strides) {
        *start = start.wrapping_add(stride.wrapping_mul(by));
    }
}

impl Layout {
    /// Where the elements lie, of a residual and of operands of one row too. What is not there has the strides of the output,
    /// which join no fewer axes.
    #[inline(never)] // once a call
    pub(crate) fn memory(&self, residual: bool, row: bool) -> Memory {
        if self.len() == 0 {
            return Memory::dense(0);
        }
        let (mut dense, mut len_inside) = ([true; OPERANDS], 1);
        let (mut run, mut outer) = (Outer { len: 1, strides: [1; OPERANDS] }, Memory::dense(1).outer);
        let (mut left, mut inner) = (outer.iter_mut().rev(), &mut run);
        for (i, Axis { len, strides: [y, x, r], .. }) in self.axes.into_iter().enumerate().rev() {
            let of_row = usize::from(i == AXES - 1);
            let strides = [y, x, if residual { r } else { y }, if row { of_row } else { y }];
            if len == 1 {
                continue;
            }
            dense.iter_mut().zip(strides).for_each(|(dense, stride)| *dense &= stride == len_inside);
            len_inside *= len;
            if strides.iter().zip(inner.strides).all(|(stride, inside)| *stride == inside.saturating_mul(inner.len)) {
                // two axes that are one; no product is more than the number of elements
                inner.len *= len;
            } else if let Some(next) = left.next() {
                inner = next;
                *inner = Outer { len, strides };
            }
        }
        Memory { run: run.len, outer, dense }
    }
}
