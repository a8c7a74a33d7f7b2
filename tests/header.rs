//! The header: made of the sources as they are, of the crate's version, and clean for compilers of C and C++.
//!
//! What needs a tool is left out where the tool is absent, unless `DROPMASK_REQUIRE_TOOLS` is set.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

const HEADER: &str = include_str!("../include/dropmask.h");

/// Whether a tool is here; without it, a test passes unless all tools are called for.
fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(found || env::var_os("DROPMASK_REQUIRE_TOOLS").is_none(), "{tool} is not installed");
    if !found {
        println!("skipped: {tool} is not installed");
    }
    found
}

#[test]
fn is_up_to_date() {
    if !has("cbindgen") {
        return;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dropmask.h");
    let mut cbindgen = Command::new("cbindgen");
    cbindgen.args(["--quiet", "--output"]).arg(&path).current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(cbindgen.status().unwrap().success());
    let made = fs::read_to_string(path).unwrap();
    assert!(made == HEADER, "make it anew: cbindgen --quiet --output include/dropmask.h");
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
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    for (compiler, standard, welcome) in
        [("gcc", "c11", false), ("g++", "c++17", false), ("clang", "c11", true), ("clang++", "c++17", true)]
    {
        // clang is not called for
        if welcome && Command::new(compiler).arg("--version").output().is_err() || !welcome && !has(compiler) {
            continue;
        }
        let extension = if standard == "c11" { "c" } else { "cc" };
        let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("header-{compiler}.{extension}"));
        fs::write(&source, &code).unwrap();
        let mut command = Command::new(compiler);
        command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]);
        command.arg("-I").arg(&include).arg(&source);
        command.arg(format!("-std={standard}"));
        assert!(command.status().unwrap().success(), "{command:?}");
    }
}
