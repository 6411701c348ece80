"""The output is a function of scenario, seed and version: of nothing else, and of each of them."""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

import shopsim
from shopsim.encode import ORDER, encode
from shopsim.parallel import _received

GOLDEN = "ffc88bf1bf8b79d480b5099c25f62a4d4ed67aef5dc65813f69ddb43226c9af7"


def digest(windows) -> str:
    """sha256 over topic, key, value and fault of each event."""
    whole = hashlib.sha256()
    for window in windows:
        for column in ("topic", "key", "value", "fault"):
            values = window.rows[column].cast(pl.Binary if column != "topic" else pl.String).cast(pl.Binary)
            whole.update(b"\n".join(value or b"" for value in values.to_list()))
    return whole.hexdigest()


def crew() -> list[multiprocessing.process.BaseProcess]:
    return [process for process in multiprocessing.active_children() if process.name.startswith("shopsim")]


def test_the_first_20k_events_of_the_demo_are_what_this_version_makes(demo):
    """If this fails, the output has changed: raise `shopsim.VERSION`, then put the new digest here.

    If it fails now and then, something depends on PYTHONHASHSEED (Faker keeps some of its words in sets).
    """
    assert (shopsim.VERSION, digest(shopsim.stream(demo, 7, limit=20_000))) == (2, GOLDEN)


@pytest.mark.parametrize("seed", [1, 7, 20_261_121])
@pytest.mark.parametrize("workers", [2, 5])
def test_lanes_simulated_apart_and_merged_give_the_same_rows(small, seed, workers):
    """What workers do, without the processes: their start takes longer than the work here."""

    def rows(lanes):
        windows = itertools.islice(shopsim.simulate(small, seed, lanes=lanes), 2)
        return pl.concat([encode(small, seed, window) for window in windows])

    apart = [rows(range(number, small.lanes, workers)) for number in range(workers)]
    assert pl.concat(apart).sort(ORDER).equals(rows(None))


def test_processes_give_the_same_bytes_as_one_and_none_is_left_when_the_stream_is_closed(small):
    windows = shopsim.stream(small, 7, workers=2)
    apart = [next(windows), next(windows)]
    assert len(crew()) == 2
    windows.close()
    assert crew() == []
    together = shopsim.stream(small, 7)
    assert digest(apart) == digest([next(together), next(together)])


def test_a_worker_that_dies_is_reported():
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=os._exit, args=(9,), name="shopsim-1")
    worker.start()
    sender.close()
    with pytest.raises(shopsim.WorkerFailed, match="shopsim-1 died with exit code 9"):
        _received(worker, receiver)


@pytest.mark.parametrize("other", ["seed", "scenario"])
def test_two_shops_share_no_id(demo, changed, demo_shop, simulated, other):
    rows = simulated(demo, 8, 5_000) if other == "seed" else simulated(changed(description="another"), 7, 5_000)
    texts = rows.filter(pl.col("fault").is_null())["value"].cast(pl.String)
    namespace = texts.str.extract(r'"event_id":"([0-9a-f]{6})-').unique().to_list()
    assert len(namespace) == 1
    ours = demo_shop.execute("SELECT DISTINCT split_part(event_id, '-', 1) FROM page_viewed").fetchall()
    assert (namespace[0],) not in ours
    ids = texts.str.extract_all(r'_id":"[^"]+"').list.explode().str.split('"').list.get(2)
    assert ids.str.contains(namespace[0]).all()


@pytest.mark.parametrize(("window", "skip"), [(0, 1_234), (1, 0), (1, 17)])
def test_a_stream_resumed_gives_the_rest(small, window, skip):
    whole = {w.index: w.rows for w in shopsim.stream(small, 7, limit=12_000)}
    resumed = next(shopsim.stream(small, 7, start=shopsim.Position(window, skip)))
    assert resumed.rows.equals(whole[window].slice(skip))
    assert resumed.next == shopsim.Position(window + 1, 0)


def test_skipping_a_whole_window_goes_on_with_the_next(small):
    first = next(shopsim.stream(small, 7))
    resumed = next(shopsim.stream(small, 7, start=shopsim.Position(0, first.rows.height)))
    assert resumed.index == 1


def test_a_stream_in_pieces_is_the_stream(small):
    whole = pl.concat([w.rows for w in shopsim.stream(small, 7, limit=10_000)])
    pieces, position = [], shopsim.Position()
    for size in (1, 6_000, 3_999):
        for window in shopsim.stream(small, 7, start=position, limit=size):
            pieces.append(window.rows)
            position = window.next
    assert pl.concat(pieces).equals(whole)


def test_nothing_is_asked_for_and_nothing_comes(demo):
    assert list(shopsim.stream(demo, 7, limit=0)) == []


def test_workers_die_with_a_parent_that_is_killed(tmp_path):
    program = tmp_path / "parent.py"
    program.write_text(
        "import multiprocessing, shopsim, time\n"
        "if __name__ == '__main__':\n"
        "    windows = shopsim.stream(shopsim.load_scenario('demo'), 7, workers=2)\n"
        "    next(windows)\n"
        "    print(*[p.pid for p in multiprocessing.active_children()], flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(workers) == 2
    assert not any(is_running(pid) for pid in workers)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
