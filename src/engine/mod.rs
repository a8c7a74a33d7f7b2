//! From a call to the loops: operands, the words of a pass, and what becomes of an element.
//!
//! [`Words`](words::Words) makes mask words 64 bits at a time, wherever they come from and whatever the layout is;
//! [`Run`](operand::Run) is the loop over the caller's memory; [`Element`](element::Element) is a function of an element and
//! its bit; [`Row`] brings the three together where elements and bits follow each other, [`Pass`] for any layout, on one
//! thread or several.

mod beside;
mod element;
mod operand;
mod pass;
mod reader;
mod row;
mod threads;
mod words;

pub(crate) use element::{AddScaled, Element, Kernel, Scale};
pub(crate) use operand::{Input, Operands, Run};
pub(crate) use pass::{Pass, fill, sequence};
pub(crate) use reader::{Reader, Source};
pub(crate) use row::Row;
pub(crate) use threads::Threads;
