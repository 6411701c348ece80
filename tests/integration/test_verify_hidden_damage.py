"""Types, structure, bookkeeping and bytes that nobody can read: each damage is found by name, and none is a traceback.

The damage stays: this file comes after all others that share its stack.
"""

from __future__ import annotations

import psycopg
import pytest

from shoplake.settings import Settings
from shoplake.sinks.postgres.migrate import migrate
from shoplake.verify import Finding, StoreResult, verify
from shoplake.verify.stores import postgres_structure

from .hidden_damage import HIDDEN

pytestmark = pytest.mark.stack


async def verified(settings: Settings, name: str) -> StoreResult:
    (store,) = (await verify(settings, [name])).stores
    return store


def by_name(findings: tuple[Finding, ...]) -> dict[tuple[str, str, str], str]:
    return {(finding.kind, finding.table, finding.key): str(finding) for finding in findings}


def test_the_expected_structure_of_postgres_equals_the_migrated_one(loaded_stack: Settings) -> None:
    migrate(loaded_stack.postgres.url())
    with psycopg.connect(loaded_stack.postgres.conninfo()) as connection:
        assert postgres_structure.read(connection) == postgres_structure.expected()


@pytest.mark.parametrize("name", HIDDEN)
async def test_damage_outside_of_rows_is_found_and_named(loaded_stack: Settings, name: str) -> None:
    before = by_name((await verified(loaded_stack, name)).findings)
    opened, damages = HIDDEN[name]
    with opened(loaded_stack) as store:
        planted = {what: damage(store) for what, damage in damages.items()}
    result = await verified(loaded_stack, name)
    found = by_name(result.findings)
    assert {what: found.get(named[:3], "not found") for what, named in planted.items() if named.says not in found.get(
        named[:3], "")} == {}  # fmt: skip
    others = found.keys() - before.keys() - {named[:3] for named in planted.values()}
    assert others if name == "lake" else not others  # files that cannot be read take their rows with them
    assert not result.ok


async def test_other_stores_are_verified_beside_a_damaged_one(loaded_stack: Settings) -> None:
    report = await verify(loaded_stack)
    assert all(store.expected > 0 for store in report.stores if store.name != "dead_letters")
