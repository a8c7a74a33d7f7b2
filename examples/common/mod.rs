//! What the examples share: a data set, a small network, a line chart.

#![allow(dead_code, reason = "each example uses a part of it")]

pub mod chart;
pub mod data;
pub mod net;
