"""Defaults of options from `shoplake.toml`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from docgen.settings import DEFAULTS
from shoplake.cli import defaults
from shoplake.cli.main import app
from shoplake.errors import UnknownName, UsageError

ROOT = get_command(app)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHOPLAKE_CONFIG", raising=False)
    return (tmp_path / defaults.FILE).write_text


def test_without_a_file_there_are_no_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert defaults.load(ROOT, None) == {}


def test_options_of_a_command_are_found_by_either_spelling(written: Any) -> None:
    written('[lake.maintain]\nmin-files = 3\ndry_run = true\n[generate]\nevents = 20_000\nscenario = "black-friday"\n')
    assert defaults.load(ROOT, None) == {
        "lake": {"maintain": {"min_files": "3", "dry_run": True}},
        "generate": {"events": "20000", "scenario": "black-friday"},
    }


def test_an_option_outside_of_tables_is_for_every_command_that_has_it(written: Any) -> None:
    written('environment = "staging"\n[verify]\nenvironment = "dev"\n')
    found = defaults.load(ROOT, None)
    assert found["stream"] == {"environment": "staging"}
    assert found["verify"] == {"environment": "dev"}
    assert found["lake"]["maintain"] == {"environment": "staging"}
    assert "down" not in found


def test_a_profile_overrides_what_stands_outside_of_profiles(written: Any) -> None:
    written(
        "[generate]\nevents = 1\nworkers = 2\n[profiles.ci.generate]\nevents = 9\n[profiles.ci]\nenvironment = 'dev'\n"
    )
    assert defaults.load(ROOT, None)["generate"] == {"events": "1", "workers": "2"}
    ci = defaults.load(ROOT, "ci")
    assert ci["generate"] == {"events": "9", "workers": "2", "environment": "dev"}
    assert ci["stream"] == {"environment": "dev"}
    with pytest.raises(UnknownName, match="there is no profile 'c'") as refused:
        defaults.load(ROOT, "c")
    assert refused.value.fix == "choose from ci"


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("[generat]\nevents = 1", "there is no command 'generat'", "did you mean 'generate'?"),
        ("[generate]\nevnts = 1", "there is no option 'evnts' in [generate]", "did you mean 'events'?"),
        ("[lake.maintan]\n", "there is no command 'maintan' in [lake]", "did you mean 'maintain'?"),
        ("enviroment = 'dev'", "there is no option 'enviroment'", "did you mean 'environment'?"),
        ("[profiles.a.verfy]", "there is no command 'verfy' in [profiles.a]", "did you mean 'verify'?"),
        (
            "[destroy]\nyes = true",
            "destroy.yes: an option that allows to delete data has to be typed",
            "correct the file",
        ),
        ("yes = true", "yes: an option that allows to delete data has to be typed", "correct the file"),
        ("[stream]\njson = 'yes'", "stream.json: expected true or false, found 'yes'", "correct the file"),
        ("[generate]\nevents = [1]", "generate.events: expected a text or a number, found [1]", "correct the file"),
        ("[profiles]\nci = 1", "expected tables [profiles.NAME]", "correct the file"),
        ("[generate", "Expected ']'", "correct the file"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(written: Any, text: str, message: str, fix: str) -> None:
    written(text)
    with pytest.raises(UsageError) as refused:
        defaults.load(ROOT, None)
    assert message in refused.value.message
    assert refused.value.message.startswith(f"{defaults.FILE}: ")
    assert fix in refused.value.fix


def test_the_example_of_the_documentation_is_one(written: Any) -> None:
    (example,) = re.findall(r"(?s)```toml\n(.*?)```", DEFAULTS)
    written(example)
    assert defaults.load(ROOT, "ci")["generate"] == {
        "scenario": "black-friday",
        "events": "20000",
        "environment": "staging",
    }


def test_another_file_can_be_named_and_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.toml"
    monkeypatch.setenv("SHOPLAKE_CONFIG", str(other))
    with pytest.raises(UsageError, match="there is no such file"):
        defaults.load(ROOT, None)
    other.write_text("[verify]\nstores = 'redis'\n")
    assert defaults.load(ROOT, None) == {"verify": {"stores": "redis"}}


def test_the_command_line_overrides_a_variable_and_a_variable_the_file(
    written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    small = typer.Typer()

    @small.callback()
    def options(ctx: typer.Context) -> None:
        ctx.default_map = defaults.load(ctx.command, None)

    @small.command("count")
    def count(first: int = 1, second: int = typer.Option(2, envvar="SECOND")) -> None:
        seen.append((first, second))

    written("[count]\nfirst = 10\nsecond = 20\n")
    for arguments in ([], ["--first", "5"]):
        small(["count", *arguments], standalone_mode=False)
    monkeypatch.setenv("SECOND", "7")
    small(["count"], standalone_mode=False)
    assert seen == [(10, 20), (5, 20), (10, 7)]
