//! Runs every example and compares what it prints with `expected/<name>.txt`.
//!
//! To accept changed output, run `UPDATE_EXPECTED=1 cargo test -p rpc-examples`.

// A test that cannot find its files fails.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the names of the examples: the programs in this package's folder.
fn names() -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Returns the path of an example. Cargo puts examples beside the `deps` folder of this test.
fn program(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    profile.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION)
}

fn run(name: &str) -> String {
    let program = program(name);
    assert!(
        program.exists(),
        "{} is not built; run `cargo test -p rpc-examples`, which builds the examples, too",
        program.display()
    );
    let output = Command::new(&program).env_remove("RUST_BACKTRACE").output().unwrap();
    assert!(output.status.success(), "{name} failed: {output:?}");
    let log = str::from_utf8(&output.stderr).unwrap();
    assert!(log.is_empty(), "{name} writes to stderr: {log}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_example_prints_what_is_expected() {
    for name in names() {
        let path = folder().join("expected").join(&name).with_extension("txt");
        let printed = run(&name);
        if env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&path, &printed).unwrap();
        }
        let expected = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            .replace("\r\n", "\n");
        assert_eq!(printed, expected, "the output of {name} differs from expected/{name}.txt");
    }
}

#[test]
fn every_expected_output_belongs_to_an_example() {
    let mut expected: Vec<_> = fs::read_dir(folder().join("expected"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    expected.sort();
    assert_eq!(expected, names());
}

#[test]
fn the_readme_lists_every_example() {
    let readme = fs::read_to_string(folder().join("../README.md")).unwrap();
    for name in names() {
        assert!(
            readme.contains(&format!("examples/{name}.rs")),
            "README.md does not list examples/{name}.rs"
        );
    }
}
