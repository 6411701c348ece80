"""Runs what `connect` prints and what `docs/connect-your-tools.md` shows, with each client that this machine has.

The ids of the tests name the blocks that run; a block whose client is not installed makes no test.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from shoplake import connect
from shoplake.connect import clients, output
from shoplake.connect.access import BY_STORE
from tests.integration.user_shell import printed, program

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "connect-your-tools.md"
BLOCK = re.compile(r"(?m)^(#+) ([^\n]+)$|^```(\w+)\n(.*?)^```", re.DOTALL)
# In the names of programs that a block or a client starts.
PROGRAMS = (
    "psql",
    "duckdb",
    "redis-cli",
    "valkey-cli",
    "mongosh",
    "kcat",
    "kafka-console-consumer.sh",
    "aws",
    "spark-sql",
)
# DuckDB fetches extensions from its own site, which a machine of tests does not reach.
FETCHES = re.compile(r"INSTALL ")

RUN_AS_A_NOTEBOOK = """
import ast, asyncio, inspect, sys
code = compile(sys.stdin.read(), "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
answer = eval(code, {})
if inspect.iscoroutine(answer):
    asyncio.run(answer)
"""


def blocks() -> list[tuple[str, str, str]]:
    """`(heading, language, text)` of each code block of the page."""
    found, section, heading = [], "", ""
    for level, title, language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if level:
            section, heading = (title, "") if len(level) < 3 else (section, title)
        else:
            lines = [line for line in text.splitlines() if "--open" not in line]  # a test of its own opens clients
            found.append((f"{section}, {heading}" if heading else section, language, "\n".join(lines)))
    return found


def runnable(language: str, text: str) -> bool:
    """Whether this machine has all that a block starts."""
    if FETCHES.search(text):
        return False
    if language == "python":
        modules = [
            name.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for name in node.names
        ]
        return "spark" not in text and all(importlib.util.find_spec(name.partition(".")[0]) for name in modules)
    words = {word for line in text.splitlines() for word in re.findall(r"(?:^|\$\()\s*([\w.-]+)", line)}
    return language == "sh" and all(shutil.which(word) for word in words & set(PROGRAMS))


PAGE_BLOCKS = [block for block in blocks() if runnable(*block[1:])]


def ran(kind: str, text: str, environment: dict[str, str]) -> str:
    """What the text prints, in a shell or a notebook."""
    commands = {"python": [sys.executable, "-c", RUN_AS_A_NOTEBOOK]}
    return printed(commands.get(kind, ["sh", "-eu"]), environment, cwd=ROOT, stdin=text)


@pytest.mark.parametrize(("heading", "language", "text"), PAGE_BLOCKS, ids=[block[0] for block in PAGE_BLOCKS])
def test_a_block_of_the_page_runs_and_prints_something(
    shell: dict[str, str], heading: str, language: str, text: str
) -> None:
    assert ran(language, text, shell).strip(), heading


@pytest.mark.parametrize("store", BY_STORE)
def test_what_connect_prints_for_a_client_runs(shell: dict[str, str], store: str) -> None:
    kinds = {"shell": "sh", "python": "python"}
    known = clients.of(connect.one(store))
    started = [one for one in known if one.kind in kinds and runnable(kinds[one.kind], "\n".join(one.lines))]
    assert started  # at least the notebook, whose library is one of ours
    for client in started:
        assert ran(client.kind, "\n".join(client.lines), shell).strip(), client.name


def test_orders_are_found_without_their_schema(shell: dict[str, str]) -> None:
    (url,) = output.formatted([connect.one("postgres")], "url", show_secrets=True)
    with psycopg.connect(url) as shop:
        (found,) = shop.execute("SELECT count(*) FROM orders").fetchone()
    assert found > 0


def test_json_and_variables_say_the_same(shell: dict[str, str]) -> None:
    found = json.loads(program("connect", "--json", "--show-secrets", environment=shell))
    variables = {name: value for one in found.values() for name, value in one["variables"].items()}
    assert found.keys() == BY_STORE.keys()
    assert variables.items() <= shell.items()


def test_unset_leaves_a_shell_as_before(shell: dict[str, str]) -> None:
    unset = program("env", "--unset", environment=shell)
    done = subprocess.run(
        ["sh", "-c", 'eval "$1"; env', "sh", unset], env=shell, capture_output=True, text=True, check=True
    )
    left = {line.partition("=")[0] for line in done.stdout.splitlines()}
    assert not {"PGHOST", "PGPASSWORD", "AWS_ENDPOINT_URL", "REDIS_URL", "MONGODB_URI", "SHOPLAKE_EXPORTED"} & left
    assert {"PATH", "HOME"} <= left


def test_open_starts_a_client_that_is_logged_in(shell: dict[str, str]) -> None:
    """With the first client that takes commands from stdin."""
    asked = {
        "postgres": ("psql", "SELECT count(*) > 0 AS any FROM orders;"),
        "redis": ("redis-cli", "EXISTS shoplake:top_products"),
    }
    for store, (client, text) in asked.items():
        if shutil.which(client):
            command = [sys.executable, "-m", "shoplake.cli.main", "connect", store, "--open"]
            done = subprocess.run(
                command, input=text, env=shell, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stderr
            assert re.search(r"\bt\b|1", done.stdout), done.stdout
    missing = subprocess.run(
        [sys.executable, "-m", "shoplake.cli.main", "connect", "postgres", "--open"],
        env={**shell, "PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert missing.returncode == 2
    assert "postgresql-client" in missing.stderr
