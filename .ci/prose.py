"""Flags sentences that a reader has to read twice: in pages, docstrings, help texts and the advice of errors.

    .venv/bin/python .ci/prose.py [FILE ...]    # all findings of these files; without a file, those above the bounds
    .venv/bin/python .ci/prose.py --bounds      # lower the bounds in prose.toml to what there is now

Rules and bounds are in prose.toml. A bound is the number of findings that a file may still have.
A file without a bound may have none.
The rules are our own: vale downloads a program at its first use and textstat a corpus, and CI may do neither.
markdown-it-py reads the pages.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / ".ci" / "prose.toml"
PAGES = ("*.md", ":!docs/reference", ":!docs/adr/index.md")
SOURCES = ("src/*.py", "generators/*.py", "docgen/*.py", "benchmarks/*.py", ".ci/*.py")
HELP = ("help", "epilog", "short_help", "advice")
"""Keywords and class attributes whose text a user reads."""

SENTENCE_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)\s+(?=[\"'(`*]*[A-Z0-9])")
CODE = re.compile(r"``[^`]+``|`[^`]+`")
SHELL = re.compile(r"\S\s{2,}# ")
"""A command with a comment behind it, which is not a sentence."""

LABEL = re.compile(r"\s*(?:[-*] |\w[\w, ]*: |Args:|Returns:|Raises:|Attributes:|Yields:|>>> )")


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, heading or table cell, with the line where it begins."""

    line: int
    text: str
    kind: Literal["paragraph", "heading", "cell"] = "paragraph"


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence that breaks a rule, and what to write instead."""

    line: int
    sentence: str
    advice: str


class Rules:
    """The limits and expressions of prose.toml."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.max_words = config["max_words"]
        self.max_semicolons = config["max_semicolons"]
        self._rules = [
            (re.compile(rule["find"], cased(rule["find"])), rule["write"], rule.get("headings", True))
            for rule in config["rule"]
        ]

    def check(self, text: Text) -> Iterator[Finding]:
        """Yield a finding for each rule that a sentence breaks."""
        for sentence in SENTENCE_END.split(CODE.sub("CODE", text.text)):
            words = len(re.findall(r"[\w'’-]+", sentence))
            if words > self.max_words:
                yield Finding(text.line, sentence, f"{words} words: make two sentences of it")
            if sentence.count(";") > self.max_semicolons and text.kind != "cell":  # a list in a cell needs them
                yield Finding(text.line, sentence, "several semicolons: make sentences or a list of it")
            for expression, advice, headings in self._rules:
                if (headings or text.kind != "heading") and expression.search(sentence):
                    yield Finding(text.line, sentence, advice)


def cased(expression: str) -> re.RegexFlag:
    """Return the flags of an expression: case matters only if it has capitals outside of escapes."""
    return re.NOFLAG if re.search(r"(?<!\\)[A-Z]", expression) else re.IGNORECASE


def of_page(markdown: str) -> Iterator[Text]:
    """Yield the prose of a Markdown page; code blocks are left out."""
    kinds: dict[str, Literal["heading", "cell"]] = {"heading": "heading", "th": "heading", "td": "cell"}
    kind: Literal["paragraph", "heading", "cell"] = "paragraph"
    line = 1
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.map:
            line = token.map[0] + 1
        if token.nesting:
            kind = kinds.get(token.type.removesuffix("_open"), "paragraph")
        elif token.type == "inline" and token.children:
            shown = {"text": lambda child: child.content, "code_inline": lambda _: "CODE", "softbreak": lambda _: " "}
            yield Text(line, "".join(shown.get(child.type, lambda _: "")(child) for child in token.children), kind)


def of_source(source: str) -> Iterator[Text]:
    """Yield the docstrings and help texts of a Python file, by paragraph."""
    for node in ast.walk(ast.parse(source)):
        found: list[ast.expr] = []
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found = [child.value for child in node.body if isinstance(child, ast.Expr)]
        elif isinstance(node, ast.keyword | ast.Assign) and named(node) in HELP:
            found = [node.value]
        for value in found:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield from paragraphs(inspect.cleandoc(value.value), value.lineno)


def named(node: ast.keyword | ast.Assign) -> str | None:
    """Return the name of a keyword argument or of an assigned variable."""
    return node.arg if isinstance(node, ast.keyword) else getattr(node.targets[0], "id", None)


def paragraphs(text: str, line: int) -> Iterator[Text]:
    """Yield the paragraphs of a docstring: separated by empty lines, labels (`Args:`, `name: …`) and list items."""
    taken: list[str] = []
    start = line
    for number, each in enumerate([*text.splitlines(), ""], start=line):
        if taken and (not each.strip() or LABEL.match(each) or SHELL.search(each)):
            yield Text(start, " ".join(taken))
            taken = []
        if not taken:
            start = number
        if each.strip() and not SHELL.search(each):
            taken.append(LABEL.sub("", each, count=1).strip() if LABEL.match(each) else each.strip())


def findings(path: Path, rules: Rules) -> list[Finding]:
    """All findings of a page or a Python file, in order of their lines."""
    text = path.read_text(encoding="utf-8")
    texts = of_page(text) if path.suffix == ".md" else of_source(text)
    return sorted((found for each in texts for found in rules.check(each)), key=lambda found: found.line)


def main(arguments: list[str]) -> int:
    """Exit 1 if a file has more findings than its bound."""
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    rules = Rules(config)
    listed = subprocess.run(["git", "ls-files", *PAGES, *SOURCES], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [name for name in arguments if not name.startswith("-")] or sorted(listed.stdout.splitlines())
    found = {name: findings(ROOT / name, rules) for name in files if (ROOT / name).is_file()}
    bounds: dict[str, int] = config["bounds"]
    if "--bounds" in arguments:
        head = CONFIG.read_text(encoding="utf-8").partition("[bounds]\n")[0]
        lowered = {name: min(len(each), bounds.get(name, 0)) for name, each in found.items()}
        lines = [f'"{name}" = {bound}\n' for name, bound in lowered.items() if bound]
        CONFIG.write_text(f"{head}[bounds]\n{''.join(lines)}", encoding="utf-8")
        return 0
    above = {name: each for name, each in found.items() if len(each) > (0 if arguments else bounds.get(name, 0))}
    for name, each in above.items():
        for one in each:
            print(f"{name}:{one.line}: {one.advice}\n    {one.sentence}")
        print(f"{name}: {len(each)} findings, {bounds.get(name, 0)} are allowed (.ci/prose.toml)", file=sys.stderr)
    total = sum(map(len, found.values()))
    print(f"{len(found)} files, {total} sentences to improve, {len(above)} files above their bound")
    return 1 if above and not arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
