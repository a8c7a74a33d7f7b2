//! All heads of a call, on several threads: a head knows the indices of its weights, so no thread waits for another's mask.

use std::sync::{Mutex, PoisonError};
use std::thread;

use dropmask::{Dropout, Error, Layout};

use crate::product::Row;
use crate::tiles::Head;

/// Rows of heads lie one behind the other. The mask is that of dense weights, `(heads, tokens, tokens)`.
#[derive(Clone, Copy)]
pub struct Heads {
    pub dropout: Dropout,
    pub heads: usize,
    pub tokens: usize,
    pub causal: bool,
    pub threads: usize,
}

impl Heads {
    pub fn head(&self, number: usize) -> Head {
        let weights = Layout::broadcast([self.heads, self.tokens, self.tokens], [false; 3]);
        let first = self.dropout.offset().wrapping_add(weights.index_of([number, 0, 0]));
        Head { dropout: self.dropout.with_offset(first), tokens: self.tokens, causal: self.causal }
    }

    /// [`Head::forward`] of each head.
    pub fn forward(&self, qkv: [&[Row]; 3], o: &mut [Row], log_sums: &mut [f32]) -> Result<(), Error> {
        let outputs = o.chunks_mut(self.tokens).zip(log_sums.chunks_mut(self.tokens));
        self.run(outputs.enumerate().map(|(number, (o, log_sums))| {
            move || self.head(number).forward(qkv.map(|rows| self.of_head(rows, number)), o, log_sums)
        }))
    }

    /// [`Head::backward`] of each head.
    pub fn backward(
        &self,
        qkv: [&[Row]; 3],
        (o, log_sums): (&[Row], &[f32]),
        d_o: &[Row],
        [dq, dk, dv]: [&mut [Row]; 3],
    ) -> Result<(), Error> {
        let gradients = dq.chunks_mut(self.tokens).zip(dk.chunks_mut(self.tokens)).zip(dv.chunks_mut(self.tokens));
        self.run(gradients.enumerate().map(|(number, ((dq, dk), dv))| {
            move || {
                let kept = (self.of_head(o, number), self.of_head(log_sums, number));
                let qkv = qkv.map(|rows| self.of_head(rows, number));
                self.head(number).backward(qkv, kept, self.of_head(d_o, number), [dq, dk, dv])
            }
        }))
    }

    fn of_head<'a, T>(&self, rows: &'a [T], number: usize) -> &'a [T] {
        &rows[number * self.tokens..][..self.tokens]
    }

    /// Each thread takes the next task when it is done with one.
    fn run<T: FnOnce() -> Result<(), Error>>(&self, tasks: impl Iterator<Item = T> + Send) -> Result<(), Error> {
        let tasks = Mutex::new(tasks);
        let next = || tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || std::iter::from_fn(next).try_for_each(|task| task());
        thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads).map(|_| scope.spawn(work)).collect();
            let own = work();
            others.into_iter().map(|thread| thread.join().expect("a thread panicked")).fold(own, Result::and)
        })
    }
}
