"""Send log messages of libraries to a file in the stack's home, so that they do not disturb a command's output."""

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
    """Path of the log file."""
    return paths.home() / "logs" / "libraries.log"


def to_file(name: str) -> None:
    """Send log messages of libraries to the file; with SHOPLAKE_DEBUG to stderr.

    A library's message about a broker that restarts says neither which command is waiting nor what to do. Our own
    messages tell the user what is needed.

    Args:
        name: name of this process, written in each line.
    """
    handler = logging.StreamHandler() if os.environ.get("SHOPLAKE_DEBUG") else _HomeHandler()
    handler.setFormatter(logging.Formatter(FORMAT.format(name=name)))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)


class _HomeHandler(logging.Handler):
    """Writes to the file, which is created with the first message; to stderr if the home is not writable."""

    def __init__(self) -> None:
        super().__init__()
        self._target: logging.Handler | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self._target is None:
            self._target = _opened()
            self._target.setFormatter(self.formatter)
        self._target.emit(record)


class _FileHandler(RotatingFileHandler):
    """Drops what cannot be written. On a full disk, logging would print a traceback for each message."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in logging
        """Print nothing: the command's own error says that the disk is full."""


def _opened() -> logging.Handler:
    try:
        if paths.home().is_dir():
            private_files.folder(file().parent)
            file().touch(mode=0o600)
            return _FileHandler(file(), maxBytes=LARGEST_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        pass
    return logging.StreamHandler(sys.stderr)
