"""Names in full and short, with the nearest; and mistakes in the files, each with its file, line and key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shoplake.errors import MapError, UnknownName
from shoplake.map import metadata, names, project
from shoplake.map.graph import Dataset, Edge, Field, Graph
from shoplake.warehouse import dbt_project


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("gold.fct_orders", "gold.fct_orders"),
        ("fct_orders", "gold.fct_orders"),
        ("fct_orders.total_cents", "gold.fct_orders.total_cents"),
        ("mongodb.customers.profile.email", "mongodb.customers.profile.email"),
        ("kafka.orders.lines[].quantity", "kafka.orders.lines[].quantity"),
        ("dead-letters", "kafka.dead-letters"),
        ("dim_customers.email", "gold.dim_customers.email"),
    ],
)
def test_a_name_is_accepted_in_full_or_where_it_is_unique(name: str, found: str, graph: Graph) -> None:
    assert str(names.reference(graph, name)) == found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fct_ordrs", r"there is no dataset 'fct_ordrs'; did you mean 'gold\.fct_orders'\?"),
        (
            "gold.fct_orders.total_cent",
            r"no column 'gold\.fct_orders\.total_cent'; did you mean 'gold\.fct_orders\.total_cents'",
        ),
        ("fct_orders.totl_cents", r"there is no column .* did you mean 'gold\.fct_orders\.total_cents'"),
        ("customers", r"can mean 4 things: kafka\.customers, postgres\.customers, mongodb\.customers, lake\.customers"),
        ("zzz", r"there is no dataset 'zzz'\n"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, message: str, graph: Graph) -> None:
    with pytest.raises(UnknownName) as refused:
        names.reference(graph, name)
    refused.match(message)


def test_a_graph_refuses_what_does_not_fit_together() -> None:
    one = Dataset("kafka", "a", "topic", fields=(Field("x"),))
    with pytest.raises(ValueError, match=r"names kafka\.a\.y, which is not on the map"):
        Graph.of([one], [Edge("kafka.a.x", "kafka.a.y")])
    with pytest.raises(ValueError, match=r"on the map twice: kafka\.a"):
        Graph.of([one, one], [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("datasets: {orders: {ownr: me}}", r"kafka\.yaml:1:21: datasets\.orders\.ownr: expected .*`owner`"),
        ("datasets:\n  orders: {freshness: {arrival: soon}}", r":2:\d+: .*arrival: expected a duration such as 15m"),
        ("datasets:\n  - orders", r"kafka\.yaml:1:1: datasets: expected a mapping"),
        ("datasets: [", r"expected valid YAML"),
        ("owner: me", r"datasets: expected a value, found nothing"),
    ],
)
def test_a_mistake_in_metadata_has_its_line_and_key(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "kafka.yaml").write_text(content)
    with pytest.raises(MapError) as refused:
        metadata.load("kafka", tmp_path)
    refused.match(message)


def test_metadata_names_every_dataset_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "kafka.yaml").write_text("datasets:\n  ordrs: {owner: me}\n")
    found = metadata.load("kafka", tmp_path)
    with pytest.raises(MapError, match=r"kafka\.yaml:2:3: datasets\.ordrs: expected a dataset of kafka.*`orders`"):
        found.completed([Dataset("kafka", "orders", "topic")])
    (tmp_path / "kafka.yaml").write_text("datasets:\n  orders: {owner: me}\n")
    with pytest.raises(MapError, match=r"expected an entry for the dataset kafka\.clicks"):
        metadata.load("kafka", tmp_path).completed(
            [Dataset("kafka", "orders", "topic"), Dataset("kafka", "clicks", "topic")]
        )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the dbt project, to make mistakes in."""
    return Path(shutil.copytree(dbt_project.project_folder(), tmp_path / "warehouse"))


def _edited(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_model_without_an_entry_in_yaml_is_refused(copy: Path) -> None:
    (copy / "models/marts/new_mart.sql").write_text("{{ config(key=['a']) }} select 1 as a")
    with pytest.raises(MapError, match=r"new_mart\.sql: expected an entry of the model in a YAML file"):
        project.read(copy)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "facts/fct_orders.yml",
            "owner: commerce",
            "ownr: commerce",
            r"fct_orders\.yml:\d+: .*`ownr` \(did you mean `owner`",
        ),
        (
            "facts/fct_orders.sql",
            "orders.total_cents,",
            "orders.totl_cents,",
            r"fct_orders\.sql: expected SQL.*totl_cents",
        ),
        ("facts/fct_orders.sql", "as placed_on", "as placed_day", r"not those of its YAML: placed_day, placed_on"),
        (
            "facts/fct_orders.sql",
            "ref('stg_orders')",
            "nonsense('stg_orders')",
            r"fct_orders\.sql.*'nonsense' is undefined",
        ),
        (
            "facts/fct_orders.sql",
            "ref('stg_orders')",
            "ref('stg_ordres')",
            r"fct_orders\.sql.*there is no model\.stg_ordres",
        ),
    ],
)
def test_a_mistake_in_a_model_names_its_file(file: str, old: str, new: str, message: str, copy: Path) -> None:
    _edited(copy / "models" / file, old, new)
    with pytest.raises(MapError) as refused:
        project.read(copy)
    refused.match(message)


def test_the_data_class_follows_the_lineage_unless_an_override_gives_a_reason(copy: Path, graph: Graph) -> None:
    email = graph.datasets["gold.dim_customers"].field("email")
    assert email
    assert (email.data_class, email.class_reason) == ("personal", "from silver.stg_customers.email")
    assert graph.datasets["gold.customer_value"].data_class == "internal"
    _edited(
        copy / "models/staging/stg_customers.yml",
        "- name: email\n",
        "- name: email\n        config: { meta: { data_class: { to: internal, because: It is masked. } } }\n",
    )
    read = project.read(copy)
    masked, after = (
        read.datasets["silver.stg_customers"].field("email"),
        read.datasets["gold.dim_customers"].field("email"),
    )
    assert masked
    assert after
    assert (masked.data_class, masked.class_reason) == ("internal", "It is masked.")
    assert after.data_class == "internal"


def test_a_dashboard_shows_metrics_that_exist(copy: Path) -> None:
    file = copy / "dashboards" / "sales.yaml"
    head = "title: Sales\ndescription: Sales.\nowner: finance\npanels:\n"
    file.write_text(f"{head}  - {{name: net, title: Net, chart: number, metric: revenu}}\n")
    with pytest.raises(MapError, match=r"sales\.yaml:5:\d+: panels\[0\]\.metric: expected a metric.*`revenue`"):
        project.read(copy)
    _edited(file, "revenu}", "revenue}")
    assert "kafka.orders.amount_cents" in project.read(copy).reached_by_value("dashboards.sales.net", "up")
