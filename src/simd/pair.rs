use super::{Groups, Lanes};

/// Two vectors of lanes side by side: independent work that hides the latency of xoshiro.
#[derive(Clone, Copy)]
pub(crate) struct Pair<V>(V, V);

impl<V: Lanes> Pair<V> {
    #[inline(always)]
    fn each(self, other: Self, f: impl Fn(V, V) -> V) -> Self {
        Self(f(self.0, other.0), f(self.1, other.1))
    }
}

impl<V: Lanes> Lanes for Pair<V> {
    type Level = V::Level;
    const COUNT: usize = 2 * V::COUNT;

    #[inline(always)]
    fn splat(level: V::Level, word: u64) -> Self {
        Self(V::splat(level, word), V::splat(level, word))
    }
    #[inline(always)]
    fn counters(level: V::Level, first: u64, step: u64) -> Self {
        let second = first.wrapping_add((V::COUNT as u64).wrapping_mul(step));
        Self(V::counters(level, first, step), V::counters(level, second, step))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.each(other, V::add)
    }
    #[inline(always)]
    fn mul(self, other: u64) -> Self {
        Self(self.0.mul(other), self.1.mul(other))
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self.each(other, V::xor)
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self.each(other, V::or)
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self.each(other, V::and)
    }
    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        self.each(other, V::and_not)
    }
    #[inline(always)]
    fn shl<const N: u32>(self) -> Self {
        Self(self.0.shl::<N>(), self.1.shl::<N>())
    }
    #[inline(always)]
    fn shr<const N: u32>(self) -> Self {
        Self(self.0.shr::<N>(), self.1.shr::<N>())
    }
    #[inline(always)]
    fn rotl<const N: u32>(self) -> Self {
        Self(self.0.rotl::<N>(), self.1.rotl::<N>())
    }
    #[inline(always)]
    fn store(self, groups: &mut Groups, group: usize, lane: usize) {
        self.0.store(groups, group, lane);
        self.1.store(groups, group, lane + V::COUNT);
    }
}
