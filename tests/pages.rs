//! What pages of the guide quote of an engine: it is compiled with the engine, not here.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::fs;
use std::path::Path;

/// A block of Rust is marked `rust,ignore`, and stands, but for its indentation, in the file that is named last before it.
#[test]
fn what_is_not_compiled_is_quoted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in ["docs/burn.md", "docs/candle.md"] {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let parts: Vec<_> = text.split("```").collect();
        let mut blocks = 0;
        for [prose, block] in parts.as_chunks::<2>().0 {
            let Some(code) = block.strip_prefix("rust,ignore\n") else {
                assert!(!block.starts_with("rust"), "{page}: not marked:\n{block}");
                continue;
            };
            let file = prose.trim_end().lines().last().and_then(|line| line.rsplit('`').nth(1)).unwrap();
            let source = fs::read_to_string(root.join(file)).unwrap();
            assert!(unindented(&source).contains(&unindented(code)), "{page}: not in {file}:\n{code}");
            blocks += 1;
        }
        assert!(blocks > 0, "{page}");
    }
}

fn unindented(code: &str) -> String {
    code.lines().map(|line| line.trim().to_owned() + "\n").collect()
}
