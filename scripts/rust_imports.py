"""Finds what the files of a Rust crate import from each other.

Reads source text, not a compiler's output: it knows `use` with nested braces, paths inside code, `super`, `self`, `$crate`,
`#[path]`, modules written inline, and names that `lib.rs` re-exports. It leaves out comments, string literals and what is
compiled for tests alone.
"""

import dataclasses
import os
import pathlib
import re

LITERAL = re.compile(
    r"""//[^\n]*|/\*|\b(?:r|br|cr)(?P<hashes>\#*)"|"(?:\\.|[^"\\])*"|'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'\n])'""", re.DOTALL
)
ITEM = re.compile(
    r"\s*(?:pub(?:\s*\([^)]*\))?\s+)?"
    r"(?:mod|use|fn|impl|struct|enum|const|static|type|trait|macro_rules|extern|async|unsafe|let)\b"
)
USE = re.compile(r"\buse\b(?P<tree>[^;]*);")
PATH = re.compile(r"(?<![\w:])(?:\$\s*)?(?:crate|super|self)\s*(?:::\s*\w+\s*)+")
INLINE_MODULE = re.compile(r"\bmod\s+(?P<name>\w+)\s*\{")
FILE_MODULE = re.compile(r"(?P<attributes>(?:#\[[^\]]*\]\s*)*)(?:pub(?:\s*\([^)]*\))?\s+)?mod\s+(?P<name>\w+)\s*;")
PATH_ATTRIBUTE = re.compile(r"""#\[\s*path\s*=\s*"(?P<file>[^"]*)"\s*\]""")


def blanked(text, keep_strings=False):
    """Returns the text with spaces in place of comments and literals; every other character keeps its position."""
    parts, position = [], 0
    while match := LITERAL.search(text, position):
        end = match.end()
        is_comment = match.group().startswith("/")
        if match.group() == "/*":
            end = end_of_block_comment(text, match.start())
        elif match.group("hashes") is not None:
            closing = text.find('"' + match.group("hashes"), end)
            end = len(text) if closing < 0 else closing + 1 + len(match.group("hashes"))
        literal = text[match.start() : end]
        parts.append(text[position : match.start()])
        parts.append(literal if keep_strings and not is_comment else re.sub(r"[^\n]", " ", literal))
        position = end
    return "".join(parts) + text[position:]


def end_of_block_comment(text, start):
    depth = 0
    for mark in re.finditer(r"/\*|\*/", text[start:]):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return start + mark.end()
    return len(text)


def end_of_bracket(code, start):
    """Returns the position behind the bracket that closes the one at `start`."""
    depth = 0
    for position in range(start, len(code)):
        if code[position] in "([{":
            depth += 1
        elif code[position] in ")]}":
            depth -= 1
            if depth == 0:
                return position + 1
    return len(code)


def end_of_item(code, start):
    """Returns the position behind the item (or field, or variant) that begins at `start`, its attributes included."""
    while attribute := re.compile(r"\s*#\s*(?=\[)").match(code, start):
        start = end_of_bracket(code, attribute.end())
    ends = ";" if ITEM.match(code, start) else ",;"
    position = start
    while position < len(code):
        character = code[position]
        if character in "([{":
            position = end_of_bracket(code, position)
            if character == "{":
                return position
            continue
        if character in ends:
            return position + 1
        if character in ")]}":
            return position
        position += 1
    return position


def is_for_tests(cfg):
    return bool(re.search(r"\btest\b", re.sub(r"\bnot\s*\([^()]*\)", "", cfg)))


def without_tests(code):
    """Returns the code without the items under `#[cfg(test)]`, and the names of the modules among them."""
    if (inner := re.search(r"#!\s*\[\s*cfg\s*(\([^\]]*\))\s*\]", code)) and is_for_tests(inner.group(1)):
        return re.sub(r"[^\n]", " ", code), set()
    modules, position = set(), 0
    while attribute := re.compile(r"#\s*\[\s*cfg\s*(?=\()").search(code, position):
        position = end_of_bracket(code, attribute.end())
        if not is_for_tests(code[attribute.end() : position]):
            continue
        end = end_of_item(code, code.index("]", position) + 1)
        item = code[attribute.start() : end]
        if module := re.search(r"\bmod\s+(\w+)\s*;$", item):
            modules.add(module.group(1))
        code = code[: attribute.start()] + re.sub(r"[^\n]", " ", item) + code[end:]
        position = end
    return code, modules


def expanded(tree):
    """Yields every path of a `use` tree as a list of segments; `as` names are dropped, `*` stays."""
    tree = tree.strip()
    if not tree:
        return
    brace = tree.find("{")
    if brace < 0:
        path = re.split(r"\s+as\s+", tree)[0]
        yield [segment.strip() for segment in path.split("::") if segment.strip()]
        return
    prefix = [segment.strip() for segment in tree[:brace].split("::") if segment.strip()]
    for branch in branches(tree[brace + 1 : end_of_bracket(tree, brace) - 1]):
        for path in expanded(branch):
            yield prefix + ([] if path == ["self"] and prefix else path)


def branches(inside):
    depth, start = 0, 0
    for position, character in enumerate(inside):
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            yield inside[start:position]
            start = position + 1
    yield inside[start:]


@dataclasses.dataclass(frozen=True)
class Import:
    """One path in a file that leads to another folder."""

    file: pathlib.Path
    line: int
    text: str
    target: str

    def relative_to(self, root):
        return f"{self.file.relative_to(root)}:{self.line}: {self.text}"


