"""Finds the workflows: folders with `config.yaml` and `workflow.py`. One that is broken does not affect the others."""

from __future__ import annotations

import difflib
import importlib.util
import keyword
import os
import re
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shoplake import paths
from shoplake.errors import ShoplakeError, UnknownName, UsageError, WorkflowError
from shoplake.invocation import WORKFLOWS
from shoplake.orchestration import config as configuration
from shoplake.orchestration.config import Config
from shoplake.orchestration.workflow import Step
from shopsim.scenario.yaml_positions import Document

TEMPLATE = "template"
"""The folder that `workflow init` copies. It is not a workflow itself."""

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
NAME_LENGTH = 60
RESERVED = frozenset(
    {"context", "conf", "config", "meta", "arg_dict", "input_arg_dict", "output_arg_dict", "input", "output", "type"}
    | {"dict", "int", "str", "float", "bool", *keyword.kwlist}
)
"""Words that Dagster does not accept as the name of a job or a step."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow that can run.

    Attributes:
        name: of its folder.
        steps: in an order in which each comes after those that it needs.
    """

    name: str
    folder: Path
    config: Config
    document: Document
    steps: tuple[Step, ...]

    @property
    def job(self) -> str:
        """Name of its job in Dagster, which allows no hyphens."""
        return job_name(self.name)


@dataclass(frozen=True, slots=True)
class Broken:
    """A folder that is not a valid workflow, and the error."""

    name: str
    folder: Path
    error: WorkflowError


@dataclass(frozen=True, slots=True)
class Registry:
    """All workflows, by name."""

    workflows: Mapping[str, Workflow]
    broken: Mapping[str, Broken]

    def get(self, name: str) -> Workflow:
        """The workflow of that name.

        Raises:
            UnknownName: there is none.
            WorkflowError: it is broken.
        """
        if name in self.workflows:
            return self.workflows[name]
        if name in self.broken:
            raise self.broken[name].error
        known = sorted([*self.workflows, *self.broken])
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        raise UnknownName(
            f"there is no workflow '{name}'; known: {', '.join(known)}",
            fix=f"did you mean {near[0]}?" if near else "`shoplake workflow list` lists all",
        )


def folders() -> tuple[Path, ...]:
    """Where workflows are: in the project, for an installed package in the stack's home, and in `SHOPLAKE_WORKFLOWS`.

    Raises:
        UsageError: the path in `SHOPLAKE_WORKFLOWS` is relative. Servers and runs work in other folders.
    """
    shipped = paths.project_root() / "workflows"
    found = [shipped, paths.home() / "workflows"] if paths.installed() else [shipped]
    if own := os.environ.get(WORKFLOWS):
        if not Path(own).is_absolute():
            raise UsageError(f"{WORKFLOWS}: expected an absolute path, found '{own}'", fix="begin it with /")
        found.append(Path(own))
    return tuple(found)


def job_name(name: str) -> str:
    """Name of the job of a workflow."""
    return name.replace("-", "_")


def read(where: Sequence[Path] | None = None) -> Registry:
    """Read all workflows.

    Args:
        where: folders with one folder per workflow; those of this project if left out.
    """
    found: list[Workflow | Broken] = []
    for folder in folders() if where is None else where:
        if folder.is_dir():
            found += [_read(one) for one in sorted(folder.iterdir()) if _is_workflow(one)]
    unique = _once(found)
    valid = {one.name: one for one in unique if isinstance(one, Workflow)}
    wrong = {name: error for name, one in valid.items() if (error := _trigger_error(one, valid)) is not None}
    broken = [*(one for one in unique if isinstance(one, Broken))]
    broken += [Broken(name, valid[name].folder, error) for name, error in wrong.items()]
    return Registry(
        {name: one for name, one in valid.items() if name not in wrong},
        {one.name: one for one in sorted(broken, key=lambda one: one.name)},
    )


def load(folder: Path) -> Workflow:
    """Read one workflow.

    Raises:
        WorkflowError: its name, its config.yaml or its workflow.py is not valid. The message has file and line.
    """
    check_name(folder.name, str(folder))
    config, document = configuration.load(folder / "config.yaml")
    return Workflow(folder.name, folder, config, document, _steps(folder))


