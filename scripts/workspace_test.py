#!/usr/bin/env python3
"""Tests of what `workspace` finds out by reading Rust: on small crates that are written into a temporary folder."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import rust_imports  # noqa: E402 (it would leave compiled files in this folder otherwise)


def edges(files):
    """Returns what imports what in a crate with these files."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder)
        for name, text in files.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = rust_imports.Crate(source).imports()
        return {folder: {target: hit.line for target, hit in targets.items()} for folder, targets in found.items()}


def crate(a="", b="", **others):
    """Returns the files of a crate with the folders `a` and `b`."""
    files = {"lib.rs": "mod a;\nmod b;\n", "a/mod.rs": a, "b/mod.rs": b}
    return files | {name.replace("__", "/") + ".rs": text for name, text in others.items()}


class Imports(unittest.TestCase):
    def finds(self, text, line=1):
        self.assertEqual(edges(crate(a=text)), {"a/": {"b/": line}}, text)

    def finds_nothing(self, text):
        self.assertEqual(edges(crate(a=text)), {}, text)

    def test_a_use_is_found_in_all_its_forms(self):
        self.finds("use crate::b::X;")
        self.finds("use crate::b;")
        self.finds("use crate::b::*;")
        self.finds("pub use crate::b::{self, X as Y};")
        self.finds("pub(crate) use super::b::X;")
        self.finds("use {std::fmt, crate::{a::Z, b::{X, y::Z}}};")
        self.finds("\n\nuse crate::{\n    a,\n    b,\n};", line=3)
        self.finds("fn f() {\n    use crate::b::X;\n}", line=2)

    def test_paths_inside_code_are_found(self):
        self.finds("fn f() { crate::b::g() }")
        self.finds("fn f() -> Vec<crate::b::X> { vec![] }")
        self.finds("fn f() { super :: b :: g() }")
        self.finds("macro_rules! m { () => { $crate::b::g() } }")

    def test_super_leads_out_of_inline_modules(self):
        self.finds("mod inner {\n    use super::super::b::X;\n}", line=2)
        self.finds_nothing("mod inner { use super::b::X; }\nmod b {}")

    def test_comments_and_literals_are_no_imports(self):
        self.finds_nothing("// use crate::b::X;\n/* crate::b::X /* */ crate::b::X */\n/// [`crate::b::X`]\nfn f() {}")
        self.finds_nothing('const A: &str = "use crate::b::X; \\" crate::b::X";')
        self.finds_nothing('const A: &str = r#"" crate::b::X"#;')
        self.finds("const A: char = '\"'; use crate::b::X; const B: char = '\"';")
        self.finds("fn f<'a>(x: &'a str) -> &'a crate::b::X { todo!() }")

    def test_what_is_compiled_for_tests_alone_does_not_count(self):
        self.finds_nothing("#[cfg(test)]\nmod tests { use crate::b::X; }")
        self.finds_nothing("#[cfg(test)]\n#[allow(unused)]\nuse crate::{a::Y, b::X};")
        self.finds_nothing("#[cfg(all(test, feature = \"x\"))]\nfn f(x: [u8; 2]) -> crate::b::X { todo!() }")
        self.finds_nothing("#![cfg(test)]\nuse crate::b::X;")
        self.finds_nothing("struct S {\n    #[cfg(test)]\n    x: crate::b::X,\n    y: u32,\n}")
        self.finds("#[cfg(not(test))]\nuse crate::b::X;", line=2)
        self.finds("#[cfg(test)]\nfn f() {}\nuse crate::b::X;", line=3)
        files = crate(a="#[cfg(test)]\nmod tests;\n#[cfg(test)]\n#[path = \"more.rs\"]\nmod more;")
        files |= {"a/tests.rs": "use crate::b::X;", "a/more.rs": "use crate::b::X;"}
        self.assertEqual(edges(files), {})

    def test_a_folder_and_its_subfolders_count_as_one(self):
        files = crate(a="mod c;\nuse c::X;", a__c__mod="mod d;\nuse super::X;", a__c__d="use crate::a::X;")
        self.assertEqual(edges(files), {})
        files = crate(a="mod c;", a__c__mod="mod d;", a__c__d="use super::super::super::b::X;")
        self.assertEqual(edges(files), {"a/": {"b/": 1}})

    def test_a_file_beside_a_folder_of_its_name_belongs_to_it(self):
        files = {"lib.rs": "mod a;\nmod b;\n", "a.rs": "mod c;", "a/c.rs": "use crate::b::X;", "b.rs": "use crate::a::X;"}
        self.assertEqual(edges(files), {"a/": {"b.rs": 1}, "b.rs": {"a/": 1}})

    def test_names_that_the_root_exports_lead_to_their_folders(self):
        files = crate(a="use crate::{X, Renamed};")
        files["lib.rs"] = "mod a;\nmod b;\npub use a::Y;\npub use b::X;\npub use crate::b::Z as Renamed;\n"
        self.assertEqual(edges(files), {"a/": {"b/": 1}})
        files["lib.rs"] = "mod a;\nmod b;\npub mod c { pub use crate::b::{X}; }\n"
        files["a/mod.rs"] = "use crate::c::X;"
        self.assertEqual(edges(files), {"a/": {"b/": 1}})

    def test_a_module_can_have_its_file_elsewhere(self):
        files = crate(a="#[path = \"../elsewhere.rs\"]\npub(crate) mod c;", elsewhere="use crate::b::X;")
        self.assertEqual(edges(files), {"elsewhere.rs": {"b/": 1}})

    def test_the_root_may_import_everything(self):
        self.assertEqual(edges(crate() | {"lib.rs": "mod a;\nmod b;\nuse a::X;\nfn f() { crate::b::g() }"}), {})


