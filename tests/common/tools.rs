//! What the tests of the C library share: other programs, and the library itself. A file of its own, for they need
//! nothing else of `common`.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, reason = "a module of tests has no outside")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Compilers, the standard that they are held to, and its language.
pub const COMPILERS: [(&str, &str, &str); 4] =
    [("gcc", "c11", "c"), ("g++", "c++17", "c++"), ("clang", "c11", "c"), ("clang++", "c++17", "c++")];

/// The name of the shared library's interface, as `cargo-c` makes it of the version.
pub const SONAME: &str =
    concat!("libdropmask.so.", env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// Calls a compiler, of what is written in its language whatever the name of the file.
pub fn compiler((name, standard, language): (&str, &str, &str)) -> Command {
    let mut command = Command::new(name);
    command.arg(format!("-std={standard}")).args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-x", language]);
    command
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether a tool is here; without it, a test passes unless all tools are called for.
pub fn has(tool: &str) -> bool {
    or_skip(tool, Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_ok())
}

pub fn or_skip(tool: &str, found: bool) -> bool {
    assert!(found || env::var_os("DROPMASK_REQUIRE_TOOLS").is_none(), "{tool} is not installed");
    if !found {
        println!("skipped: {tool} is not installed");
    }
    found
}

/// A Python that has these modules. The first may be one that lacks them, before that of the system.
pub fn python(modules: &str) -> Option<&'static str> {
    let has_them = |python: &&str| {
        Command::new(python).args(["-c", &format!("import {modules}")]).output().is_ok_and(|o| o.status.success())
    };
    let python = ["python3", "/usr/bin/python3"].into_iter().find(has_them);
    or_skip(&format!("Python with {modules}"), python.is_some());
    python
}

pub fn succeed(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// Builds the C library as `docs/c.md` says, and names the folder that then has `libdropmask.a` and `libdropmask.so`.
/// The first test to ask waits for it.
pub fn c_library() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_library");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--locked", "--lib", "--release", "--features", "ffi", "--crate-type", "staticlib,cdylib"]);
    cargo.arg("--target-dir").arg(&directory).current_dir(root());
    // those of the test's own build
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo.args(["--", "--cfg", "dropmask_panic_handler", "-C", "default-linker-libraries=yes"]);
    cargo.arg("-C").arg(format!("link-arg=-Wl,-soname,{SONAME}"));
    // and it must need nothing that it does not name
    succeed(cargo.args(["-C", "link-arg=-Wl,-z,defs"]));
    directory.join("release")
}
