"""The API key of this machine: made at the first start, kept in a file that only its owner can read."""

from __future__ import annotations

import secrets
from pathlib import Path

from shoplake import paths, private_files

KEY_BYTES = 32


def folder() -> Path:
    """The folder of the API in the stack's home. `down --purge` deletes it with the home."""
    return paths.home() / "run" / "api"


def path() -> Path:
    """The file with the key."""
    return folder() / "key"


def load() -> str:
    """Read the key. If there is none, make one."""
    file = path()
    private_files.folder(file.parent)
    if file.exists():
        private_files.close(file)
        if key := file.read_text(encoding="ascii").strip():
            return key
    key = secrets.token_urlsafe(KEY_BYTES)
    private_files.write(file, key.encode("ascii"))
    return key