class Cycles(unittest.TestCase):
    def cycles(self, **graph):
        return list(rust_imports.cycles({f"{a}/": {f"{b}/" for b in targets} for a, targets in graph.items()}))

    def test_cycles_are_found_shortest_first(self):
        self.assertEqual(self.cycles(a="b", b="c", c=""), [])
        self.assertEqual(self.cycles(a="b", b="a"), [["a/", "b/"]])
        self.assertEqual(self.cycles(a="b", b="c", c="a"), [["a/", "b/", "c/"]])
        self.assertEqual(self.cycles(a="b", b="ca", c="a"), [["a/", "b/"], ["a/", "b/", "c/"]])
        self.assertEqual(self.cycles(a="b", b="a", c="d", d="c"), [["a/", "b/"], ["c/", "d/"]])

    def test_files_directly_in_the_source_folder_are_not_in_each_other_s_way(self):
        self.assertEqual(list(rust_imports.cycles({"a.rs": {"b.rs"}, "b.rs": {"a.rs"}})), [])
        through = {"a/": {"b.rs"}, "b.rs": {"a/"}}
        self.assertEqual(list(rust_imports.cycles(through)), [["a/", "b.rs"]])


class Sizes(unittest.TestCase):
    def test_lines_of_comments_and_blanks_are_not_counted(self):
        text = "//! Page.\n\n/* a\n   b */\nfn f() { // why\n    \"// no comment\\\n    more\"\n}\n"
        self.assertEqual(rust_imports.lines_of_code(text), 4)

    def test_files_of_each_folder_are_counted(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            source = root / "src"
            for name in ("a", "b", "c", "inner/d"):
                path = source / f"{name}.rs"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            self.assertEqual(list(rust_imports.crowded_folders(source, 3, root)), [])
            [sentence] = rust_imports.crowded_folders(source, 2, root)
            self.assertTrue(sentence.startswith("src has 3 files, more than 2"), sentence)
            self.assertEqual(list(rust_imports.crowded_folders(root / "none", 2, root)), [])


if __name__ == "__main__":
    unittest.main()
