/// What dropout multiplies with, in training and in evaluation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scaling {
    /// Kept elements are divided by the keep probability in training, evaluation is the identity: `E[y] = x`
    /// throughout. What every framework does today.
    #[default]
    Inverted,
    /// Training masks only, evaluation multiplies by the keep probability (Srivastava et al., "Dropout: a simple way
    /// to prevent neural networks from overfitting", JMLR 2014).
    Standard,
    /// Training masks only, evaluation is the identity. Evaluation is then too large by `1 / (1 - p)`; kept for
    /// comparison and for networks that were trained so.
    Naive,
}
