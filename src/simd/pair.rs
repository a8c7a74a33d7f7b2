use super::{Groups, Lanes};

/// Two vectors of lanes side by side: independent work that hides the latency of xoshiro.
///
/// Written out: a helper that takes the operation as a function is not inlined into the target feature and makes a fill
/// 10 to 25 times slower.
#[derive(Clone, Copy)]
pub(crate) struct Pair<V>(V, V);

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
        Self(self.0.add(other.0), self.1.add(other.1))
    }
    #[inline(always)]
    fn mul(self, other: u64) -> Self {
        Self(self.0.mul(other), self.1.mul(other))
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(self.0.xor(other.0), self.1.xor(other.1))
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0), self.1.or(other.1))
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(self.0.and(other.0), self.1.and(other.1))
    }
    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        Self(self.0.and_not(other.0), self.1.and_not(other.1))
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
    fn nonzero(self) -> u64 {
        self.0.nonzero() | self.1.nonzero() << V::COUNT
    }
    #[inline(always)]
    fn store(self, groups: &mut Groups, group: usize, lane: usize) {
        self.0.store(groups, group, lane);
        self.1.store(groups, group, lane + V::COUNT);
    }
}
