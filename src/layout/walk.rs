use super::indices::Outer;
use super::{AXES, Indices};

/// Where an element is in a layout.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Its row of each outer axis.
    rows: [usize; AXES],
    /// Which bit of the row it has.
    column: usize,
    /// Which of the elements it is that have this bit.
    turn: usize,
}

/// A way through the elements of a layout in their order.
#[derive(Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) indices: Indices,
    place: Place,
}

impl Walk {
    /// From element number `element` on.
    pub(crate) fn new(indices: Indices, element: usize) -> Self {
        // most walks begin with the first
        let cut = |n: usize, by: usize| match n {
            0 => (0, 0),
            _ => (n.checked_div(by).unwrap_or(0), n.checked_rem(by).unwrap_or(0)),
        };
        let (bit, turn) = if indices.repeat == 1 { (element, 0) } else { cut(element, indices.repeat) };
        let mut place = Place { rows: [0; AXES], column: bit, turn };
        if !indices.is_flat() {
            let (mut row, column) = cut(bit, indices.columns);
            place.column = column;
            for (at, axis) in place.rows.iter_mut().zip(&indices.outer).rev() {
                (row, *at) = cut(row, axis.len);
            }
        }
        Self { indices, place }
    }

    /// How far the bit of the current element is from the first.
    pub(crate) fn index(&self) -> u64 {
        let rows = self.place.rows.iter().zip(&self.indices.outer);
        rows.fold(self.place.column as u64, |index, (row, axis)| {
            index.wrapping_add(axis.index_stride.wrapping_mul(*row as u64))
        })
    }

    /// Bits from the current one to the end of its row.
    pub(crate) const fn columns_left(&self) -> usize {
        self.indices.columns - self.place.column
    }

    pub(crate) const fn column(&self) -> usize {
        self.place.column
    }

    /// Elements that still have the current bit.
    pub(crate) const fn turns_left(&self) -> usize {
        self.indices.repeat - self.place.turn
    }

    /// Rows from the current one on that have the same bits.
    pub(crate) const fn same_rows_left(&self) -> usize {
        let [.., Outer { len, index_stride }] = self.indices.outer;
        let [.., row] = self.place.rows;
        if index_stride == 0 { len - row } else { 1 }
    }

    /// Goes on by so many bits, at most to the end of the row.
    pub(crate) fn skip_bits(&mut self, bits: usize) {
        self.place.turn = 0;
        self.place.column += bits;
        if self.place.column == self.indices.columns {
            self.place.column = 0;
            self.next_row(1);
        }
    }

    /// Goes on by so many elements of one bit, at most to the last of them.
    pub(crate) fn skip_turns(&mut self, turns: usize) {
        self.place.turn += turns;
        if self.place.turn == self.indices.repeat {
            self.skip_bits(1);
        }
    }

    /// Goes on by so many bits through rows that have the same.
    pub(crate) fn skip_same(&mut self, bits: usize) {
        let at = self.place.column + bits;
        if at < self.indices.columns {
            self.place.column = at;
        } else {
            self.place.column = at.checked_rem(self.indices.columns).unwrap_or(0);
            self.next_row(at.checked_div(self.indices.columns).unwrap_or(0));
        }
    }

    /// At most to the end of the innermost axis.
    #[inline(always)] // as in `Runs`
    fn next_row(&mut self, rows: usize) {
        let ([.., row], [.., axis]) = (&mut self.place.rows, &self.indices.outer);
        *row += rows;
        if *row >= axis.len {
            self.next_outer();
        }
    }

    /// The same behind its end.
    #[inline(never)]
    fn next_outer(&mut self) {
        let mut carry = 0;
        for (row, axis) in self.place.rows.iter_mut().zip(&self.indices.outer).rev() {
            *row += carry;
            if *row < axis.len {
                return;
            }
            // of the last, too, which has no next one
            (*row, carry) = (0, 1);
        }
    }
}
