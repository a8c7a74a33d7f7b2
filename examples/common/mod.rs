//! What the examples share: a data set, a small network and how it is trained, figures.

#![allow(dead_code, reason = "each example uses a part of it")]

pub mod chart;
pub mod data;
pub mod net;
pub mod recipe;
