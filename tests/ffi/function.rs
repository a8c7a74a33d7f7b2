//! A function of C in a table: what it takes, how to call it, and what the Rust interface does instead.

use crate::described::Wrong;

/// The arguments of any function; each takes its part.
#[derive(Clone, Debug)]
pub struct Args {
    pub key: u64,
    pub p: f32,
    pub offset: u64,
    pub scaling: u32,
    /// A layout, or whether to renormalise.
    pub option: u32,
    /// Lengths, strides and the like, in their order.
    pub sizes: Vec<usize>,
    pub index_stride: u64,
    pub first: u64,
    pub factor: f32,
    /// Passes taken, or elements kept.
    pub number: u64,
    pub boxes: u32,
    pub accumulate: u32,
    pub wrong: Wrong,
    pub pointers: Vec<*mut u8>,
}

impl Args {
    pub fn at<T>(&self, i: usize) -> *mut T {
        self.pointers[i].cast()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    F32,
    /// Of the interval from 0 to 1.
    Unit,
    F64,
    U64,
    /// One that is written.
    OneF32,
    OneU64,
    U8,
    Size,
    /// Tokens below the first size.
    Ids,
}

impl Kind {
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F32 | Self::Unit | Self::OneF32 | Self::Ids => 4,
            Self::F64 | Self::U64 | Self::OneU64 => 8,
            Self::Size => size_of::<usize>(),
        }
    }
}

/// What NULL means.
#[derive(Clone, Copy, PartialEq)]
pub enum Null {
    Fault,
    /// An output that is not written.
    Unwritten,
    /// An input without elements.
    Empty,
    /// Another way to do it, which has an entry of its own in the table.
    Choice,
}

#[derive(Clone, Copy)]
pub struct Buffer {
    pub kind: Kind,
    pub len: fn(&Args) -> u128,
    pub null: Null,
    /// May be equal to those buffers.
    pub over: &'static [usize],
}

pub const fn buffer(kind: Kind, len: fn(&Args) -> u128) -> Buffer {
    Buffer { kind, len, null: Null::Fault, over: &[] }
}

impl Buffer {
    pub const fn null(self, null: Null) -> Self {
        Self { null, ..self }
    }

    pub const fn over(self, over: &'static [usize]) -> Self {
        Self { over, ..self }
    }

    pub fn bytes(&self, args: &Args) -> u128 {
        (self.len)(args).saturating_mul(self.kind.bytes() as u128)
    }
}

/// What can be wrong with the arguments of a function, apart from its buffers.
#[derive(Clone, Copy, PartialEq)]
pub enum Takes {
    P,
    Offset,
    Scaling,
    /// The option.
    Option,
    /// Each of two, of which an option says which.
    Either,
    /// No scaling but the default.
    Inverted,
    /// Strides of an operand.
    Strides,
    /// Whether it adds.
    Accumulate,
    /// A factor of 0 or more.
    Factor,
    /// The description of a call of one shape.
    Shape,
    /// The description of a call.
    Call,
    /// The third size is the stride of rows.
    Stride,
    /// A mask by the first two sizes and the index stride is stored, also where nothing else has elements.
    StoredAlone,
    /// A mask is read by the index stride.
    Indexed,
    /// The size of that number is how many keys there are before the first query.
    Past(usize),
    /// The size of that number is the side of a block, the two before are those of its map.
    Block(usize),
}

pub struct Function {
    pub name: &'static str,
    pub takes: &'static [Takes],
    /// Good ones, each of which decides on how much is done.
    pub sizes: &'static [usize],
    pub buffers: &'static [Buffer],
    /// Number of indices from the first to the last.
    pub span: fn(&Args) -> u128,
    pub call: fn(&Args) -> u32,
    pub expected: fn(&Args, &mut [Data]),
}

impl Function {
    pub fn takes(&self, what: Takes) -> bool {
        self.takes.contains(&what)
    }

    /// Which buffer has tokens.
    pub fn ids(&self) -> Option<usize> {
        self.buffers.iter().position(|buffer| buffer.kind == Kind::Ids)
    }

    pub fn args(&self) -> Args {
        Args {
            key: 0x0123_4567_89AB_CDEF,
            p: 0.3,
            offset: 1000,
            scaling: 0,
            option: 0,
            sizes: self.sizes.to_vec(),
            index_stride: 200,
            first: 70,
            factor: 1.25,
            number: 3,
            boxes: 2,
            accumulate: 0,
            wrong: Wrong::Nothing,
            pointers: Vec::new(),
        }
    }
}

/// The call of a function, its arguments in order: `[i]` for a size, `(i)` for a buffer, the others by name.
macro_rules! call {
    ($name:ident: $($argument:tt)*) => {
        |a| unsafe { dropmask::ffi::$name($($crate::function::argument!(a $argument)),*) }
    };
}

macro_rules! argument {
    ($a:ident [$i:literal]) => {
        $a.sizes[$i]
    };
    ($a:ident ($i:literal)) => {
        $a.at($i)
    };
    ($a:ident null) => {
        std::ptr::null()
    };
    ($a:ident $name:ident) => {
        $a.$name
    };
}

pub(crate) use {argument, call};

/// What is in a buffer.
#[derive(Clone, Debug)]
pub enum Data {
    F32(Vec<f32>),
    F64(Vec<f64>),
    U64(Vec<u64>),
    U32(Vec<u32>),
    U8(Vec<u8>),
    Size(Vec<usize>),
}

macro_rules! access {
    ($get:ident $get_mut:ident $variant:ident $type:ty) => {
        pub fn $get(&self) -> &[$type] {
            if let Self::$variant(data) = self { data } else { panic!("{self:?}") }
        }
        pub fn $get_mut(&mut self) -> &mut [$type] {
            if let Self::$variant(data) = self { data } else { panic!("{self:?}") }
        }
    };
}

#[allow(dead_code, reason = "not all kinds are read, nor all written")]
impl Data {
    access!(f32 f32_mut F32 f32);
    access!(f64 f64_mut F64 f64);
    access!(u64 u64_mut U64 u64);
    access!(u32 u32_mut U32 u32);
    access!(u8 u8_mut U8 u8);
    access!(size size_mut Size usize);

    /// What memory of another kind is as one of this.
    pub fn of_bytes(kind: Kind, bytes: &[u8]) -> Self {
        macro_rules! values {
            ($variant:ident $type:ty) => {
                Self::$variant(bytes.as_chunks().0.iter().map(|bytes| <$type>::from_ne_bytes(*bytes)).collect())
            };
        }
        match kind {
            Kind::F32 | Kind::OneF32 | Kind::Unit => values!(F32 f32),
            Kind::F64 => values!(F64 f64),
            Kind::U64 | Kind::OneU64 => values!(U64 u64),
            Kind::Ids => values!(U32 u32),
            Kind::U8 => values!(U8 u8),
            Kind::Size => values!(Size usize),
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(data) => data.iter().flat_map(|x| x.to_ne_bytes()).collect(),
            Self::F64(data) => data.iter().flat_map(|x| x.to_ne_bytes()).collect(),
            Self::U64(data) => data.iter().flat_map(|x| x.to_ne_bytes()).collect(),
            Self::U32(data) => data.iter().flat_map(|x| x.to_ne_bytes()).collect(),
            Self::U8(data) => data.clone(),
            Self::Size(data) => data.iter().flat_map(|x| x.to_ne_bytes()).collect(),
        }
    }
}
