//! From a call to the loops: operands, the words of a pass, and what becomes of an element.
//!
//! [`Source`] says where bits come from, [`Words`](words::Words) makes mask words of them across short rows of any layout;
//! [`Run`](run::Run) is the loop over the caller's memory; [`Element`](element::Element) is a function of an element and
//! its bit; [`Row`] brings the three together where elements and bits follow each other, [`Pass`] for any layout, on one
//! thread or several.

mod beside;
mod element;
mod operand;
mod pass;
mod reader;
mod row;
mod run;
mod threads;
mod words;

pub(crate) use element::{Added, Element, Kernel, Scale};
pub(crate) use operand::{Input, Operands, Output, Place, written};
pub(crate) use pass::{Pass, each_words, fill, fill_layout};
pub(crate) use reader::{Reader, Source};
pub(crate) use row::Row;
pub(crate) use run::Run;
pub(crate) use threads::{PIECE, Threads};
