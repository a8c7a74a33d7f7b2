use super::{Axis, Layout};

/// Where an element is in a layout.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Its row of each outer axis.
    rows: [usize; 2],
    /// Which bit of the row it has.
    column: usize,
    /// Which of the elements it is that have this bit.
    turn: usize,
}

/// A way through the elements of a layout in their order.
#[derive(Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) layout: Layout,
    place: Place,
}

impl Walk {
    /// From element number `element` on.
    pub(crate) fn new(layout: Layout, element: usize) -> Self {
        // most walks begin with the first
        let cut = |n: usize, by: usize| match n {
            0 => (0, 0),
            _ => (n.checked_div(by).unwrap_or(0), n.checked_rem(by).unwrap_or(0)),
        };
        let (bit, turn) = if layout.repeat == 1 { (element, 0) } else { cut(element, layout.repeat) };
        let place = if layout.is_flat() {
            Place { rows: [0; 2], column: bit, turn }
        } else {
            let (row, column) = cut(bit, layout.columns);
            let (first, second) = cut(row, layout.outer[1].len);
            Place { rows: [first, second], column, turn }
        };
        Self { layout, place }
    }

    /// How far the bit of the current element is from the first.
    pub(crate) const fn index(&self) -> u64 {
        let Place { rows: [first, second], column, .. } = self.place;
        let [Axis { index_stride: a, .. }, Axis { index_stride: b, .. }] = self.layout.outer;
        a.wrapping_mul(first as u64).wrapping_add(b.wrapping_mul(second as u64)).wrapping_add(column as u64)
    }

    /// Bits from the current one to the end of its row.
    pub(crate) const fn columns_left(&self) -> usize {
        self.layout.columns - self.place.column
    }

    pub(crate) const fn column(&self) -> usize {
        self.place.column
    }

    /// Elements that still have the current bit.
    pub(crate) const fn turns_left(&self) -> usize {
        self.layout.repeat - self.place.turn
    }

    /// Rows from the current one on that have the same bits.
    pub(crate) const fn same_rows_left(&self) -> usize {
        let Axis { len, index_stride } = self.layout.outer[1];
        if index_stride == 0 { len - self.place.rows[1] } else { 1 }
    }

    /// Goes on by so many bits, at most to the end of the row.
    pub(crate) const fn skip_bits(&mut self, bits: usize) {
        self.place.turn = 0;
        self.place.column += bits;
        if self.place.column == self.layout.columns {
            self.place.column = 0;
            self.next_row(1);
        }
    }

    /// Goes on by so many elements of one bit, at most to the last of them.
    pub(crate) const fn skip_turns(&mut self, turns: usize) {
        self.place.turn += turns;
        if self.place.turn == self.layout.repeat {
            self.skip_bits(1);
        }
    }

    /// Goes on by so many bits through rows that have the same.
    pub(crate) fn skip_same(&mut self, bits: usize) {
        let at = self.place.column + bits;
        if at < self.layout.columns {
            self.place.column = at;
        } else {
            self.place.column = at.checked_rem(self.layout.columns).unwrap_or(0);
            self.next_row(at.checked_div(self.layout.columns).unwrap_or(0));
        }
    }

    /// At most to the end of the inner axis.
    const fn next_row(&mut self, rows: usize) {
        self.place.rows[1] += rows;
        if self.place.rows[1] == self.layout.outer[1].len {
            self.place.rows[1] = 0;
            self.place.rows[0] += 1;
        }
    }
}
