"""Where the log messages of libraries go: into a file below the home, never between the lines of a command."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from shoplake import paths, private_files

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_BYTES = 5 * 1024 * 1024
FORMAT = "%(asctime)s {name} %(process)d %(name)s %(levelname)s %(message)s"


def file() -> Path:
    """The file of this home."""
    return paths.home() / "logs" / "libraries.log"


def to_file(name: str) -> None:
    """Send what libraries log to the file from here on; with SHOPLAKE_DEBUG to stderr.

    A library's own words about a broker that restarts say neither which command waits nor what to do; what a user has
    to know, our messages say.

    Args:
        name: of this process, in each line.
    """
    handler = logging.StreamHandler() if os.environ.get("SHOPLAKE_DEBUG") else _HomeHandler()
    handler.setFormatter(logging.Formatter(FORMAT.format(name=name)))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)


class _HomeHandler(logging.Handler):
    """Writes into the file, which is made with the first message; to stderr where there is no home to write to."""

    def __init__(self) -> None:
        super().__init__()
        self._target: logging.Handler | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self._target is None:
            self._target = _opened()
            self._target.setFormatter(self.formatter)
        self._target.emit(record)


def _opened() -> logging.Handler:
    try:
        if paths.home().is_dir():
            private_files.folder(file().parent)
            file().touch(mode=0o600)
            return RotatingFileHandler(file(), maxBytes=LARGEST_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        pass
    return logging.StreamHandler(sys.stderr)
