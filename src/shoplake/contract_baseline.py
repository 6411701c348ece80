"""Read exported contracts from a file, a folder or a git ref, and write the accepted contract of this release."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec

from shoplake import environ, paths
from shoplake.contract import compatibility, export
from shoplake.contract.compatibility import Change
from shoplake.contract.schema import BASELINE, Schema, digest, digest_of, to_text
from shoplake.errors import ContractError, UsageError

IN_REPOSITORY = f"src/shoplake/contract/{BASELINE}"
SHIPPED = Path(compatibility.__file__).with_name(BASELINE)
GIT_TIMEOUT_S = 30


class _Topic(msgspec.Struct):
    key: str
    events: dict[str, Schema]


class _Exported(msgspec.Struct):
    format: int
    version: int
    topics: dict[str, _Topic]


def load(reference: str) -> Schema:
    """Read an exported contract.

    Args:
        reference: a JSON file, a folder, or a git ref; empty for the accepted contract.

    Raises:
        UsageError: there is no such contract, or the file is not an exported contract.
    """
    path = Path(reference) if reference else SHIPPED
    if path.is_dir():
        places = (path / BASELINE, path / IN_REPOSITORY)
        path = next((place for place in places if place.is_file()), places[0])
    if path.is_file():
        return _parsed(_read(path), str(path))
    if not reference or path.suffix == ".json":
        raise UsageError(
            f"there is no exported contract at {path}", fix="`shoplake contract export --out FILE` writes one"
        )
    return _parsed(_from_git(reference), f"{reference}:{IN_REPOSITORY}")


def accept(*, incompatible: bool = False) -> list[Change]:
    """Make this program's contract the accepted one. If its meaning has changed, it gets the next version number.

    Args:
        incompatible: accept it even if it is not backward compatible.

    Returns:
        The changes since the accepted contract.

    Raises:
        ContractError: the contract is not backward compatible.
    """
    accepted = load("")
    changes = compatibility.compare(accepted, export())
    if not incompatible:
        refuse_incompatible(changes)
    version = accepted["version"] + (digest_of(accepted) != digest())
    SHIPPED.write_text(to_text(export(version=version)), encoding="utf-8")
    return changes


def refuse_incompatible(changes: list[Change], notes: Mapping[str, str] | None = None) -> None:
    """Raise if a change is not backward compatible.

    Args:
        changes: all differences.
        notes: place of a change -> a line to add to it, such as who uses the field.

    Raises:
        ContractError: with the list of these changes.
    """
    refused = [change for change in changes if not change.compatible]
    if refused:
        after = {where: f"\n        {note}" for where, note in (notes or {}).items()}
        listed = "".join(f"\n  {change}{after.get(change.where, '')}" for change in refused)
        raise ContractError(
            f"the contract is not backward compatible; {len(refused)} of {len(changes)} changes are refused:{listed}",
            fix="apply the fix of each change; nothing was written to a store",
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def _from_git(reference: str) -> bytes:
    command = ["git", "-C", str(paths.project_root()), "show", "--end-of-options", f"{reference}:{IN_REPOSITORY}"]
    try:
        done = subprocess.run(
            command, capture_output=True, env=environ.for_subprocess(), timeout=GIT_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"git could not read {reference}: {error}") from error
    if done.returncode:
        raise UsageError(
            f"'{reference}' is neither a file nor a folder, and git finds no {IN_REPOSITORY} there: "
            f"{done.stderr.decode(errors='replace').strip()}",
            fix="name a JSON file of `shoplake contract export`, a checkout, or a git ref that has that file",
        )
    return done.stdout


def _parsed(text: bytes, where: str) -> Schema:
    try:
        exported: Schema = msgspec.to_builtins(msgspec.json.decode(text, type=_Exported))
    except msgspec.DecodeError as error:
        raise UsageError(
            f"{where} is not an exported contract: {error}", fix="`shoplake contract export --out FILE` writes one"
        ) from error
    return exported
