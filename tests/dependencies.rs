//! What a user of the crate builds beside it: these crates and nothing else, none of which needs std. Threads are another
//! matter: the feature `rayon` needs std, and says so.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::BTreeMap;
use std::process::Command;

#[test]
fn the_tree_is_small() {
    let arguments =
        ["tree", "--offline", "--no-dedupe", "--features=capi", "-e=normal", "--prefix=none", "--format={lib} {f}"];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));

    // name and features of each
    let mut crates: BTreeMap<_, _> = tree.lines().map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
    for (name, features) in &crates {
        assert!(!features.split(',').any(|feature| ["std", "alloc"].contains(&feature)), "{name} has {features}");
    }
    // only where the CPU is asked
    crates.remove("cpufeatures");
    let names: Vec<_> = crates.into_keys().collect();
    assert_eq!(names, ["bytemuck", "dropmask", "libm", "rand_core", "rand_xoshiro", "safe_arch", "wide"]);
}
