"""Workflows are found, and each mistake in one is named with its place and does not affect the others."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from shoplake import paths
from shoplake.errors import FileInTheWay, UnknownName, UsageError, WorkflowError
from shoplake.orchestration import config, registry, template
from shoplake.orchestration.registry import Registry
from shoplake.orchestration.workflow import Context, step

from .conftest import CODE, CONFIG, Write

PARAMETERS = """
description: For a test.
owner: test
parameters:
  days: {type: integer, default: 7, description: Days.}
  since: {type: date, description: First day.}
  dry_run: {type: boolean, default: false, description: Whether.}
"""


def read(folder: Path) -> Registry:
    return registry.read([folder.parent])


def error_of(folder: Path) -> str:
    found = read(folder)
    assert folder.name not in found.workflows
    return found.broken[folder.name].error.message


def test_steps_come_after_those_that_they_need(write: Write) -> None:
    found = read(write("my-source")).get("my-source")

    assert [one.name for one in found.steps] == ["first", "second"]
    assert found.steps[0].description == "The first step."
    assert found.job == "my_source"
    assert found.steps[1].body(Context("local", {}, {"first": {"n": 1}})) == {"n": 2}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("shedule: '0 3 * * *'\n", ["config.yaml:3", "shedule", "schedule"]),
        ("schedule: 0 25 * * *\n", ["config.yaml:3", "hour", "0 to 23"]),
        ("schedule: daily\n", ["config.yaml:3", "five fields of cron", "daily"]),
        ("timeout: soon\n", ["config.yaml:3", "a duration such as", "soon"]),
        ("retries: {attempts: -1}\n", ["config.yaml:3", "attempts", "-1"]),
        ("parameters: {n: {type: integer, default: x, description: N.}}\n", ["config.yaml:3", "a whole number", "x"]),
        ("parameters: {n: {type: integr, description: N.}}\n", ["config.yaml:3", "integer", "integr"]),
        ("parameters: {b: {type: boolean, default: 1, description: B.}}\n", ["config.yaml:3", "true or false", "1"]),
        ("trigger: {after: ok}\n", ["config.yaml:3", "trigger.after", "ok"]),
    ],
)
def test_a_wrong_key_is_named_with_its_line(more: str, expected: list[str], write: Write) -> None:
    message = error_of(write("wrong", CONFIG + more))

    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import no_such_module\n", "workflow.py:1: ModuleNotFoundError"),
        ("x = 1\n\nraise SystemExit('no')\n", "workflow.py:3: SystemExit: no"),
        ("def f(:\n    pass\n", "workflow.py:1: SyntaxError"),
        ("x = 1\n", "has no step"),
        (CODE.replace("def first", "def type").replace("after=first", "after=type"), "the name 'type'"),
        (CODE.replace("after=first", "after='first'"), "functions with @step"),
    ],
)
def test_a_workflow_that_cannot_be_imported_does_not_affect_others(code: str, expected: str, write: Write) -> None:
    write("good")
    broken = write("broken", code=code)

    assert expected in error_of(broken)
    assert list(read(broken).workflows) == ["good"]
    with pytest.raises(WorkflowError, match="broken"):
        read(broken).get("broken")


def test_two_names_for_one_job_are_refused(write: Write, tmp_path: Path) -> None:
    one = write("my-source")
    other = tmp_path / "other" / "my-source"
    other.mkdir(parents=True)
    for name in ("config.yaml", "workflow.py"):
        (other / name).write_text((one / name).read_text())

    found = registry.read([one.parent, other.parent])

    assert not found.workflows
    assert str(one) in found.broken["my-source"].error.message
    assert str(other) in found.broken["my-source"].error.message


def test_a_cycle_of_triggers_is_named(write: Write) -> None:
    write("a", CONFIG + "trigger: {after: b}\n")
    write("b", CONFIG + "trigger: {after: c}\n")
    folder = write("c", CONFIG + "trigger: {after: a}\n")

    assert "c after a after b after c" in error_of(folder)


def test_an_unknown_name_gets_the_nearest(write: Write) -> None:
    folder = write("daily-close")

    with pytest.raises(UnknownName, match="daily-close"):
        read(folder).get("daly-close")


@pytest.mark.parametrize("name", ["My-Source", "a--b", "import", "template", "a" * 61])
def test_a_name_that_dagster_or_a_file_system_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(WorkflowError, match="expected a name"):
        registry.check_name(name, "here")


def test_parameters_get_the_type_that_is_declared(write: Write) -> None:
    parameters = read(write("typed", PARAMETERS)).get("typed").config.parameters

    given = config.values("typed", parameters, {"since": "2026-09-01", "days": "3"})

    assert given == {"days": 3, "since": "2026-09-01", "dry_run": False}
    assert config.values("typed", parameters, {"days": "3"}, {"since": "2026-01-01", "days": 9})["days"] == 3
    with pytest.raises(UsageError, match="needs the parameter 'since'"):
        config.values("typed", parameters, {})
    with pytest.raises(UsageError, match="expected a whole number, found 'many'"):
        config.values("typed", parameters, {"since": "2026-09-01", "days": "many"})
    with pytest.raises(UsageError, match="expected a date"):
        config.values("typed", parameters, {"since": "yesterday"})
    with pytest.raises(UnknownName, match="no parameter 'dais'"):
        config.values("typed", parameters, {"dais": "3"})


@pytest.mark.parametrize("schedule", ["*/5 * * * *", "0 6 * * mon-fri", "0,30 3-5 1 jan *", "0 0 * * 7"])
def test_schedules_of_cron_are_accepted(schedule: str, write: Write) -> None:
    assert read(write("timed", CONFIG + f"schedule: '{schedule}'\n")).get("timed").config.schedule == schedule


def test_after_has_to_be_a_step() -> None:
    with pytest.raises(TypeError, match="functions with @step"):
        step(after=print)  # type: ignore[arg-type]


def test_shipped_workflows_are_valid_and_fit_the_schema() -> None:
    found = registry.read()
    assert {"daily-close", "lake-maintenance"} <= set(found.workflows)
    assert not found.broken
    schema = json.loads((paths.project_root() / "workflows" / "config.schema.json").read_text())
    assert schema == config.json_schema(), (
        "write it again: python -c 'import json; from shoplake.orchestration.config import json_schema;"
        " print(json.dumps(json_schema(), indent=2))' > workflows/config.schema.json"
    )
    for file in (paths.project_root() / "workflows").glob("*/config.yaml"):
        jsonschema.validate(yaml.safe_load(file.read_text()), schema)


def test_a_workflow_of_the_template_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped, own = paths.project_root() / "workflows", tmp_path / "workflows"
    monkeypatch.setattr(registry, "folders", lambda: (shipped, own))

    folder = template.create("my-source")

    assert registry.load(folder).config.parameters["folder"].default == "files"
    (model,) = (folder / "models").iterdir()
    assert model.name == "my_source_by_day.sql"
    assert "uploads.my_source\n" in model.read_text()
    assert (own / "config.schema.json").is_file()
    for taken in ("my-source", "daily-close"):
        with pytest.raises(FileInTheWay, match=taken):
            template.create(taken)


def test_own_workflows_are_in_the_folder_that_a_variable_names(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    own = write("mine")
    monkeypatch.setenv("SHOPLAKE_WORKFLOWS", str(own.parent))
    assert {"mine", "daily-close"} <= registry.read().workflows.keys()

    monkeypatch.setenv("SHOPLAKE_WORKFLOWS", "workflows")
    with pytest.raises(UsageError, match="absolute path"):
        registry.read()
