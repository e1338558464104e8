//! Checks that each guarantee in the documents names the tests that show it, and that all named tests exist.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rpc_tests::conformance;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// Returns the guarantees: each list item, with its lines joined.
fn guarantees(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(item) = line.strip_prefix("- ") {
            items.push(item.to_owned());
            inside = true;
        } else if inside && line.starts_with("  ") {
            let item = items.last_mut().unwrap();
            item.push(' ');
            item.push_str(line.trim());
        } else {
            inside = false;
        }
    }
    items
}

/// Returns the names in backquotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn case_names() -> BTreeSet<&'static str> {
    conformance::cases().iter().map(|case| case.name).collect()
}

/// Returns whether a test exists: a conformance case, or another test as `path/to/file.rs::name`.
fn exists(test: &str) -> bool {
    match test.split_once("::") {
        None => case_names().contains(test),
        Some((file, name)) => fs::read_to_string(root().join(file))
            .is_ok_and(|source| source.contains(&format!("fn {name}("))),
    }
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut seen = BTreeMap::new();
    for case in conformance::cases() {
        *seen.entry(case.name).or_insert(0) += 1;
    }
    seen.retain(|_, times| *times > 1);
    assert!(seen.is_empty(), "more than one case has this name: {seen:?}");
}

#[test]
fn every_guarantee_names_its_tests() {
    let text = document("SEMANTICS.md");
    let guarantees = guarantees(&text);
    assert!(guarantees.len() > 10, "the guarantees are not where they are looked for");
    let mut named = BTreeSet::new();
    for guarantee in &guarantees {
        let Some((_, tests)) = guarantee.rsplit_once(" — test: ") else {
            panic!("this guarantee names no test: {guarantee}");
        };
        let tests = quoted(tests);
        assert!(!tests.is_empty(), "this guarantee names no test: {guarantee}");
        for test in tests {
            assert!(exists(&test), "there is no test `{test}`, named behind: {guarantee}");
            named.insert(test);
        }
    }
    let unnamed: Vec<_> = case_names().into_iter().filter(|case| !named.contains(*case)).collect();
    assert!(unnamed.is_empty(), "docs/SEMANTICS.md does not say what these show: {unnamed:#?}");
}

#[test]
fn every_feature_of_the_original_that_is_here_names_its_tests() {
    let text = document("PARITY.md");
    let mut numbers = Vec::new();
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let Ok(number) = cells[0].parse::<usize>() else { continue };
        numbers.push(number);
        let [_, _, here, shown] = cells[..] else { panic!("a row has four cells: {row}") };
        let tests = quoted(shown);
        let is_here = here == "yes" || here.starts_with("yes,");
        assert_eq!(is_here, !tests.is_empty(), "what is here is shown, what is not is not: {row}");
        for test in tests {
            assert!(exists(&test), "there is no test `{test}`, named in: {row}");
        }
    }
    assert_eq!(numbers, (1..=82).collect::<Vec<_>>(), "one row for each feature, in order");
}
