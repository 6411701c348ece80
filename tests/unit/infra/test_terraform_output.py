"""Terraform's JSON lines, read."""

from __future__ import annotations

import json

from shoplake.infra.terraform_output import Change, Transcript

BUCKET = 'module.lake.aws_s3_bucket.this["raw"]'
INSTANCE = "module.relational.aws_db_instance.this"


def transcript(*events: dict[str, object]) -> tuple[Transcript, list[str]]:
    lines: list[str] = []
    said = Transcript(report=lines.append)
    for event in events:
        said.feed(json.dumps(event))
    return said, lines


def planned(action: str, address: str) -> dict[str, object]:
    return {"type": "planned_change", "change": {"action": action, "resource": {"addr": address}}}


def started(address: str, action: str = "create") -> dict[str, object]:
    return {"type": "apply_start", "hook": {"resource": {"addr": address}, "action": action}}


def done(address: str, action: str = "create") -> dict[str, object]:
    hook = {"resource": {"addr": address}, "action": action, "elapsed_seconds": 2}
    return {"type": "apply_complete", "hook": hook}


def summary(operation: str, add: int) -> dict[str, object]:
    counts = {"add": add, "change": 0, "remove": 0, "import": 0, "operation": operation}
    return {"type": "change_summary", "changes": counts}


def test_one_line_is_reported_for_the_plan_and_for_each_resource() -> None:
    _, lines = transcript(planned("create", BUCKET), summary("plan", 1), done(BUCKET), summary("apply", 1))

    assert lines == ["1 to add, 0 to change, 0 to destroy", f"+ {BUCKET}  2 s"]


def test_what_an_import_or_a_read_leaves_alone_is_no_change() -> None:
    said, _ = transcript(planned("import", BUCKET), planned("read", "data.aws_partition.current"))

    assert said.changes == []


def test_what_is_outstanding_shrinks() -> None:
    said, _ = transcript(planned("create", BUCKET), planned("create", INSTANCE), summary("plan", 2))
    assert said.changes == [Change("create", BUCKET), Change("create", INSTANCE)]
    assert said.outstanding() == {BUCKET, INSTANCE}

    said.feed(json.dumps(done(BUCKET)))
    assert said.outstanding() == {INSTANCE}


def test_an_apply_begins_with_the_first_change_after_the_plan() -> None:
    read = started("data.aws_partition.current", "read")
    said, _ = transcript(read, planned("create", BUCKET), summary("plan", 1), read)
    assert not said.applying

    said.feed(json.dumps(started(BUCKET)))
    assert said.applying


def test_a_long_wait_is_mentioned_every_20_seconds() -> None:
    events = [
        {"type": "apply_progress", "hook": {"resource": {"addr": INSTANCE}, "elapsed_seconds": seconds}}
        for seconds in (10, 20, 30, 40)
    ]
    _, lines = transcript(*events)

    assert lines == [f"… {INSTANCE}  still running after 20 s", f"… {INSTANCE}  still running after 40 s"]


def test_an_error_is_told_in_full_with_its_address_and_place() -> None:
    diagnostic = {
        "severity": "error",
        "summary": "creating S3 Bucket",
        "detail": "BucketAlreadyOwnedByYou: yours",
        "address": BUCKET,
        "range": {"filename": "main.tf", "start": {"line": 15}},
    }
    said, lines = transcript({"type": "diagnostic", "diagnostic": diagnostic})

    expected = f"error: creating S3 Bucket\n  with {BUCKET} (main.tf:15)\nBucketAlreadyOwnedByYou: yours"
    assert [str(error) for error in said.errors()] == [expected]
    assert lines == []


def test_a_warning_is_reported_and_fails_nothing() -> None:
    said, lines = transcript({"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "old argument"}})

    assert said.errors() == []
    assert lines == ["warning: old argument"]


def test_lines_that_are_no_json_are_kept_for_the_error() -> None:
    said, _ = transcript()
    for line in ("panic: runtime error", "", '"text"'):
        said.feed(line)

    assert list(said.raw) == ["panic: runtime error", '"text"']


def test_outputs_are_read() -> None:
    said, _ = transcript({"type": "outputs", "outputs": {"catalog": {"value": "glue"}, "planned": {"action": "x"}}})

    assert said.outputs == {"catalog": "glue"}
