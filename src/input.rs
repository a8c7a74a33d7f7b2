//! Where a pass reads: another slice, or the output itself.

use crate::simd::Floats;

/// Where a pass reads. Pieces are taken in step with pieces of the output of the same length.
pub(crate) trait Input: Copy + Send {
    /// Whether there is anything to read.
    const PRESENT: bool = true;

    /// At most `len` elements from `start` on.
    fn part(self, start: usize, len: usize) -> Self;
    /// The first `len` elements, all if there are fewer, and the others.
    fn cut(self, len: usize) -> (Self, Self);
    /// Pieces of exactly 64 elements.
    fn words(self) -> impl Iterator<Item = Self>;
    /// Whole vectors.
    fn vectors<F: Floats>(self) -> impl Iterator<Item: Read<F>>;
    /// Fewer elements than a vector has; `y` is the output.
    fn load_part<F: Floats>(self, level: F::Level, y: &[f32]) -> F;
    /// Element `i`, where `y` is element `i` of the output, which is not read unless it is the input too.
    fn at(self, i: usize, y: &f32) -> f32;
    fn copy_to(self, y: &mut [f32]);
}

/// One vector of an [`Input`].
pub(crate) trait Read<F: Floats> {
    fn read(self, level: F::Level, y: &F::Array) -> F;
}

impl Input for &[f32] {
    #[inline(always)]
    fn part(self, start: usize, len: usize) -> Self {
        let rest = self.get(start..).unwrap_or_default();
        rest.cut(len).0
    }
    #[inline(always)]
    fn cut(self, len: usize) -> (Self, Self) {
        self.split_at_checked(len).unwrap_or((self, &[]))
    }
    #[inline(always)]
    fn words(self) -> impl Iterator<Item = Self> {
        self.as_chunks::<64>().0.iter().map(<[f32; 64]>::as_slice)
    }
    #[inline(always)]
    fn vectors<F: Floats>(self) -> impl Iterator<Item: Read<F>> {
        F::split(self).0.iter().map(Vector::<F>)
    }
    #[inline(always)]
    fn load_part<F: Floats>(self, level: F::Level, _: &[f32]) -> F {
        F::load_part(level, self)
    }
    fn at(self, i: usize, _: &f32) -> f32 {
        self.get(i).copied().unwrap_or(0.0)
    }
    fn copy_to(self, y: &mut [f32]) {
        y.iter_mut().zip(self).for_each(|(y, x)| *y = *x);
    }
}

struct Vector<'a, F: Floats>(&'a F::Array);

impl<F: Floats> Read<F> for Vector<'_, F> {
    #[inline(always)]
    fn read(self, level: F::Level, _: &F::Array) -> F {
        F::load(level, self.0)
    }
}

/// The input is the output, in place.
#[derive(Clone, Copy)]
pub(crate) struct InPlace;

impl Input for InPlace {
    #[inline(always)]
    fn part(self, _: usize, _: usize) -> Self {
        self
    }
    #[inline(always)]
    fn cut(self, _: usize) -> (Self, Self) {
        (self, self)
    }
    #[inline(always)]
    fn words(self) -> impl Iterator<Item = Self> {
        core::iter::repeat(self)
    }
    #[inline(always)]
    fn vectors<F: Floats>(self) -> impl Iterator<Item: Read<F>> {
        core::iter::repeat(self)
    }
    #[inline(always)]
    fn load_part<F: Floats>(self, level: F::Level, y: &[f32]) -> F {
        F::load_part(level, y)
    }
    fn at(self, _: usize, y: &f32) -> f32 {
        *y
    }
    fn copy_to(self, _: &mut [f32]) {}
}

impl<F: Floats> Read<F> for InPlace {
    #[inline(always)]
    fn read(self, level: F::Level, y: &F::Array) -> F {
        F::load(level, y)
    }
}

/// No input.
#[derive(Clone, Copy)]
pub(crate) struct Nothing;

impl Input for Nothing {
    const PRESENT: bool = false;

    #[inline(always)]
    fn part(self, _: usize, _: usize) -> Self {
        self
    }
    #[inline(always)]
    fn cut(self, _: usize) -> (Self, Self) {
        (self, self)
    }
    #[inline(always)]
    fn words(self) -> impl Iterator<Item = Self> {
        core::iter::repeat(self)
    }
    #[inline(always)]
    fn vectors<F: Floats>(self) -> impl Iterator<Item: Read<F>> {
        core::iter::repeat(self)
    }
    #[inline(always)]
    fn load_part<F: Floats>(self, level: F::Level, _: &[f32]) -> F {
        F::splat(level, 0.0)
    }
    fn at(self, _: usize, _: &f32) -> f32 {
        0.0
    }
    fn copy_to(self, _: &mut [f32]) {}
}

impl<F: Floats> Read<F> for Nothing {
    #[inline(always)]
    fn read(self, level: F::Level, _: &F::Array) -> F {
        F::splat(level, 0.0)
    }
}
