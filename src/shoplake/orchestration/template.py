"""`workflow init`: a new workflow from the template."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from shoplake.errors import FileInTheWay
from shoplake.orchestration import registry

TABLE = "TABLE"
"""Stands for the name of the table in the models of the template."""


def create(name: str) -> Path:
    """Copy the template to a new folder, where it runs at once.

    Returns:
        The folder.

    Raises:
        WorkflowError: the name is not valid.
        FileInTheWay: the folder exists, or another workflow has the name.
    """
    registry.check_name(name, "workflow init")
    known = registry.read()
    taken = {registry.job_name(one): one for one in (*known.workflows, *known.broken)}
    where = registry.folders()
    folder = where[-1] / name
    if folder.exists() or registry.job_name(name) in taken:
        raise FileInTheWay(
            f"there is already a workflow '{taken.get(registry.job_name(name), name)}'", fix="choose another name"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{name}.{os.getpid()}")
    shutil.copytree(where[0] / registry.TEMPLATE, partial, ignore=shutil.ignore_patterns("__pycache__"))
    if folder.parent != where[0]:  # an editor finds the schema beside the workflows
        shutil.copyfile(where[0] / "config.schema.json", folder.parent / "config.schema.json")
    for model in sorted((partial / "models").iterdir()):
        named = model.with_name(model.name.replace(TABLE, registry.job_name(name)))
        named.write_text(model.read_text(encoding="utf-8").replace(TABLE, registry.job_name(name)), encoding="utf-8")
        model.unlink()
    partial.rename(folder)
    return folder
