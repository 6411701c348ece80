"""Reads Terraform files as `terraform fmt` leaves them: blocks at the margin, their arguments two spaces in.

It is no parser of HCL; the files of this repository are held to that form by `terraform fmt -check`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OPENING = re.compile(r'^(\w+)((?: "[^"]+")*) \{(\})?$')
ARGUMENT = re.compile(r"^  (\w+)\s+=\s(.*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """A block at the margin.

    Attributes:
        kind: `variable`, `resource`, `module` …
        labels: what stands in quotes behind it.
        arguments: its arguments by name, each as its text, which may have several lines.
        text: all of its lines.
    """

    kind: str
    labels: tuple[str, ...]
    arguments: dict[str, str]
    text: str

    def string(self, name: str) -> str:
        """An argument that is a string, without its quotes or heredoc marks; empty if there is none."""
        text = self.arguments.get(name, "")
        if match := re.match(r"<<-?\w+\n(.*)", text, re.DOTALL):
            return match[1]
        return text.strip('"')


def blocks(folder: Path, kind: str) -> list[Block]:
    """All blocks of a kind in a folder's `.tf` files, in the order of files and lines."""
    files = sorted(folder.glob("*.tf"))
    return [block for file in files for block in _blocks(file.read_text(encoding="utf-8")) if block.kind == kind]


def _blocks(text: str) -> Iterator[Block]:
    lines = iter(text.splitlines())
    for line in lines:
        match = OPENING.match(line)
        if not match:
            continue
        inside = []
        if not match[3]:
            for within in lines:
                if within == "}":
                    break
                inside.append(within)
        labels = tuple(re.findall(r'"([^"]+)"', match[2]))
        yield Block(match[1], labels, _arguments(inside), "\n".join(inside))


def _arguments(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if match := ARGUMENT.match(line):
            name = match[1]
            found[name] = [match[2]]
        elif re.match(r"^  [\w#]", line):  # a nested block or a comment ends an argument
            name = ""
        elif name:
            found[name].append(line[2:])
    return {name: "\n".join(parts) for name, parts in found.items()}
