//! The C library cannot panic, unwind or allocate: no symbol of its release build has a name that does, and it needs
//! nothing of others but four functions of memory.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

#[path = "../common/tools.rs"]
mod tools;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use object::read::archive::ArchiveFile;
use object::{File, Object, ObjectSection, ObjectSymbol, Section, SectionKind};
use tools::{c_library, root, succeed};

/// Parts of the names of what panics, unwinds or allocates, mangled or not.
const FORBIDDEN: [&str; 8] =
    ["panic", "unwind", "Unwind", "alloc", "unwrap_failed", "expect_failed", "index_fail", "len_fail"];

/// What the library needs of its user's C library.
const NEEDED: [&str; 4] = ["memcmp", "memcpy", "memmove", "memset"];

/// The symbols of an archive.
struct Symbols {
    /// Of all members, whether they are defined there or elsewhere.
    names: Vec<String>,
    /// Of members whose name begins with that of the library, those that are defined elsewhere.
    undefined: Vec<String>,
}

fn symbols(archive: &Path, library: &str) -> Symbols {
    let data = fs::read(archive).unwrap();
    let mut symbols = Symbols { names: Vec::new(), undefined: Vec::new() };
    for member in ArchiveFile::parse(&*data).unwrap().members() {
        let member = member.unwrap();
        let ours = member.name().starts_with(library.as_bytes());
        let file = File::parse(member.data(&*data).unwrap()).unwrap();
        for symbol in file.symbols() {
            let name = symbol.name().unwrap().to_owned();
            if ours && symbol.is_undefined() && !name.is_empty() {
                symbols.undefined.push(name.clone());
            }
            symbols.names.push(name);
        }
    }
    symbols
}

fn forbidden(names: &[String]) -> Vec<&String> {
    names.iter().filter(|name| FORBIDDEN.iter().any(|part| name.contains(part))).collect()
}

/// Returns what the library needs of others.
fn cannot_panic(archive: &Path) -> Vec<String> {
    let Symbols { names, undefined } = symbols(archive, "dropmask");
    let functions = names.iter().filter(|name| name.starts_with("dropmask_")).count();
    assert_eq!(functions, include_str!("../../include/dropmask.h").matches(");\n").count(), "all of the header");
    assert_eq!(forbidden(&names), [""; 0], "{}", archive.display());
    undefined
}

#[test]
fn the_c_library_cannot_panic() {
    let undefined = cannot_panic(&c_library().join("libdropmask.a"));
    assert!(!undefined.is_empty() && undefined.iter().all(|name| NEEDED.contains(&&**name)), "{undefined:?}");
}

/// Bytes of code and constants of the shared library. A little above what it has; to be set anew when the code changes.
const SHARED: u64 = 391_000;

#[test]
fn the_shared_library_keeps_to_its_size() {
    let data = fs::read(c_library().join("libdropmask.so")).unwrap();
    let file = File::parse(&*data).unwrap();
    let constant = |section: &Section<'_, '_>| matches!(section.kind(), SectionKind::Text | SectionKind::ReadOnlyData);
    let text: u64 = file.sections().filter(constant).map(|section| section.size()).sum();
    assert!((100_000..=SHARED).contains(&text), "{text} bytes of {SHARED}");
}

/// Nor where `.ci/freestanding` built it; it names the archives. What they need, the firmware that is linked there shows.
#[test]
fn nor_can_it_on_other_machines() {
    let archives = env::var_os("DROPMASK_ARCHIVES").unwrap_or_default();
    for archive in env::split_paths(&archives).filter(|path| !path.as_os_str().is_empty()) {
        println!("{}", archive.display());
        cannot_panic(&archive);
    }
}

/// Nor is it built to unwind, which the profile dev would do.
#[test]
fn nor_can_it_unwind() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["check", "--locked", "--lib", "--features", "ffi", "--target-dir"]);
    cargo.arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("unwinding")).current_dir(root());
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", "--cfg dropmask_panic_handler");
    let output = cargo.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("`--profile c-debug`"), "{said}");
}

/// Else the tests above would see nothing, whatever there was.
#[test]
fn a_planted_bounds_check_is_found() {
    let archive = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libplanted.a");
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "--crate-type=staticlib", "-Copt-level=3", "-Cpanic=abort", "-Clto=fat"]);
    rustc.args(["-Ccodegen-units=1", "tests/no_panic/planted.rs", "-o"]);
    succeed(rustc.arg(&archive).current_dir(root()));

    let Symbols { names, .. } = symbols(&archive, "planted");
    assert!(forbidden(&names).iter().any(|name| name.contains("panic_bounds_check")), "{:?}", forbidden(&names));
}
