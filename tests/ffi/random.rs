//! What lies in the buffers of a function.

use rand_xoshiro::rand_core::Rng;

use crate::common::{floats, generator};
use crate::function::{Args, Buffer, Data, Function, Kind};

impl Function {
    /// Whether that is an output: whether the Rust interface changes it.
    pub fn writes(&self, i: usize) -> bool {
        let args = self.args();
        let (before, mut after) = (self.data(&args), self.data(&args));
        (self.expected)(&args, &mut after);
        before[i].to_bytes() != after[i].to_bytes()
    }

    pub fn data(&self, args: &Args) -> Vec<Data> {
        let data =
            |(i, buffer): (usize, &Buffer)| Data::random(buffer.kind, (buffer.len)(args) as usize, i as u64, args);
        self.buffers.iter().enumerate().map(data).collect()
    }
}

impl Data {
    pub fn random(kind: Kind, len: usize, seed: u64, args: &Args) -> Self {
        let mut rng = generator(seed);
        let mut unit = move || (rng.next_u64() >> 40) as f32 / (1 << 24) as f32;
        let mut rng = generator(seed);
        match kind {
            Kind::F32 | Kind::OneF32 => Self::F32(floats(seed, len)),
            Kind::Unit => Self::F32((0..len).map(|_| unit()).collect()),
            Kind::F64 => Self::F64((0..len).map(|_| unit().into()).collect()),
            Kind::U64 | Kind::OneU64 => Self::U64((0..len).map(|_| rng.next_u64()).collect()),
            Kind::U8 => Self::U8((0..len).map(|_| (rng.next_u64() % 3) as u8).collect()),
            Kind::Size => Self::Size((0..len).map(|_| rng.next_u64() as usize).collect()),
            Kind::Ids => Self::U32((0..len).map(|_| rng.next_u32() % args.sizes[0].max(1) as u32).collect()),
        }
    }
}
