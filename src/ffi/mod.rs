//! The C interface. `include/dropmask.h` is made of it by `cbindgen`, comments included, and is where to read it: what
//! is said here is said to the reader of that header. Rust code has no need of it.
//!
//! Each function names its arguments and buffers to [`buffers::run`], which checks them all before it makes slices of
//! them, and then calls the safe interface of the crate. Nothing here panics or allocates.
#![allow(unsafe_code)] // symbols with C names, and slices from the pointers of the caller
#![allow(clippy::missing_safety_doc, reason = "the header says it once, for all functions")]
#![allow(clippy::doc_markdown, reason = "comments of C know no Markdown")]
#![allow(clippy::too_many_arguments, reason = "C has no builders")]

mod buffers;
mod call;
mod key;
mod level;
mod mask;
mod options;
#[cfg(dropmask_panic_handler)]
mod panic;
mod probability;
mod status;
mod stored;
mod stream;

pub use key::*;
pub use level::*;
pub use mask::*;
pub use options::*;
pub use probability::*;
pub use status::*;
pub use stored::*;
pub use stream::*;
