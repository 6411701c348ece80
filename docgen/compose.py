"""docker-compose.yml as a drawing and a table, for the page that people write about containers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from docgen import markdown
from shoplake import paths

PAGE = Path("docs") / "containers.md"
BEGIN, END = markdown.markers("compose")
PORT = re.compile(r"^127\.0\.0\.1:\$\{\w+:-(\d+)\}:(\d+)$")


def drawing() -> str:
    """Services by network with what they wait for, as a Mermaid flowchart, and a table of ports and limits."""
    found = services()
    lines = ["```mermaid", "flowchart LR", "  host((host))"]
    for title, inside in _groups(found).items():
        lines += [f'  subgraph {title.split()[0]}["{title}"]', *(f'    {name}["{name}"]' for name in inside), "  end"]
    for name, one in found.items():
        lines += [f'  host -- "{_published(port)}" --> {name}' for port in one.get("ports", [])]
        lines += [f"  {needed} --> {name}" for needed in one.get("depends_on", {}) if _drawn(name, needed)]
    return "\n".join([*lines, "```", "", *_table(found)])


def with_drawing(page: str) -> str:
    """The page, with the drawing between its markers.

    Raises:
        UsageError: it has no markers.
    """
    return markdown.filled(page, (BEGIN, END), drawing(), what=f"the drawing in {PAGE}")


def services() -> dict[str, dict[str, Any]]:
    """The compose file's services by name, as they are written there."""
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