@dataclasses.dataclass
class SourceFile:
    path: pathlib.Path
    module: tuple
    text: str
    code: str

    def line(self, position):
        number = self.text.count("\n", 0, position) + 1
        return number, self.text.splitlines()[number - 1].strip()

    def module_at(self, position):
        """Returns the module of this place: the file's, or one that is written inline in it."""
        inline = ()
        for match in INLINE_MODULE.finditer(self.code, 0, position):
            if position < end_of_bracket(self.code, match.end() - 1):
                inline += (match.group("name"),)
        return self.module + inline

    def paths(self):
        """Yields each path that begins at `crate`, `super` or `self`: its position and its segments from the crate's root."""
        for use in USE.finditer(self.code):
            for path in expanded(use.group("tree")):
                yield from self.absolute(use.start(), path)
        for path in PATH.finditer(USE.sub(lambda use: " " * len(use.group()), self.code)):
            yield from self.absolute(path.start(), re.findall(r"\w+", path.group()))

    def absolute(self, position, path):
        module = self.module_at(position)
        if path[:1] == ["crate"]:
            yield position, tuple(path[1:])
        elif path[:1] in (["self"], ["super"]):
            rest = path[1:] if path[0] == "self" else path
            while rest[:1] == ["super"]:
                module, rest = module[:-1], rest[1:]
            yield position, module + tuple(rest)


class Crate:
    """The files of a `src` folder, and what they import."""

    def __init__(self, source):
        self.source = pathlib.Path(source)
        self.files = []
        self.root = next((self.source / name for name in ("lib.rs", "main.rs") if (self.source / name).is_file()), None)
        if self.root:
            self.read(self.root, ())
        self.reexports = self.names_of_the_root()

    def read(self, path, module):
        """Reads a file, and then the files of the modules that it declares."""
        text = path.read_text()
        code, tests = without_tests(blanked(text))
        self.files.append(SourceFile(path, module, text, code))
        with_strings = blanked(text, keep_strings=True)
        for declared in FILE_MODULE.finditer(code):
            name = declared.group("name")
            attributes = with_strings[declared.start("attributes") : declared.end("attributes")]
            file = self.file_of(path, name, PATH_ATTRIBUTE.search(attributes))
            if name not in tests and file is not None:
                self.read(file, module + (name,))

    def file_of(self, parent, name, attribute):
        if attribute:
            candidates = [pathlib.Path(os.path.normpath(parent.parent / attribute.group("file")))]
        else:
            is_folder = parent == self.root or parent.name == "mod.rs"
            folder = parent.parent if is_folder else parent.with_suffix("")
            candidates = [folder / f"{name}.rs", folder / name / "mod.rs"]
        return next((path for path in candidates if path.is_file()), None)

    def names_of_the_root(self):
        """Returns what `use` in `lib.rs` makes of a path: `crate::Context` is `crate::context::Context`."""
        names = {}
        for file in self.files[:1]:
            for use in USE.finditer(file.code):
                for path in expanded(use.group("tree")):
                    if path[:1] == ["crate"] or path[:1] == ["self"]:
                        path = path[1:]
                    if path and path[-1] != "*":
                        renamed = re.search(rf"\b{path[-1]}\s+as\s+(\w+)", use.group("tree"))
                        name = renamed.group(1) if renamed else path[-1]
                        names[file.module_at(use.start()) + (name,)] = tuple(path)
        return names

    def folder_of(self, path):
        """Returns the folder of a file: the outermost one below `src`, or the file itself where there is none."""
        parts = path.relative_to(self.source).parts
        if len(parts) > 1:
            return f"{parts[0]}/"
        beside = path.with_suffix("")
        return f"{beside.name}/" if beside.is_dir() else parts[0]

    def target_of(self, path):
        """Returns the folder that holds `crate::path`; `None` for what is not in this crate or in its root."""
        for length in range(len(path), 0, -1):
            if (name := path[:length]) in self.reexports and self.reexports[name] != path:
                return self.target_of(self.reexports[name] + path[length:])
        for file in self.files[1:]:
            if path[:1] == file.module:
                return self.folder_of(file.path)
        return None

    def imports(self):
        """Returns, by folder and by the folder that it imports, the first such import of each file."""
        found = {}
        for file in self.files:
            if file.path == self.root:
                continue
            folder = self.folder_of(file.path)
            for position, path in file.paths():
                target = self.target_of(path)
                if target not in (None, folder):
                    number, text = file.line(position)
                    found.setdefault(folder, {}).setdefault(target, Import(file.path, number, text, target))
        return found


def cycles(graph):
    """Yields cycles of a graph that lead through a folder, shortest first, each without an edge of those before it.

    Files that stand beside each other directly in `src` may import each other: they are in one folder.
    """
    graph = {node: set(targets) for node, targets in graph.items()}
    while found := [cycle for node in sorted(graph) if is_folder(node) and (cycle := cycle_through(graph, node))]:
        shortest = min(found, key=len)
        yield shortest
        graph[shortest[-1]].discard(shortest[0])


def is_folder(node):
    return node.endswith("/")


def cycle_through(graph, start):
    """Returns the nodes of a shortest cycle through `start`, `None` if there is none."""
    ways, seen = [[start]], set()
    for way in ways:
        for target in sorted(graph.get(way[-1], ())):
            if target == start:
                return way
            if target not in seen:
                seen.add(target)
                ways.append(way + [target])
    return None


def crowded_folders(source, most, root):
    """Yields a sentence for every folder in `source` that holds more than `most` files."""
    folders = [source, *(path for path in source.rglob("*") if path.is_dir())]
    for folder in sorted(folders):
        files = sum(1 for path in folder.iterdir() if path.is_file()) if folder.is_dir() else 0
        if files > most:
            yield f"{folder.relative_to(root)} has {files} files, more than {most}: give what belongs together a folder"


def lines_of_code(text):
    """Returns how many lines hold more than comments and blanks."""
    code = blanked(text, keep_strings=True)
    return sum(1 for line in code.splitlines() if line.strip())
