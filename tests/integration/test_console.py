"""The console on a loaded stack: the command starts it, its link signs in, and its pages have what the stack has."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import psycopg
import pytest
import urllib3

pytest.importorskip("fastapi")

from shoplake import background
from shoplake.console import pages, server
from shoplake.console.live import Sample
from shoplake.settings import Settings
from shoplake.sinks import SINKS

from . import user_shell

pytestmark = pytest.mark.stack


class Browser:
    """Keeps the cookie of one session."""

    def __init__(self, link: str) -> None:
        self._pool = urllib3.PoolManager(timeout=60, retries=False)
        self.root = link.partition(pages.PATH)[0]
        answer = self._pool.request("GET", link, redirect=False)
        assert (answer.status, answer.headers["location"]) == (303, f"{pages.PATH}/")
        self._cookie = answer.headers["set-cookie"].partition(";")[0]

    def get(self, path: str) -> tuple[int, str]:
        answer = self._pool.request("GET", self.root + path, headers={"Cookie": self._cookie})
        return answer.status, answer.data.decode()

    def samples(self, number: int) -> list[Sample]:
        answer = self._pool.request(
            "GET", f"{self.root}{pages.PATH}/live", headers={"Cookie": self._cookie}, preload_content=False
        )
        found: list[Sample] = []
        while len(found) < number:
            line = answer.readline().decode().strip()
            if line.startswith("data: "):
                found.append(msgspec.json.decode(line.removeprefix("data: "), type=Sample))
        answer.close()
        return found


@pytest.fixture(scope="module")
def environment(loaded_stack: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return user_shell.without_stores(tmp_path_factory.mktemp("home"))


def link(environment: dict[str, str]) -> str:
    return str(json.loads(user_shell.program("console", "--json", environment=environment))["link"])


@pytest.fixture(scope="module")
def browser(environment: dict[str, str]) -> Iterator[Browser]:
    yield Browser(link(environment))
    assert user_shell.program("console", "down", environment=environment) == "the console is stopped\n"
    assert background.look(server.NAME) is None


def test_samples_have_every_reader_and_every_server(browser: Browser) -> None:
    first, second = browser.samples(2)
    assert first.problem == ""
    assert {one.name for one in first.sinks} == {*(f"jobs.sink-{name}" for name in SINKS), "jobs.dead-letter-router"}
    assert [(one.lag, one.problem) for one in first.sinks if one.name != "jobs.dead-letter-router"] == [(0, "")] * 5
    assert set(first.servers.values()) == {"running"}
    assert all(first.memory.values())
    assert [one.rate for one in first.topics] == [None] * len(first.topics)
    assert all(one.rate is not None for one in second.topics)
    assert second.at_ms > first.at_ms


def test_each_page_is_shown_and_a_link_works_once(browser: Browser, environment: dict[str, str]) -> None:
    for path in ("/", "/catalogue", "/catalogue/postgres.orders", "/catalogue/postgres.orders/lineage.svg", "/runs"):
        status, text = browser.get(pages.PATH + path)
        assert status == 200, text
    used = link(environment)
    Browser(used)
    answer = urllib3.request("GET", used, redirect=False)
    assert answer.status == 401


def test_a_dataset_and_the_quality_page_show_the_newest_checks(
    browser: Browser, environment: dict[str, str], loaded_stack: Settings
) -> None:
    user_shell.program("quality", "run", "--dataset", "postgres.reviews", environment=environment)
    with psycopg.connect(loaded_stack.postgres.conninfo()) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM shop.reviews").fetchone() or (0,)
    _, dataset = browser.get(f"{pages.PATH}/catalogue/postgres.reviews")
    assert "range(rating)" in dataset
    assert f"{rows:,}</td>" in dataset
    status, quality = browser.get(f"{pages.PATH}/quality")
    assert (status, "Needs attention" in quality) == (200, False)
    assert "postgres.reviews" in quality


def test_a_warehouse_that_was_not_built_is_a_page_that_says_what_to_do(browser: Browser) -> None:
    status, text = browser.get(f"{pages.PATH}/dashboards/index.html")
    if status != 200:  # another file of this stack may have built one
        assert (status, "shoplake warehouse build" in text) == (503, True)


def test_a_second_console_is_the_first_one(browser: Browser, environment: dict[str, str]) -> None:
    assert link(environment).startswith(browser.root)
