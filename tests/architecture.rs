//! The rooms of `src`, and that calls go one way: no file imports from a room above its own, nor what lib.rs re-exports.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that fails stops

use std::fs;
use std::path::{Path, PathBuf};

/// From the lowest room up. Each may use those before it.
const ROOMS: [&str; 12] =
    ["error", "key", "probability", "simd", "mask", "stream", "layout", "engine", "kinds", "ffi", "guide", "lib"];

fn rank(room: &str) -> usize {
    ROOMS
        .iter()
        .position(|other| *other == room)
        .unwrap_or_else(|| panic!("src has a room {room}, which is not listed"))
}

fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

/// Each file of `src` with its room and its text, documentation and tests left out.
fn files() -> Vec<(PathBuf, String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    sources(&src, &mut all);
    let room = |path: &Path| {
        let first = path.strip_prefix(&src).unwrap().iter().next().unwrap().to_str().unwrap();
        first.trim_end_matches(".rs").to_owned()
    };
    let text = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let code = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
        code.map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
    };
    all.into_iter().map(|path| (path.clone(), room(&path), text(&path))).collect()
}

#[test]
fn no_file_imports_from_above() {
    let mut arrows = 0;
    for (path, room, text) in files().into_iter().filter(|(_, room, _)| room != "lib") {
        for (at, _) in text.match_indices("crate::") {
            let used: String = text[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            assert!(ROOMS.contains(&used.as_str()), "{}: crate::{used} is no room", path.display());
            assert!(rank(&used) <= rank(&room), "{}: {room} uses {used}, which is above it", path.display());
            arrows += 1;
        }
    }
    assert!(arrows > 50, "{arrows} arrows: are these the sources?");
}

#[test]
fn files_are_short() {
    for (path, _, _) in files() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 350, "{} has {lines} lines", path.display());
    }
}

#[test]
fn unsafe_code_stays_where_it_belongs() {
    for (path, room, text) in files() {
        let here = matches!(room.as_str(), "simd" | "ffi")
            || ["operand.rs", "run.rs"].iter().any(|file| path.ends_with(Path::new("engine").join(file)));
        assert!(here || !text.contains("unsafe "), "{} has unsafe code", path.display());
    }
}
