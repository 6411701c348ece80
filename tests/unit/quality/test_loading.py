"""A mistake in a file of checks is named with the file, the line, the key and the nearest key."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoplake.errors import InvalidCheck
from shoplake.quality import run
from shoplake.quality.rules import loading
from shoplake.quality.rules.declaration import KINDS

GOOD = "checks:\n  - check: range\n    column: rating\n    min: 1\n    what_to_do: Look.\n"


def mistakes(folder: Path, text: str, name: str = "postgres.reviews.yaml") -> list[str]:
    (folder / name).write_text(text)
    with pytest.raises(InvalidCheck) as caught:
        loading.load([folder])
    return caught.value.message.splitlines()


def test_a_good_file_gives_its_checks(tmp_path: Path) -> None:
    (tmp_path / "postgres.reviews.yaml").write_text("key: [review_id]\n" + GOOD)
    found = loading.load([tmp_path])
    (check,) = found.checks
    assert (check.dataset, check.name, check.kind, check.source) == (
        "postgres.reviews",
        "range(rating)",
        "range",
        "declared",
    )
    assert found.keys == {"postgres.reviews": ("review_id",)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace("column:", "colum:"), ":3:5: checks[0].colum: expected one of the keys"),
        (GOOD.replace("column:", "colum:"), "found `colum` (did you mean `column`?)"),
        (GOOD.replace("check: range", "check: rnge"), ":2:12: checks[0].check: expected one of completeness,"),
        (GOOD.replace("check: range", "check: rnge"), "found 'rnge' (did you mean `range`?)"),
        (GOOD.replace("    what_to_do: Look.\n", ""), "checks[0].what_to_do: expected a value, found nothing"),
        (GOOD + "    at_least: 2\n", ":6:15: checks[0].at_least: expected a number from 0 to 1, found 2"),
        (GOOD + "    severity: fatal\n", "checks[0].severity: expected one of warn, error, found 'fatal'"),
        (GOOD.replace("checks:", "cheks:"), ":1:1: cheks: expected one of the keys key, checks, found `cheks`"),
        (
            GOOD + GOOD.removeprefix("checks:\n"),
            "expected a different name for each check, found 'range(rating)' twice",
        ),
        ("checks: 3\n", "checks: expected a list of checks, found 3"),
        ("checks:\n  - {check: sql, what_to_do: Look.}\n", "expected either `expression` or `query`, found none"),
        ("checks:\n  - {check: row_count, what_to_do: Look.}\n", "expected `min`, `max` or `dataset`, found none"),
        ("checks:\n  - {check: row_count, dataset: lake.orders, what_to_do: Look.}\n", "expected `keys`"),
        ("checks: [a\n", "expected valid YAML"),
        ("", "expected a mapping with `checks`, found nothing"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    found = mistakes(tmp_path, text)
    assert any(expected in line for line in found), found
    assert all("postgres.reviews" in line for line in found)


def test_every_mistake_of_every_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "lake.orders.yaml").write_text("checks: 3\n")
    assert len(mistakes(tmp_path, GOOD.replace("min: 1", "min: []") + "    tolerence: 1\n")) == 3


def test_the_name_of_a_file_says_the_dataset(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, GOOD, "postgre.reviews.yaml")
    assert found.endswith(
        "expected the name <system>.<name>.yaml, found postgre.reviews.yaml (did you mean `postgres`?)"
    )


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCheck, match=r"expected files <system>\.<name>\.yaml"):
        loading.load([tmp_path])


def test_the_shipped_files_use_every_kind_but_those_of_single_bounds() -> None:
    found = run.collected()
    assert {check.kind for check in found.checks} == KINDS.keys()
    assert {check.dataset.partition(".")[0] for check in found.checks} == {
        "lake", "silver", "gold", "postgres", "mongodb", "dynamodb", "redis"
    }  # fmt: skip
