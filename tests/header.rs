//! The header: made of the sources as they are, of the crate's version, and clean for compilers of C and C++.
//!
//! What needs a tool is left out where the tool is absent, unless `DROPMASK_REQUIRE_TOOLS` is set.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

#[path = "common/tools.rs"]
mod tools;

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use tools::{COMPILERS, compiler, has, root, succeed};

const HEADER: &str = include_str!("../include/dropmask.h");
const DECLARATIONS: &str = include_str!("../include/dropmask.cdef.h");

#[test]
fn is_up_to_date() {
    if !has("cbindgen") {
        return;
    }
    // not under the header's own name: a compiler looks beside the source first, and would find it half written
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("made.h");
    let mut cbindgen = Command::new("cbindgen");
    cbindgen.args(["--quiet", "--output"]).arg(&path).current_dir(root());
    succeed(&mut cbindgen);
    let made = fs::read_to_string(path).unwrap();
    assert!(made == HEADER, "make it anew: cbindgen --quiet --output include/dropmask.h");
}

/// `examples/c/numpy_check.py` calls the library by them.
#[test]
fn declarations_are_up_to_date() {
    if !has("sed") {
        return;
    }
    let sed = Command::new("sed").args(["-f", "cdef.sed", "include/dropmask.h"]).current_dir(root()).output().unwrap();
    let made = String::from_utf8(sed.stdout).unwrap();
    assert!(made == DECLARATIONS, "make it anew: sed -f cdef.sed include/dropmask.h >include/dropmask.cdef.h");
    assert!(!made.contains('#') && made.contains("enum { DROPMASK_OK = 0 };"), "{made}");
}

#[test]
fn has_the_version_of_the_crate() {
    let number = |name: &str| {
        let line = HEADER.lines().find_map(|line| line.strip_prefix(&format!("#define DROPMASK_VERSION{name} ")));
        line.unwrap().to_owned()
    };
    assert_eq!(number("_MAJOR"), env!("CARGO_PKG_VERSION_MAJOR"));
    assert_eq!(number("_MINOR"), env!("CARGO_PKG_VERSION_MINOR"));
    assert_eq!(number("_PATCH"), env!("CARGO_PKG_VERSION_PATCH"));
    assert_eq!(number(""), format!("{:?}", env!("CARGO_PKG_VERSION")));
}

/// Alone, so that it includes what it needs; and twice, for its guard. All constants are used: C looks at no other.
#[test]
fn compiles_without_a_warning() {
    let constants: Vec<_> = HEADER
        .lines()
        .filter_map(|line| line.strip_prefix("#define DROPMASK_")?.split_once(' '))
        .filter(|(_, value)| !value.starts_with('"'))
        .map(|(name, _)| format!("DROPMASK_{name}"))
        .collect();
    assert!(constants.len() > 15, "{constants:?}");
    let code = format!(
        "#include \"dropmask.h\"\n#include \"dropmask.h\"\n\
         size_t constants[] = {{ {} }};\nchar version[] = DROPMASK_VERSION;\n",
        constants.join(", ")
    );
    let include = root().join("include");
    for language in COMPILERS.into_iter().filter(|(name, ..)| has(name)) {
        let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("header.c");
        fs::write(&source, &code).unwrap();
        succeed(compiler(language).arg("-fsyntax-only").arg("-I").arg(&include).arg(&source));
    }
}

/// The fuzz target `functions` calls all functions, most by the table of `tests/ffi`.
#[test]
fn all_functions_are_fuzzed() {
    let target = fs::read_to_string(root().join("fuzz/fuzz_targets/functions.rs")).unwrap();
    let table = target.lines().filter_map(|line| line.strip_prefix("#[path = \"../../")?.strip_suffix("\"]"));
    let table = table.map(|path| fs::read_to_string(root().join(path)).unwrap());
    let sources: String = table.chain([target.clone()]).collect();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let called: HashSet<&str> = sources.split(|c| !is_name(c)).collect();
    let functions: HashSet<&str> = HEADER
        .match_indices('(')
        .filter_map(|(at, _)| HEADER[..at].rsplit(|c| !is_name(c)).next())
        .filter(|name| name.starts_with("dropmask_"))
        .collect();
    assert!(functions.len() > 50, "{functions:?}");
    assert!(functions.is_subset(&called), "{:?}", functions.difference(&called));
}
