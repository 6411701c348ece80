"""Where personal data is, by the map."""

from __future__ import annotations

import pytest

from shoplake.map import project
from shoplake.map.graph import Graph
from shoplake.privacy import data_map
from shoplake.privacy.data_map import CUSTOMER, SESSION


@pytest.fixture(scope="module")
def graph() -> Graph:
    return project.graph()


def test_an_email_is_personal_in_each_store_that_has_it(graph: Graph) -> None:
    found = {(one.dataset, one.column): one for one in data_map.personal(graph)}
    emails = [key for key, one in found.items() if "kafka.customers.email" in one.fields]
    assert set(emails) == {
        ("kafka.customers", "email"),
        ("postgres.customers", "email"),
        ("mongodb.customers", "profile.email"),
        ("lake.customers", "email"),
        ("silver.stg_customers", "email"),
        ("gold.dim_customers", "email"),
    }
    assert all(one.owner for one in found.values())


def test_each_dataset_with_rows_of_people_has_a_column_that_names_them(graph: Graph) -> None:
    """A personal column whose row names nobody would be left out of an export."""
    named = data_map.keys(graph)
    personal = {one.dataset for one in data_map.personal(graph) if not one.dataset.startswith("kafka.")}
    assert personal <= named.keys()
    assert named["dynamodb.sessions"] == {"pk": SESSION, "customer_id": CUSTOMER}
    assert named["mongodb.customers"] == {"_id": CUSTOMER}
    assert "redis.funnel" not in named
