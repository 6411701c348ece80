"""The index of decisions, from their titles."""

from __future__ import annotations

import re

from docgen import markdown
from shoplake import paths

INTRODUCTION = """
What was decided, why, with what was measured. A decision that someone could want to undo gets a file here: context,
decision, consequences. A number is never used again; one that is overruled stays, and says by
which. There is no number 18.
"""


def page() -> str:
    """Number, title and status of each decision."""
    rows = []
    for file in sorted((paths.project_root() / "docs" / "adr").glob("[0-9]*.md")):
        text = file.read_text(encoding="utf-8")
        title = re.sub(r"^\d+\.\s*", "", text.partition("\n")[0].removeprefix("# "))
        status = re.search(r"Status: ([^.\n]+)", text)
        rows.append((str(int(file.name[:4])), f"[{title}]({file.name})", status[1] if status else ""))
    return markdown.page("Decisions", INTRODUCTION, markdown.table(("", "decision", "status"), rows))
