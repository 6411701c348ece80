"""The names under which workers are members of their group: one each while they live, the same one after a death."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from shoplake import paths
from shoplake.streaming import group_membership

GROUP = "shop/lake"
HOLD = f"""
import time
from shoplake.streaming import group_membership
with group_membership.held({GROUP!r}) as name:
    print(name, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path))


def name_of(group: str = GROUP) -> str | None:
    with group_membership.held(group) as name:
        return name


def test_two_running_workers_have_two_names():
    with group_membership.held(GROUP) as first, group_membership.held(GROUP) as second:
        assert None not in (first, second)
        assert first != second


def test_a_released_name_goes_to_the_next_worker():
    with group_membership.held(GROUP) as first:
        pass
    assert name_of() == first


def test_a_free_name_is_reused_before_a_new_one():
    first, second = group_membership.held(GROUP), group_membership.held(GROUP)
    first.__enter__()
    freed = second.__enter__()
    with group_membership.held(GROUP):
        second.__exit__(None, None, None)
        assert name_of() == freed
    first.__exit__(None, None, None)


def test_a_killed_process_leaves_its_name_to_the_next():
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        while_it_lived = name_of()
        process.kill()
    assert while_it_lived != name
    assert name_of() == name


def test_names_of_different_groups_are_independent():
    with group_membership.held("shop-lake") as lake, group_membership.held("shop-redis") as redis:
        assert lake != redis


def test_a_home_copied_to_another_machine_gives_other_names(monkeypatch):
    here = name_of()
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    assert name_of() not in (here, None)


def test_a_partly_written_name_is_rewritten():
    name_of()
    (file,) = (paths.home() / "run" / "members").iterdir()
    file.write_text("half")
    again = name_of()
    assert again is not None
    assert name_of() == again


def test_a_worker_in_a_read_only_home_has_no_name():
    (paths.home() / "run").write_text("a file where a folder should be")
    assert name_of() is None
