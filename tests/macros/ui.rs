//! What the macros say about mistakes, word for word. The rules for fixtures are in `ui/README.md`.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The compiler whose wording the expectations hold.
const PINNED: &str = "1.95.0";

#[test]
fn every_fix_compiles() {
    trybuild::TestCases::new().pass("macros/ui/*/pass/*.rs");
}

#[test]
fn every_mistake_is_explained() {
    let found = compiler();
    if found != PINNED {
        // Past the capture of the test harness: nobody shall take this for a passed test.
        let message = format!(
            "\n!! NOT TESTED: the compiler's messages are pinned to rustc {PINNED}, this is {found}.\n\
             !! Run `rustup run {PINNED} cargo test -p rpc-tests --test ui`.\n\n"
        );
        let _ = io::stderr().write_all(message.as_bytes());
        return;
    }
    trybuild::TestCases::new().compile_fail("macros/ui/*/fail/*.rs");
}

#[test]
fn every_mistake_has_a_fixture_that_shows_the_fix() {
    let mut orphans = Vec::new();
    for fixture in fixtures() {
        let text = fs::read_to_string(&fixture).unwrap();
        let fix = text.lines().next().and_then(|line| line.strip_prefix("// Fixed in "));
        let folder = fixture.parent().and_then(Path::parent).unwrap();
        if !fix.is_some_and(|fix| folder.join(fix).is_file()) {
            orphans.push(fixture);
        }
    }
    assert!(orphans.is_empty(), "no fix, or none that exists: {orphans:#?}");
}

/// Returns all fixtures with a mistake.
fn fixtures() -> Vec<PathBuf> {
    let mut fixtures = Vec::new();
    for folder in ["endpoint", "expected", "derive"] {
        for entry in fs::read_dir(format!("macros/ui/{folder}/fail")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                fixtures.push(path);
            }
        }
    }
    fixtures
}

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(' ').nth(1).unwrap_or_default().to_owned()
}
