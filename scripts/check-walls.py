#!/usr/bin/env python3
"""Checks that imports run one way, as docs/architecture.md says.

    python3 scripts/check-walls.py               check the workspace; exit 1 and one line per violation
    python3 scripts/check-walls.py --self-test   plant violations in a made-up workspace and see them found

The page holds one block per crate, fenced as ```walls FOLDER CRATE. A line's first word is a top-level module;
it may name the modules above it in its block, and the crates of the blocks above, nothing else. A module that
exists and is not listed, or is listed and does not exist, is a violation too. The crate's root file, unit tests
(#[cfg(test)]), comments and strings are not looked at. Needs Python 3.9, nothing else.
"""
import argparse
import pathlib
import re
import sys
import tempfile

BLOCK = re.compile(r"^```walls (\S+) (\S+)\n(.*?)^```", re.M | re.S)
TOKENS = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<raw>b?r(?P<hashes>\#*)".*?"(?P=hashes))|(?P<string>b?"(?:\\.|[^"\\])*")"""
    r"""|(?P<char>b?'(?:\\[^\n]*?|[^\\'\n])')""",
    re.S,
)
TEST_ITEM = re.compile(r"#\[cfg\((?:all\()?test\b[^\]]*\]")
USE = re.compile(r"\buse\s+([^;{]*(?:\{[^;]*\})?[^;]*);")
TEST_FILE = re.compile(r"#\[cfg\((?:all\()?test\b[^\]]*\]\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;")
INLINE_MODULE = re.compile(r"\bmod\s+(\$?\w+)\s*\{")


def read_walls(page):
    """[(folder, crate, [module, …])] in the order of the page."""
    walls = []
    for folder, crate, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        walls.append((folder, crate, [line.split()[0] for line in body.splitlines() if line.strip()]))
    return walls


def blank(text):
    """`text` of the same length and lines without its letters."""
    return re.sub(r"[^\n]", " ", text)


def closing_brace(code, opening):
    depth = 0
    for at in range(opening, len(code)):
        depth += (code[at] == "{") - (code[at] == "}")
        if depth == 0:
            return at
    return len(code) - 1


def bare_code(text):
    """Code without comments, strings, character literals and test items, positions unchanged."""
    code = TOKENS.sub(lambda found: blank(found.group()), text)
    for found in reversed(list(TEST_ITEM.finditer(code))):
        ends = [at for at in (code.find("{", found.end()), code.find(";", found.end())) if at >= 0]
        end = min(ends, default=len(code) - 1)
        if code[end : end + 1] == "{":
            end = closing_brace(code, end)
        code = code[: found.start()] + blank(code[found.start() : end + 1]) + code[end + 1 :]
    return code


def expand(tree):
    """Every path of a use tree: a::{b, c::d} gives a::b and a::c::d."""
    tree = tree.strip()
    opening = tree.find("{")
    if opening < 0:
        return [re.sub(r"\s+as\s+\w+$", "", tree)]
    prefix, inner = tree[:opening], tree[opening + 1 : closing_brace(tree, opening)]
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(inner + ","):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            parts.append(inner[start:at])
            start = at + 1
    return [prefix + path for part in parts if part.strip() for path in expand(part)]


def paths(code, roots):
    """(position, path) of every use path and every inline path that starts at a root."""
    spans = []
    for found in USE.finditer(code):
        spans.append(found.span())
        for path in expand(found.group(1)):
            yield found.start(), "".join(path.split())
    inline = re.compile(r"(?<![\w:])(?:" + "|".join(roots) + r")(?:::\w+)+")
    for found in inline.finditer(code):
        if not any(start <= found.start() < end for start, end in spans):
            yield found.start(), found.group()


def module_path(source, file):
    """Module names from the crate root to the file."""
    parts = list(file.relative_to(source).with_suffix("").parts)
    return parts[:-1] if parts[-1] == "mod" else parts


def inline_modules(code, position):
    """Names of the inline modules around a position, outermost first."""
    return [m.group(1) for m in INLINE_MODULE.finditer(code) if m.end() <= position <= closing_brace(code, m.end() - 1)]


def root_names(source):
    """Names that the crate root re-exports, with the module each comes from."""
    names = {}
    for root in (source / "lib.rs", source / "main.rs"):
        if root.exists():
            for found in USE.finditer(bare_code(root.read_text(encoding="utf-8"))):
                for path in expand(found.group(1)):
                    parts = "".join(path.split()).removeprefix("crate::").split("::")
                    names[parts[-1]] = parts[0]
    return names


def target(path, here):
    """Segments from the crate root of a path used in module `here`; None when it leaves or never names the root."""
    parts = path.split("::")
    if parts[0] == "crate":
        return parts[1:]
    if parts[0] != "super":
        return None
    ups = 0
    while ups < len(parts) and parts[ups] == "super":
        ups += 1
    return here[: max(len(here) - ups, 0)] + parts[ups:]


