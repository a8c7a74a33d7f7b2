//! The C library as its users have it: programs outside of the sources, that see nothing but the header and the library,
//! built by each compiler, by make, by CMake and as the README says; and from Python.
//!
//! What needs a tool is left out where the tool is absent, unless `DROPMASK_REQUIRE_TOOLS` is set.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

#[path = "common/tools.rs"]
mod tools;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tools::{COMPILERS, SONAME, c_library, compiler, has, or_skip, root, succeed};

const README: &str = include_str!("../README.md");

/// An empty folder.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_example").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// What a user has of dropmask, where the Makefile looks for it.
fn dropmask() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = folder("dropmask");
        let (include, release) = (path.join("include"), path.join("target/release"));
        for directory in [&include, &release] {
            fs::create_dir_all(directory).unwrap();
        }
        fs::copy(root().join("include/dropmask.h"), include.join("dropmask.h")).unwrap();
        for library in ["libdropmask.a", "libdropmask.so"] {
            fs::copy(c_library().join(library), release.join(library)).unwrap();
        }
        path
    })
}

/// A folder with these files of `examples/c`.
fn project(name: &str, files: &[&str]) -> PathBuf {
    let path = folder(name);
    for file in files {
        fs::copy(root().join("examples/c").join(file), path.join(file)).unwrap();
    }
    path
}

/// Compiles and runs a program by all compilers.
fn run(source: &Path) {
    let program = source.with_extension("out");
    for language in COMPILERS.into_iter().filter(|(name, ..)| has(name)) {
        let mut command = compiler(language);
        command.args(["-O2", "-pthread", "-I"]).arg(dropmask().join("include")).arg(source);
        // -x is for sources
        command.args(["-x", "none"]).arg(dropmask().join("target/release/libdropmask.a"));
        succeed(command.arg("-o").arg(&program));
        succeed(&mut Command::new(&program));
    }
}

#[test]
fn train() {
    run(&project("train", &["train.c"]).join("train.c"));
}

#[test]
fn eight_threads() {
    run(&project("threads", &["threads.c"]).join("threads.c"));
}

/// Installed under the name that it gives itself, by which the program then asks for it.
#[test]
fn shared() {
    assert!(README.contains(&format!("-soname,{SONAME} ")));
    if !has("gcc") || !has("readelf") {
        return;
    }
    let path = project("shared", &["train.c"]);
    fs::copy(dropmask().join("target/release/libdropmask.so"), path.join(SONAME)).unwrap();
    symlink(SONAME, path.join("libdropmask.so")).unwrap();
    let mut gcc = compiler(COMPILERS[0]);
    gcc.arg("-I").arg(dropmask().join("include")).arg(path.join("train.c"));
    succeed(gcc.arg("-L").arg(&path).arg("-ldropmask").arg("-o").arg(path.join("train")));
    succeed(Command::new(path.join("train")).env("LD_LIBRARY_PATH", &path));

    let readelf = Command::new("readelf").arg("--dynamic").arg(path.join(SONAME)).output().unwrap();
    let dynamic = String::from_utf8(readelf.stdout).unwrap();
    assert!(dynamic.contains(&format!("soname: [{SONAME}]")) && dynamic.contains("[libc.so.6]"), "{dynamic}");
}

/// The text of a block of the README.
fn block(language: &str) -> &'static str {
    let start = format!("```{language}\n");
    README.split_once(&start).unwrap().1.split_once("```").unwrap().0
}

#[test]
fn readme() {
    let source = folder("readme").join("main.c");
    fs::write(&source, block("c")).unwrap();
    run(&source);
}

#[test]
fn make() {
    assert_eq!(block("make"), include_str!("../examples/c/Makefile"));
    if !has("make") {
        return;
    }
    let path = project("make", &["Makefile", "train.c"]);
    succeed(Command::new("make").arg(format!("DROPMASK={}", dropmask().display())).current_dir(&path));
    succeed(&mut Command::new(path.join("train")));
}

#[test]
fn cmake() {
    assert_eq!(block("cmake"), include_str!("../examples/c/CMakeLists.txt"));
    if !has("cmake") {
        return;
    }
    let path = project("cmake", &["CMakeLists.txt", "train.c"]);
    let dropmask = format!("-DDROPMASK={}", dropmask().display());
    succeed(Command::new("cmake").args(["-S", ".", "-B", "build", &dropmask]).current_dir(&path));
    succeed(Command::new("cmake").args(["--build", "build"]).current_dir(&path));
    succeed(&mut Command::new(path.join("build/train")));
}

#[test]
fn numpy() {
    // the first may be one that has no NumPy, before that of the system
    let has_numpy =
        |python: &&str| Command::new(python).args(["-c", "import numpy"]).output().is_ok_and(|o| o.status.success());
    let python = ["python3", "/usr/bin/python3"].into_iter().find(has_numpy);
    if or_skip("NumPy", python.is_some()) {
        let path = project("numpy", &["numpy_check.py"]);
        let library = dropmask().join("target/release/libdropmask.so");
        succeed(Command::new(python.unwrap()).arg(path.join("numpy_check.py")).arg(library));
    }
}
