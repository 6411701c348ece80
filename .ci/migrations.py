"""Writes each migration of the relational store as SQL into a folder, as a linter of SQL wants it: `NNNN.sql`.

.venv/bin/python .ci/migrations.py DIR
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

import shoplake.sinks

MIGRATIONS = Path(shoplake.sinks.__file__).parent / "postgres" / "migrations"


def main(out: Path) -> None:
    """One file per migration, what it does on the way up."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    for script in ScriptDirectory.from_config(config).walk_revisions():
        written = io.StringIO()
        context = MigrationContext.configure(
            dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written, "transactional_ddl": True}
        )
        with Operations.context(context):
            script.module.upgrade()
        (out / f"{script.revision}.sql").write_text(written.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
