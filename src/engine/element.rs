//! What becomes of an element. A kernel is written once, as a function of a vector and of a number; it sees bits and up to
//! three inputs, and cannot tell where either comes from.

use super::beside::Beside;
use super::run::Run;
use crate::simd::{Floats, Level, Operation, Simd, dispatch};

/// A function of an element and its bit.
pub(crate) trait Element {
    /// How many inputs it reads.
    const INPUTS: usize = 1;
    /// Whether it makes an output.
    const OUTPUT: bool = true;
    /// Whether words are drawn beside its work where that pays.
    const BESIDE: bool = false;

    /// The specification.
    fn scalar(&mut self, x: [f32; 3], kept: bool) -> f32;

    /// Lane `i` has bit `at + i`; the bits of lanes that are not there are 0. Splats its constants each time: they are moved
    /// out of the loops.
    fn vector<F: Floats>(&mut self, level: F::Level, sums: &mut F, x: [F; 3], bits: u64, at: usize) -> F;

    /// What it sums up, lane by lane.
    #[inline(always)]
    fn sums(&mut self) -> Option<&mut [f32; 16]> {
        None
    }

    /// After a word of `len` elements, at most 64.
    #[inline(always)]
    fn end_of_word(&mut self, _len: usize) {}
}

/// What a pass does with the words of a run.
pub(crate) trait Kernel {
    /// The specification, of an element.
    fn one(&mut self, run: Run<'_>, kept: bool);
    /// There are words for all elements of the run.
    fn apply(&mut self, level: Level, run: Run<'_>, words: &[u64]);
    /// Draws whole blocks and applies them, one beside the other.
    fn beside(&mut self, _: Level, _: Run, _: Beside<'_>) {}
    /// Whether it can.
    fn has_beside(&self) -> bool {
        false
    }
}

impl<E: Element> Kernel for E {
    fn one(&mut self, run: Run<'_>, kept: bool) {
        run.scalar(self, kept);
    }

    fn apply(&mut self, level: Level, run: Run<'_>, words: &[u64]) {
        dispatch(level, Apply { element: self, run, words });
    }

    fn beside(&mut self, level: Level, run: Run<'_>, beside: Beside<'_>) {
        if E::BESIDE {
            beside.apply(level, run, self);
        }
    }

    fn has_beside(&self) -> bool {
        E::BESIDE
    }
}

struct Apply<'a, E> {
    element: &'a mut E,
    run: Run<'a>,
    words: &'a [u64],
}

impl<E: Element> Operation for Apply<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.run.each(s, self.element, self.words);
    }
}

/// `kept ? x * scale : +0.0`.
#[derive(Clone, Copy)]
pub(crate) struct Scale(pub(crate) f32);

impl Element for Scale {
    const BESIDE: bool = true;

    fn scalar(&mut self, [x, ..]: [f32; 3], kept: bool) -> f32 {
        if kept { x * self.0 } else { 0.0 }
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, _: &mut F, [x, ..]: [F; 3], bits: u64, at: usize) -> F {
        x.mul(F::splat(level, self.0)).keep(bits, at)
    }
}

/// `z` plus what another element makes of its inputs; `z` is the input behind them.
#[derive(Clone, Copy)]
pub(crate) struct Added<E>(pub(crate) E);

impl<E: Element> Element for Added<E> {
    const INPUTS: usize = E::INPUTS + 1;
    const BESIDE: bool = E::BESIDE;

    fn scalar(&mut self, x: [f32; 3], kept: bool) -> f32 {
        behind::<E, _>(x) + self.0.scalar(x, kept)
    }
    #[inline(always)]
    fn vector<F: Floats>(&mut self, level: F::Level, sums: &mut F, x: [F; 3], bits: u64, at: usize) -> F {
        behind::<E, _>(x).add(self.0.vector(level, sums, x, bits, at))
    }
}

/// The input behind those of an element.
#[inline(always)]
fn behind<E: Element, T>([_, second, third]: [T; 3]) -> T {
    if E::INPUTS == 1 { second } else { third }
}
