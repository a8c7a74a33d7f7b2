//! The C library as its users have it: programs outside of the sources, that see nothing but the header and the library,
//! built by each compiler, by make, by CMake and as README and guide say; and from Python.
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

use tools::{COMPILERS, SONAME, c_library, compiler, has, python, root, succeed};

const README: &str = include_str!("../README.md");
const GUIDE: &str = include_str!("../docs/c.md");
const PROGRAMS: [&str; 4] = ["train.c", "threads.c", "strided.c", "checkpoint.c"];

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
        for header in ["dropmask.h", "dropmask.cdef.h"] {
            fs::copy(root().join("include").join(header), include.join(header)).unwrap();
        }
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

/// Compiles and runs a program by all compilers. Headers may be beside it.
fn run(source: &Path) {
    let program = source.with_extension("out");
    for language in COMPILERS.into_iter().filter(|(name, ..)| has(name)) {
        let mut command = compiler(language);
        command.args(["-O2", "-pthread", "-I"]).arg(dropmask().join("include"));
        command.arg("-I").arg(source.parent().unwrap()).arg(source);
        // -x is for sources
        command.args(["-x", "none"]).arg(dropmask().join("target/release/libdropmask.a"));
        succeed(command.arg("-o").arg(&program));
        succeed(&mut Command::new(&program));
    }
}

#[test]
fn programs() {
    let path = project("programs", &PROGRAMS);
    for program in PROGRAMS {
        run(&path.join(program));
    }
}

/// The callback, on a stub of what it needs of ggml.
#[test]
fn ggml() {
    let header = include_str!("../examples/c/ggml_dropout.h");
    for line in blocks(GUIDE, "c ignore").into_iter().flat_map(str::lines) {
        assert!(header.contains(line), "not in ggml_dropout.h: {line}");
    }
    let path = project("ggml", &["ggml_dropout.h"]);
    for (file, name) in [("ggml_stub.h", "ggml.h"), ("ggml_dropout.c", "main.c")] {
        fs::copy(root().join("tests/c").join(file), path.join(name)).unwrap();
    }
    run(&path.join("main.c"));
}

/// Installed under the name that it gives itself, by which the program then asks for it.
#[test]
fn shared() {
    assert!(GUIDE.contains(&format!("-soname,{SONAME} ")));
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

/// The texts of the blocks of a page.
fn blocks(page: &'static str, language: &str) -> Vec<&'static str> {
    let start = format!("```{language}\n");
    page.split(&start).skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// Whole programs, each of which says by its status whether it is right.
#[test]
fn pages() {
    for (name, page) in [("readme", README), ("guide", GUIDE)] {
        let (path, programs) = (folder(name), blocks(page, "c"));
        assert!(!programs.is_empty(), "{name}");
        for (i, program) in programs.into_iter().enumerate() {
            let source = path.join(format!("{i}.c"));
            fs::write(&source, program).unwrap();
            run(&source);
        }
    }
}

/// A folder with a program, `main.c`, and the file that builds it, both of the guide.
fn guided(name: &str, language: &str, file: &str) -> PathBuf {
    let path = folder(name);
    fs::write(path.join("main.c"), blocks(GUIDE, "c").first().unwrap()).unwrap();
    fs::write(path.join(file), blocks(GUIDE, language).first().unwrap()).unwrap();
    path
}

#[test]
fn make() {
    if !has("make") {
        return;
    }
    let make = |path: &Path, target| {
        succeed(Command::new("make").arg(format!("DROPMASK={}", dropmask().display())).arg(target).current_dir(path));
    };
    make(&project("make", &[&["Makefile"], &PROGRAMS[..]].concat()), "check");
    let path = guided("guided_make", "make", "Makefile");
    make(&path, "main");
    succeed(&mut Command::new(path.join("main")));
}

#[test]
fn cmake() {
    if !has("cmake") {
        return;
    }
    let dropmask = format!("-DDROPMASK={}", dropmask().display());
    let build = |path: &Path| {
        succeed(Command::new("cmake").args(["-S", ".", "-B", "build", &dropmask]).current_dir(path));
        succeed(Command::new("cmake").args(["--build", "build"]).current_dir(path));
    };
    let path = project("cmake", &[&["CMakeLists.txt"], &PROGRAMS[..]].concat());
    build(&path);
    succeed(Command::new("ctest").arg("--output-on-failure").current_dir(path.join("build")));
    let path = guided("guided_cmake", "cmake", "CMakeLists.txt");
    build(&path);
    succeed(&mut Command::new(path.join("build/main")));
}

/// By the declarations for readers without a preprocessor.
#[test]
fn numpy() {
    if let Some(python) = python("cffi, numpy") {
        let path = project("numpy", &["numpy_check.py"]);
        succeed(Command::new(python).arg(path.join("numpy_check.py")).arg(dropmask()));
    }
}
