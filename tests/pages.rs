//! README and guide: their links lead somewhere, in the package and in its documentation, and what they quote is compiled.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// The files of the package that a registry gets.
static PACKAGED: LazyLock<String> = LazyLock::new(|| {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["package", "--offline", "--allow-dirty", "--list"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
});

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The files of the guide, by name.
fn guide() -> Vec<String> {
    let names = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "md")).collect()
}

/// What stands between two marks.
fn between<'t>(text: &'t str, start: &str, end: char) -> Vec<&'t str> {
    text.split(start).skip(1).map(|rest| rest.split(end).next().unwrap()).collect()
}

/// `[name]: target`, a line each.
fn references(page: &str) -> Vec<(&str, &str)> {
    page.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).collect()
}

/// A page that is read as a file of this folder.
fn assert_links(name: &str, folder: &str, targets: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap();
    for target in targets.iter().filter(|target| !target.starts_with("http")) {
        let path = folder.join(target).canonicalize();
        let path = path.unwrap_or_else(|error| panic!("{name}: {target}: {error}"));
        let path = path.strip_prefix(&root).unwrap().to_str().unwrap();
        assert!(PACKAGED.lines().any(|file| file == path), "{name}: {target} is not in the package");
    }
}

#[test]
fn readme_links_to_files_of_the_package() {
    let page = read("README.md");
    let links = between(&page, "](", ')');
    assert!(links.len() > 20, "{links:?}");
    assert_links("README.md", "", &links);
    // a registry resolves links and pictures of Markdown, and leaves `srcset` as it is
    assert_eq!(page.matches("<picture").count() + page.matches("<img").count(), 0);
}

#[test]
fn readme_is_short() {
    let words = read("README.md").split_whitespace().count();
    assert!(words <= 1100, "{words} words");
}

/// The documentation has pictures in its HTML, which Markdown leaves as they are up to an empty line.
#[test]
fn guide_has_its_pictures() {
    let modules = read("src/guide/mod.rs");
    let pages: String = guide().iter().map(|name| read(&format!("docs/{name}"))).collect();
    let pictures = references(&pages).into_iter().filter_map(|(_, target)| target.strip_suffix(".svg"));
    let mut found = 0;
    for picture in pictures {
        assert!(modules.contains(&format!("include_str!(\"../../docs/{picture}.svg\")")), "{picture}");
        let svg = read(&format!("docs/{picture}.svg"));
        assert!(svg.starts_with("<svg ") && !svg.contains("\n\n"), "{picture}");
        found += 1;
    }
    assert!(found > 0);
}

/// What they name is there, by its path in the repository.
#[test]
fn files_that_pages_name_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [".ci/", "benches/", "docs/", "examples/", "fuzz/", "include/", "python/", "src/", "tests/"];
    let pages = guide().into_iter().map(|name| format!("docs/{name}"));
    let mut found = 0;
    for page in pages.chain(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(str::to_owned)) {
        let text = read(&page);
        let prose: String = text.split("```").step_by(2).collect();
        let names =
            prose.split('`').skip(1).step_by(2).filter(|name| folders.iter().any(|start| name.starts_with(start)));
        for name in names.filter(|name| !name.contains([' ', '*', '{'])) {
            assert!(root.join(name).exists(), "{page} names {name}");
            found += 1;
        }
    }
    assert!(found > 100, "{found}");
}

/// Pages link by references. Those that they define lead to files of the package; `links.md`, which comes first in the
/// documentation, leads to modules and items there.
#[test]
fn guide_links_to_files_and_modules() {
    let (links, modules) = (read("src/guide/links.md"), read("src/guide/mod.rs"));
    let links = references(&links);
    for name in guide() {
        let page = read(&format!("docs/{name}"));
        assert!(name == "README.md" || modules.contains(&format!("{name:?}")), "{name} is no module");
        assert_eq!(between(&page, "](", ')'), [""; 0], "{name}: a link without a reference");

        let own = references(&page);
        assert_links(&name, "docs", &own.iter().map(|(_, target)| *target).collect::<Vec<_>>());
        let prose: String = page.split("```").step_by(2).collect();
        for (label, _) in &own {
            assert!(prose.matches(&format!("[{label}]")).count() > 1, "{name}: nothing refers to [{label}]");
            assert!(links.iter().any(|(other, _)| other == label), "{name}: [{label}] is not in links.md");
        }
        for (label, _) in &links {
            let used = prose.contains(&format!("[{label}]"));
            assert_eq!(used, own.iter().any(|(other, _)| other == label), "{name}: [{label}]");
        }
    }
}

/// A block of Rust is marked `rust,ignore`, and stands, but for its indentation, in the file that is named last before it.
#[test]
fn what_is_not_compiled_is_quoted() {
    for page in ["docs/burn.md", "docs/candle.md"] {
        let text = read(page);
        let parts: Vec<_> = text.split("```").collect();
        let mut blocks = 0;
        for [prose, block] in parts.as_chunks::<2>().0 {
            let Some(code) = block.strip_prefix("rust,ignore\n") else {
                assert!(!block.starts_with("rust"), "{page}: not marked:\n{block}");
                continue;
            };
            let file = prose.trim_end().lines().last().and_then(|line| line.rsplit('`').nth(1)).unwrap();
            assert!(unindented(&read(file)).contains(&unindented(code)), "{page}: not in {file}:\n{code}");
            blocks += 1;
        }
        assert!(blocks > 0, "{page}");
    }
}

fn unindented(code: &str) -> String {
    code.lines().map(|line| line.trim().to_owned() + "\n").collect()
}
