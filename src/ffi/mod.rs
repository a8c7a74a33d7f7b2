//! The C interface. `include/dropmask.h` is made of it by `cbindgen`, comments included, and is where to read it: what
//! is said here is said to the reader of that header. Rust code has no need of it.
//!
//! Each function names its arguments and buffers to `buffers::run`, which checks them all before it makes slices of
//! them, and then calls the safe interface of the crate; what needs no layout, the engine itself (`flat`). Nothing here
//! panics or allocates.
#![allow(unsafe_code)] // symbols with C names, and slices from the pointers of the caller
#![allow(clippy::missing_safety_doc, reason = "the header says it once, for all functions")]
#![allow(clippy::doc_markdown, rustdoc::broken_intra_doc_links, reason = "comments of C know no Markdown")]
#![allow(clippy::too_many_arguments, reason = "C has no builders")]
#![allow(clippy::multiple_unsafe_ops_per_block, reason = "the header makes one promise for all pointers of a call")]
#![allow(clippy::similar_names, reason = "a gradient is named as what it is one of")]

mod buffers;
mod extent;
mod flat;
mod operands;
#[cfg(dropmask_panic_handler)]
mod panic;

// in the order of the header
mod key;
mod level;
mod options;
mod probability;
mod status;
mod version;

mod mask;

mod stream;

mod stored;

mod call;
mod shape;

mod elements;

mod select;

mod embedding;

mod attention;

mod connect;

mod bias;

mod relu;

mod cutout;

mod dropblock;

mod alpha;

mod monte_carlo;

pub use alpha::*;
pub use attention::*;
pub use bias::*;
pub use call::dropmask_call;
pub use connect::*;
pub use cutout::*;
pub use dropblock::*;
pub use elements::*;
pub use embedding::*;
pub use key::*;
pub use level::*;
pub use mask::*;
pub use monte_carlo::*;
pub use options::*;
pub use probability::*;
pub use relu::*;
pub use select::*;
pub use shape::*;
pub use status::*;
pub use stored::*;
pub use stream::*;
pub use version::*;
