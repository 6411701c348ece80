"""Draws docker-compose.yml into the docs: `python -m shoplake.stack.compose_page`. A test holds the drawing current."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from shoplake import paths
from shoplake.errors import UsageError

PAGE = Path("docs") / "containers.md"
BEGIN, END = "<!-- compose: begin -->", "<!-- compose: end -->"
PORT = re.compile(r"^127\.0\.0\.1:\$\{\w+:-(\d+)\}:(\d+)$")


def drawing() -> str:
    """Services by network with what they wait for, as a Mermaid flowchart, and a table of ports and limits."""
    services = _services()
    lines = ["```mermaid", "flowchart LR", "  host((host))"]
    for title, inside in _groups(services).items():
        lines += [f'  subgraph {title.split()[0]}["{title}"]', *(f'    {name}["{name}"]' for name in inside), "  end"]
    for name, one in services.items():
        lines += [f'  host -- "{_published(port)}" --> {name}' for port in one.get("ports", [])]
        lines += [f"  {needed} --> {name}" for needed in one.get("depends_on", {}) if _drawn(name, needed)]
    return "\n".join([*lines, "```", "", *_table(services)])


def with_drawing(page: str) -> str:
    """The page, with the drawing between its markers.

    Raises:
        UsageError: it has no markers.
    """
    marked = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not marked.search(page):
        raise UsageError(f"{PAGE} has no place for the drawing", fix=f"write {BEGIN} and {END} where it belongs")
    return marked.sub(lambda _: f"{BEGIN}\n{drawing()}\n{END}", page)


def main() -> None:
    """Write the drawing into the page of this checkout."""
    page = paths.project_root() / PAGE
    page.write_text(with_drawing(page.read_text(encoding="utf-8")), encoding="utf-8")


def _services() -> dict[str, dict[str, Any]]:
    text = (paths.project_root() / "docker-compose.yml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
    return found


def _groups(services: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {"both networks": [], "data network, no way out": [], "alone": []}
    for name, one in services.items():
        networks = set(one.get("networks", []))
        title = "both networks" if "edge" in networks else "data network, no way out" if networks else "alone"
        groups[title].append(name)
    return {title: inside for title, inside in groups.items() if inside}


def _drawn(name: str, needed: str) -> bool:
    """Every program waits for all servers; one line from `apply` and `migrate` says as much as twelve."""
    return name not in ("migrate", "shoplake") and (name != "apply" or needed in ("localstack", "ministack"))


def _published(port: str) -> str:
    match = PORT.match(port)
    return f"{match[1]}:{match[2]}" if match else port


def _table(services: dict[str, dict[str, Any]]) -> list[str]:
    lines = ["| service | image | profile | on 127.0.0.1 | memory, at most |", "|---|---|---|---|---|"]
    for name, one in services.items():
        image = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", one["image"])
        ports = ", ".join(_published(port).partition(":")[0] for port in one.get("ports", []))
        memory = one["deploy"]["resources"]["limits"]["memory"]
        lines.append(f"| {name} | {image} | {', '.join(one.get('profiles', []))} | {ports} | {memory} |")
    return lines


if __name__ == "__main__":
    main()
