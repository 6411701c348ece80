"""The demo's warehouse: built after the proof of the stores, and asked one question. dbt is an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoplake.demo.questions import DAYS, Answer
from shoplake.environments import LOCAL
from shoplake.quality import Summary, summary
from shoplake.query import duckdb_session
from shoplake.query.result import Limits
from shoplake.warehouse.build import build
from shoplake.warehouse.dbt_project import require_dbt

if TYPE_CHECKING:
    from collections.abc import Callable

    from shoplake.settings import Settings

__all__ = ["build_and_ask", "check_quality", "require_dbt"]

FUNNEL = """
SELECT device, sum(sessions)::VARCHAR, sum(carted)::VARCHAR, sum(ordered)::VARCHAR,
       format('{:.1f}%', 100 * sum(ordered) / sum(sessions))
FROM funnel_daily
WHERE started_on > (SELECT max(started_on) FROM funnel_daily) - $days::INTEGER
GROUP BY device ORDER BY sum(sessions) DESC, device
"""


def check_quality(settings: Settings, say: Callable[[str], None]) -> Summary:
    """Run the checks of all datasets, and compare their ages with the objectives.

    Raises:
        LogUnavailable: Kafka did not answer.
    """
    say("checking the quality of all datasets")
    return summary(settings, LOCAL, lambda text: say(f"quality: {text}"))


def build_and_ask(settings: Settings, say: Callable[[str], None]) -> Answer:
    """Build gold from the new events of the lake, and answer from it.

    Raises:
        WarehouseError: a model could not be built, or another process builds.
    """
    say("building the warehouse: dbt makes silver and gold tables from the lake")
    done = build(settings, LOCAL, lambda text: say(f"warehouse: {text}"))
    say(f"warehouse: build {done.build} read {done.new_events:,} new events in {done.seconds:.1f} s")
    return sessions_that_became_orders(settings)


def sessions_that_became_orders(settings: Settings) -> Answer:
    """From the gold tables, by DuckDB over Iceberg."""
    with duckdb_session.opened(settings, Limits()) as session:
        session.attach_gold()
        session.prefer(duckdb_session.GOLD)
        found = session.run(FUNNEL.replace("$days", str(DAYS)))
    columns = ("device", "sessions", "with a cart", "ordered", "conversion")
    return Answer(
        f"Which visits became orders in the last {DAYS} days?", "warehouse (DuckDB)", columns, tuple(found.rows)
    )
