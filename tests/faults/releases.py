"""Another release of this program: a copy of it whose contract has changed, run as processes of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from shoplake import paths

ACCEPT_TIMEOUT_S = 120
PAGES = 'Page = Literal["home", "category", "offers", "help", "account"'
CLICKS = "src/shoplake/contract/clicks.py"


def next_release(folder: Path) -> Mapping[str, str]:
    """The environment of processes whose contract takes one more kind of page, and knows one more field.

    It is this release's contract under the next number.
    """
    root = paths.project_root()
    for part in ("src", "generators"):
        shutil.copytree(root / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    clicks = folder / CLICKS
    text = clicks.read_text()
    assert PAGES in text
    text = text.replace(PAGES, PAGES + ', "stories"')
    clicks.write_text(text.replace("    page: Page\n", "    page: Page\n    story: Text | None = None\n"))
    environment = {"PYTHONPATH": f"{folder / 'src'}:{folder / 'generators'}"}
    accept = [sys.executable, "-m", "shoplake.cli.main", "contract", "accept"]
    subprocess.run(
        accept,
        env={**os.environ, **environment, "SHOPLAKE_ROOT": str(folder)},
        check=True,
        timeout=ACCEPT_TIMEOUT_S,
        capture_output=True,
    )
    ours = json.loads((root / "src/shoplake/contract/contract.json").read_text())["version"]
    theirs = json.loads((folder / "src/shoplake/contract/contract.json").read_text())["version"]
    assert theirs == ours + 1
    return environment
