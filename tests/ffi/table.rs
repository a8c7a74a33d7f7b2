//! All functions that have buffers.

use crate::function::Function;
use crate::{attention, connect, elements, elementwise, family, fused, maps};

pub fn functions() -> impl Iterator<Item = &'static Function> {
    let tables: [&[Function]; 7] = [
        &elementwise::ELEMENTWISE,
        &elements::ELEMENTS,
        &fused::FUSED,
        &maps::MAPS,
        &attention::ATTENTION,
        &connect::CONNECT,
        &family::FAMILY,
    ];
    tables.into_iter().flatten()
}
