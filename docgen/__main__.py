"""`python -m docgen` writes the generated pages; `--check` only tells which are stale, `--site` lays out the site."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from docgen import pages, site
from shoplake import paths


def main() -> int:
    """Exit 1 when `--check` finds a stale page."""
    parser = argparse.ArgumentParser(prog="python -m docgen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is stale")
    parser.add_argument("--site", type=Path, metavar="DIR", help="lay out all pages in DIR, ready for `zensical build`")
    arguments = parser.parse_args()
    root = paths.project_root()
    if arguments.site:
        site.lay_out(root, arguments.site)
        return 0
    if not arguments.check:
        print("\n".join(f"wrote {path}" for path in pages.write(root)) or "all pages are current")
        return 0
    old = pages.stale(root, pages.render())
    for path in old:
        print(f"{path} is stale: run `python -m docgen` and commit", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