def check_file(file, source, crate, modules, allowed, refused, names):
    """Violations of one file as (line, sentence)."""
    code = bare_code(file.read_text(encoding="utf-8"))
    top = module_path(source, file)[0]
    rank = modules.index(top)
    for position, path in paths(code, ["crate", "super", *allowed, *refused]):
        line = code.count("\n", 0, position) + 1
        first = path.split("::")[0]
        if first in refused:
            yield line, f"{crate}::{top} names crate {first} ({path}), which stands above it"
            continue
        inside = target(path, module_path(source, file) + inline_modules(code, position))
        if not inside:
            continue
        name = names.get(inside[0], inside[0]) if inside[0] not in modules else inside[0]
        if name == top:
            continue
        if name not in modules:
            yield line, f"{crate}::{top} names {path}, which no listed module holds"
        elif modules.index(name) > rank:
            yield line, f"{crate}::{top} names {crate}::{name} ({path}), which stands above it"


def library_files(source):
    """The source files without the crate root and without modules that only tests compile."""
    files = sorted(source.rglob("*.rs"))
    tests = []
    for file in files:
        here = [] if file.parent == source and file.stem in ("lib", "main") else module_path(source, file)
        tests += [here + [name] for name in TEST_FILE.findall(file.read_text(encoding="utf-8"))]
    kept = (f for f in files if not (f.parent == source and f.stem in ("lib", "main")))
    return [f for f in kept if not any(module_path(source, f)[: len(test)] == test for test in tests)]


def check(root):
    """All violations of a workspace, as printable lines."""
    walls = read_walls(root / "docs" / "architecture.md")
    crates = [crate for _, crate, _ in walls]
    if not walls:
        return ["docs/architecture.md: no walls block"]
    violations = []
    for place, (folder, crate, modules) in enumerate(walls):
        source = root / folder / "src"
        names = root_names(source)
        files = library_files(source)
        present = {module_path(source, f)[0] for f in files}
        violations += [f"{folder}: module {m} is not in docs/architecture.md" for m in sorted(present - set(modules))]
        violations += [f"{folder}: module {m} of docs/architecture.md does not exist" for m in modules if m not in present]
        for file in files:
            if module_path(source, file)[0] in modules:
                found = check_file(file, source, crate, modules, crates[:place], crates[place + 1 :], names)
                violations += [f"{file.relative_to(root)}:{line}: {text}" for line, text in found]
    return violations


PLANTED = {
    "docs/architecture.md": "```walls low low_crate\nerror\nir\nplan\n```\n\n```walls high high_crate\nhouse   text\nroof\n```\n",
    "low/src/lib.rs": "pub mod error;\npub mod ir;\npub mod plan;\npub use error::Error;\npub use plan::Plan;\n",
    "low/src/error.rs": "pub struct Error;\npub fn up() -> crate::ir::Node { todo!() }\n",
    "low/src/ir.rs": "use crate::{\n    error::Error,\n    plan::{Plan as P, Tile},\n};\n// crate::plan::Plan in a comment\n#[cfg(test)]\nmod checks;\nconst S: &str = \"crate::plan\";\n",
    "low/src/plan/mod.rs": "mod tile;\nuse super::ir::Node;\nuse crate::Error;\nmod $inner { use super::*; use super::super::super::ir; }\n",
    "low/src/plan/tile.rs": "use super::super::Lost;\nuse high_crate::house;\nfn f<'a>(c: char) -> bool { c == '\"' }\n",
    "low/src/ir2.rs": "\n",
    "low/src/ir/checks.rs": "use crate::plan::Plan;\n",
    "high/src/main.rs": "mod house;\nmod roof;\n",
    "high/src/house.rs": "use low_crate::ir::Node;\nfn f() { super::roof::g() }\n#[cfg(test)]\nmod tests {\n    use crate::roof::g;\n}\n",
    "high/src/roof.rs": "use crate::house;\npub(crate) fn g() {}\n",
}
FOUND = [
    "low: module ir2 is not",
    "low/src/error.rs:2: low_crate::error names low_crate::ir",
    "low/src/ir.rs:1: low_crate::ir names low_crate::plan (crate::plan::Plan)",
    "low/src/ir.rs:1: low_crate::ir names low_crate::plan (crate::plan::Tile)",
    "low/src/plan/tile.rs:1: low_crate::plan names super::super::Lost",
    "low/src/plan/tile.rs:2: low_crate::plan names crate high_crate",
    "high/src/house.rs:2: high_crate::house names high_crate::roof",
]


def self_test():
    """The planted workspace must give the planted violations and no others."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in PLANTED.items():
            file = pathlib.Path(folder) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        violations = check(pathlib.Path(folder))
    missed = [start for start in FOUND if not any(v.startswith(start) for v in violations)]
    invented = [v for v in violations if not any(v.startswith(start) for start in FOUND)]
    return [f"self-test: not found: {m}" for m in missed] + [f"self-test: wrongly found: {i}" for i in invented]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    problems = self_test() if args.self_test else check(pathlib.Path(__file__).resolve().parent.parent)
    print("\n".join(problems) if problems else "walls: self-test passed" if args.self_test else "walls: all imports run one way")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
