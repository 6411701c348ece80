"""Pages without a stack: who may see them, what a browser may load, and that they show what the map has."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from tests.unit.api.asgi import Answer, get

from shoplake.api.app import create
from shoplake.api.blocking import BlockingWork
from shoplake.api.keys import KeyCheck
from shoplake.api.openapi import placeholders
from shoplake.console import pages, picture, server, sessions
from shoplake.map import project
from shoplake.settings import PostgresSettings

KEY = KeyCheck.of("a-key")
HOST = {"Host": "127.0.0.1:8000"}
SHOWN = (
    "/console/",
    "/console/catalogue",
    "/console/catalogue/gold.fct_orders",
    "/console/dashboards",
    "/console/runs",
)
OTHERS = ("/console/live", "/console/quality", "/console/dashboards/index.html", "/console/catalogue/x/lineage.svg")


@pytest.fixture(scope="module")
def app() -> FastAPI:
    down = PostgresSettings(host="127.0.0.1", port=1, database="shop", user="nobody", password=SecretStr("none"))
    made = create(placeholders().model_copy(update={"postgres": down}), KEY)
    server.extend(made)
    made.state.catalogue = BlockingWork("catalogue", 1)
    return made


@pytest.fixture
def signed_in(app: FastAPI) -> dict[str, str]:
    token = app.state.sessions.enter(sessions.code(KEY.secret, app.state.sessions._clock()))
    return HOST | {"Cookie": f"{pages.COOKIE}={token}"}


async def shown(app: FastAPI, path: str, headers: dict[str, str]) -> str:
    answer = await get(app, path, headers)
    assert answer.status == 200, answer.body
    return answer.body.decode()


@pytest.mark.parametrize("path", [*SHOWN, *OTHERS])
async def test_no_page_is_shown_to_a_browser_that_is_not_signed_in(app: FastAPI, path: str) -> None:
    for headers in (HOST, HOST | {"Cookie": f"{pages.COOKIE}=other"}, HOST | {"X-API-Key": "a-key"}):
        answer = await get(app, path, headers)
        assert answer.status == 401
        assert "shoplake console" in answer.body.decode()


@pytest.mark.parametrize("path", [*SHOWN, *OTHERS, "/console/enter"])
async def test_a_foreign_name_of_this_machine_is_refused(app: FastAPI, path: str, signed_in: dict[str, str]) -> None:
    assert (await get(app, path, signed_in | {"Host": "attacker.example"})).status == 401


async def test_a_link_signs_in_once(app: FastAPI) -> None:
    code = sessions.code(KEY.secret, app.state.sessions._clock())
    answer = await get(app, f"/console/enter?code={code}", HOST)
    assert (answer.status, answer.headers["location"]) == (303, "/console/")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/console"} <= {part.strip() for part in cookie.split(";")}
    assert (await get(app, "/console/runs", HOST | {"Cookie": cookie.partition(";")[0]})).status == 200
    assert (await get(app, f"/console/enter?code={code}", HOST)).status == 401


async def test_a_browser_that_signs_out_sees_no_page(app: FastAPI, signed_in: dict[str, str]) -> None:
    assert (await get(app, "/console/leave", signed_in, method="POST")).status == 200
    assert (await get(app, "/console/runs", signed_in)).status == 401


@pytest.mark.parametrize("path", SHOWN)
async def test_a_page_may_load_nothing_from_elsewhere(app: FastAPI, path: str, signed_in: dict[str, str]) -> None:
    answer = await get(app, path, signed_in)
    assert answer.headers["content-security-policy"] == pages.POLICY
    assert "unsafe" not in pages.POLICY
    text = answer.body.decode()
    assert not re.findall(r"""(?:src|href|action)=["'](?:https?:)?//""", text)
    assert not re.findall(r"<script(?! src)|<style| style=| on[a-z]+=", text)


async def test_the_first_page_is_small(app: FastAPI, signed_in: dict[str, str]) -> None:
    paths = ("/console/", "/console/static/console.css", "/console/static/live.js", "/console/static/icon.svg")
    answers: list[Answer] = [await get(app, path, signed_in) for path in paths]
    assert [answer.status for answer in answers] == [200] * 4
    assert sum(len(answer.body) for answer in answers) < 300_000


async def test_the_catalogue_has_each_dataset_and_finds_words(app: FastAPI, signed_in: dict[str, str]) -> None:
    text = await shown(app, "/console/catalogue", signed_in)
    graph = project.graph()
    assert re.findall(r'href="/console/catalogue/([^"]+)"', text) == list(graph.datasets)
    gold = await shown(app, "/console/catalogue?system=gold", signed_in)
    assert re.findall(r'href="/console/catalogue/([^"]+)"', gold) == [
        one.id for one in graph.datasets.values() if one.system == "gold"
    ]
    assert "kafka.customers.email" in await shown(app, "/console/catalogue?q=customer+email", signed_in)


async def test_what_a_person_types_is_text_and_no_markup(app: FastAPI, signed_in: dict[str, str]) -> None:
    text = await shown(app, "/console/catalogue?q=%3Cscript%3Ealert(1)%3C/script%3E", signed_in)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


async def test_a_dataset_that_does_not_exist_is_named_with_the_nearest(app: FastAPI, signed_in: dict[str, str]) -> None:
    answer = await get(app, "/console/catalogue/gold.fct_oders", signed_in)
    assert answer.status != 200
    assert "fct_orders" in answer.body.decode()


async def test_a_dataset_is_shown_although_postgres_is_down(app: FastAPI, signed_in: dict[str, str]) -> None:
    text = await shown(app, "/console/catalogue/gold.fct_orders", signed_in)
    assert "total_cents" in text
    assert "could not be used" in text  # in place of its checks
    answer = await get(app, "/console/quality", signed_in)
    assert (answer.status, "could not be used" in answer.body.decode()) == (503, True)


def test_the_picture_has_each_job_that_moves_events_and_each_line_has_two_ends() -> None:
    graph = project.graph()
    drawn = ET.fromstring(picture.svg(graph))
    boxes = {one.get("data-node") for one in drawn.iter("a")}
    moving = {edge.job for edge in graph.flows if edge.job and edge.source.startswith(("kafka.", "lake."))}
    assert moving - {"jobs.replay"} <= boxes
    lines = [(one.get("data-from"), one.get("data-to")) for one in drawn.iter("path")]
    assert len(lines) == len(set(lines)) > 30
    assert {end for line in lines for end in line} == boxes
