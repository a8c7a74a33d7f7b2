use crate::key::Key;

/// The key of a seed: 64 bits that name one mask stream.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_key_new(seed: u64) -> u64 {
    Key::new(seed).to_raw()
}

/// The key of one step below a key. Derive by what a mask is for, in a fixed order: layer, step, sample. Distinct
/// short paths of steps give distinct, statistically independent streams; they are not cryptographic.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_key_derive(key: u64, step: u64) -> u64 {
    Key::from_raw(key).derive(step).to_raw()
}

/// A whole number below n, number i of the key; 0 if n is 0. Numbers and masks come from the same sequence: give each
/// a key of its own.
#[unsafe(no_mangle)]
pub extern "C" fn dropmask_key_below(key: u64, i: u64, n: u64) -> u64 {
    Key::from_raw(key).below(i, n)
}
