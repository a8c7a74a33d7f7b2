//! dropmask, and the bound of all.

use dropmask::Level;

use crate::common::{Case, Operation};
use crate::peer::Peer;

pub(crate) struct Ours {
    name: &'static str,
    forward: Operation,
    backward: Operation,
}

/// What the others are compared with.
pub(crate) const REPLAYED: Ours =
    Ours { name: "dropmask, replayed", forward: Operation::Forward, backward: Operation::BackwardReplay };

pub(crate) const STORED: Ours =
    Ours { name: "dropmask, stored", forward: Operation::ForwardStore, backward: Operation::BackwardStored };

impl Peer for Ours {
    fn name(&self) -> &'static str {
        self.name
    }

    fn rival(&self) -> bool {
        false
    }

    fn forward(&mut self, case: &mut Case) {
        case.operation(self.forward, Level::detect());
    }

    fn backward(&mut self, case: &mut Case) {
        case.operation(self.backward, Level::detect());
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
