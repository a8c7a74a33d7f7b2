//! The C library in programs that have more in them: another Rust library with std, a Rust library around it, threads of
//! little stack.
//!
//! What needs a tool is left out where the tool is absent, unless `DROPMASK_REQUIRE_TOOLS` is set.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

#[path = "common/tools.rs"]
mod tools;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use tools::{COMPILERS, c_library, compiler, has, root, succeed};

/// Bytes of stack that a function may take in the release build. A little above what AVX-512 needs; to be set anew when the
/// code changes.
const STACK: u32 = 14_000;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Builds a program of `tests/c` by gcc, with what the linker is told of libraries, in this order.
fn link(source: &str, name: &str, libraries: &[&Path]) -> Command {
    let program = folder().join(name);
    let mut gcc = compiler(COMPILERS[0]);
    gcc.args(["-O2", "-pthread", "-I"]).arg(root().join("include")).arg(root().join("tests/c").join(source));
    // -x is for sources
    succeed(gcc.args(["-x", "none"]).args(libraries).arg("-o").arg(&program));
    let mut timeout = Command::new("timeout");
    timeout.arg("60").arg(program);
    timeout
}

#[test]
fn beside_another_rust_library() {
    if !has("gcc") {
        return;
    }
    let beside = folder().join("libbeside.a");
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "--crate-type=staticlib", "tests/umbrella/beside.rs", "-o"]).arg(&beside);
    succeed(rustc.current_dir(root()));
    let dropmask = c_library().join("libdropmask.a");
    succeed(&mut link("beside.c", "dropmask_first", &[&dropmask, &beside]));
    succeed(&mut link("beside.c", "dropmask_last", &[&beside, &dropmask]));
}

/// Built as its users build theirs, with their own Cargo.lock.
fn umbrella() -> PathBuf {
    let directory = folder().join("umbrella");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--manifest-path", "tests/umbrella/Cargo.toml", "--target-dir"]).arg(&directory);
    // those of the test's own build
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    succeed(cargo.current_dir(root()));
    directory.join("debug")
}

#[test]
fn in_another_rust_library() {
    if !has("gcc") {
        return;
    }
    let umbrella = umbrella();
    succeed(&mut link("beside.c", "umbrella_static", &[&umbrella.join("libumbrella.a")]));
    let shared = [&*umbrella.join("libumbrella.so")];
    succeed(link("beside.c", "umbrella_shared", &shared).env("LD_LIBRARY_PATH", &umbrella));
}

#[test]
fn on_a_thread_of_little_stack() {
    if !has("gcc") {
        return;
    }
    let (header, program) = (include_str!("../include/dropmask.cdef.h"), include_str!("c/stack.c"));
    let functions = header.lines().filter_map(|line| line.strip_prefix("dropmask_status ")?.split_once('('));
    // a status has a sentence whatever the stack
    let missing: Vec<_> = functions.filter(|(name, _)| !program.contains(&format!("({name}("))).collect();
    assert!(missing.is_empty(), "tests/c/stack.c calls no {missing:?}");
    succeed(link("stack.c", "stack", &[&c_library().join("libdropmask.a")]).arg(STACK.to_string()));
}
