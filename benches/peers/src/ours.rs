//! dropmask, and the bound of all.

use dropmask::Level;

use crate::common::{Case, Operation};
use crate::peer::Peer;

/// What the others are compared with.
pub(crate) struct Replayed;

impl Peer for Replayed {
    fn name(&self) -> &'static str {
        "dropmask, replayed"
    }

    fn rival(&self) -> bool {
        false
    }

    fn forward(&mut self, case: &mut Case) {
        case.operation(Operation::Forward, Level::detect());
    }

    fn backward(&mut self, case: &mut Case) {
        case.operation(Operation::BackwardReplay, Level::detect());
    }
}

pub(crate) struct Stored;

impl Peer for Stored {
    fn name(&self) -> &'static str {
        "dropmask, stored"
    }

    fn rival(&self) -> bool {
        false
    }

    fn forward(&mut self, case: &mut Case) {
        case.operation(Operation::ForwardStore, Level::detect());
    }

    fn backward(&mut self, case: &mut Case) {
        case.operation(Operation::BackwardStored, Level::detect());
    }
}

/// `y = a * x`: dropout whose mask costs nothing.
pub(crate) struct Roofline;

impl Peer for Roofline {
    fn name(&self) -> &'static str {
        "`y = a * x`"
    }

    fn rival(&self) -> bool {
        false
    }

    fn forward(&mut self, case: &mut Case) {
        case.roofline(Level::detect());
    }

    fn backward(&mut self, case: &mut Case) {
        case.roofline(Level::detect());
    }

    /// It drops nothing.
    fn check(&mut self, case: &mut Case) {
        self.forward(case);
        assert!(case.x.iter().zip(&*case.y).all(|(x, y)| (y * (1.0 - case.p) - x).abs() <= 1e-6 * x.abs()));
    }
}