def check_name(name: str, place: str) -> None:
    """Check the name of a workflow.

    Raises:
        WorkflowError: it is too long, or has other characters.
    """
    if not NAME.fullmatch(name) or len(name) > NAME_LENGTH or name in {TEMPLATE, *RESERVED}:
        raise WorkflowError(
            f"{place}: expected a name of lower-case letters, digits and single hyphens that is no reserved word, found"
            f" '{name}'",
            fix="choose another name, for example my-source",
        )


def _is_workflow(folder: Path) -> bool:
    return folder.is_dir() and folder.name != TEMPLATE and not folder.name.startswith((".", "_"))


def _read(folder: Path) -> Workflow | Broken:
    try:
        return load(folder)
    except WorkflowError as error:
        return Broken(folder.name, folder, error)


def _once(found: Iterable[Workflow | Broken]) -> list[Workflow | Broken]:
    """The workflows, of which those with a name that another one has are broken."""
    by_job: dict[str, list[Workflow | Broken]] = {}
    for one in found:
        by_job.setdefault(job_name(one.name).lower(), []).append(one)
    return [
        group[0] if len(group) == 1 else Broken(group[0].name, group[0].folder, _duplicate(group))
        for group in by_job.values()
    ]


def _duplicate(group: Sequence[Workflow | Broken]) -> WorkflowError:
    return WorkflowError(
        f"several workflows have the name '{group[0].name}': {', '.join(str(one.folder) for one in group)}",
        fix="rename one of the folders",
    )


def _trigger_error(workflow: Workflow, known: Mapping[str, Workflow]) -> WorkflowError | None:
    """The error of a trigger that names no workflow, or the workflow itself through others."""
    chain, now = [workflow.name], workflow
    while now.config.trigger is not None and (after := now.config.trigger.after) is not None:
        if after not in known:
            if now is not workflow:
                return None  # the error of that workflow
            near = difflib.get_close_matches(after, known, n=1, cutoff=0.5)
            expected = f"a workflow: {', '.join(sorted(known))}"
            return configuration.refusal(workflow.document, "trigger.after", expected, f"`{after}`", *near)
        if after in chain:
            circle = " after ".join([*chain, after])
            return configuration.refusal(workflow.document, "trigger.after", "no cycle of workflows", circle)
        chain.append(after)
        now = known[after]
    return None


def _steps(folder: Path) -> tuple[Step, ...]:
    file = folder / "workflow.py"
    if not file.is_file():
        raise WorkflowError(f"{file} is missing", fix="add it; `shoplake workflow init NAME` makes an example")
    module_name = f"shoplake_workflows.{job_name(folder.name)}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise WorkflowError(f"{file} cannot be imported", fix="it has to be a file of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # an installed package may be read-only
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise WorkflowError(
            f"{_place(file, error)}: {_words(error)}", fix="correct the file; other workflows are not affected"
        ) from error
    finally:
        sys.dont_write_bytecode = bytecode
    steps = tuple(value for value in vars(module).values() if isinstance(value, Step))
    if not steps:
        raise WorkflowError(f"{file} has no step", fix="decorate at least one function with @step()")
    named: dict[str, Step] = {}
    for one in _ordered(steps):
        if one.name in RESERVED:
            raise WorkflowError(f"{file}: a step cannot have the name '{one.name}'", fix="rename the function")
        if named.setdefault(one.name, one) is not one:
            raise WorkflowError(f"{file} has two steps named '{one.name}'", fix="rename one of the functions")
    return tuple(named.values())


def _ordered(steps: Iterable[Step]) -> list[Step]:
    """The steps with those that they need first, also where another module declares them."""
    found: list[Step] = []

    def add(one: Step) -> None:
        for before in one.after:
            add(before)
        if not any(one is other for other in found):
            found.append(one)

    for one in steps:
        add(one)
    return found


def _place(file: Path, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"{file}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"{file}:{lines[-1]}" if lines else str(file)


def _words(error: BaseException) -> str:
    if isinstance(error, ShoplakeError):
        return error.message
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
