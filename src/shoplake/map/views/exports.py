"""Descriptions of datasets in open formats: a data contract of ODCS, and a catalogue of DCAT."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import metadata
from typing import Any

from shoplake.map.graph import Dataset, Field, Graph

ODCS_VERSION = "v3.1.0"
"""Version of the Open Data Contract Standard (https://bitol-io.github.io/open-data-contract-standard/)."""

_LOGICAL_TYPES = (
    ("array", ("array", "list", "[]")),
    ("object", ("object", "struct", "map")),
    ("boolean", ("bool",)),
    ("timestamp", ("timestamp",)),
    ("date", ("date",)),
    ("number", ("double", "float", "decimal", "number", "ratio")),
    ("integer", ("int", "long", "score", "minor units")),
    ("string", ("string", "varchar", "text", "char")),
)
# https://op.europa.eu/en/web/eu-vocabularies/dataset/-/resource?uri=http://publications.europa.eu/resource/dataset/access-right
_ACCESS = {"public": "PUBLIC", "internal": "RESTRICTED", "personal": "NON_PUBLIC"}
_ACCESS_RIGHT = "http://publications.europa.eu/resource/authority/access-right/"
_CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "prov": "http://www.w3.org/ns/prov#",
}


def exported(graph: Graph, names: Sequence[str] = ()) -> list[Dataset]:
    """The datasets of an export: the named ones, or all that hold or show data."""
    return [graph.datasets[name] for name in names] or [one for one in graph.datasets.values() if one.kind != "job"]


def odcs(graph: Graph, dataset: Dataset) -> dict[str, Any]:
    """The data contract of a dataset, in the Open Data Contract Standard."""
    contract = {
        "apiVersion": ODCS_VERSION,
        "kind": "DataContract",
        "id": f"shoplake.{dataset.id}",
        "name": dataset.id,
        "version": metadata.version("shoplake"),
        "status": "active",
        "dataProduct": "shoplake",
        "domain": dataset.owner,
        "tags": list(dataset.tags),
        "description": {"purpose": dataset.description},
        "team": {"name": dataset.owner},
        "slaProperties": list(_objectives(dataset)),
        "schema": [
            _without_empty(
                {
                    "name": dataset.name,
                    "logicalType": "object",
                    "physicalType": dataset.kind,
                    "physicalName": dataset.address or dataset.name,
                    "description": dataset.description,
                    "dataGranularityDescription": dataset.grain,
                    "properties": _properties(graph, dataset),
                }
            )
        ],
    }
    return _without_empty(contract)


def _properties(graph: Graph, dataset: Dataset) -> list[dict[str, Any]]:
    position = 0
    found = []
    for field in dataset.fields:
        position += field.key
        found.append(_property(graph, dataset, field, position if field.key else 0))
    return found


def _property(graph: Graph, dataset: Dataset, field: Field, key_position: int) -> dict[str, Any]:
    sources = list(dict.fromkeys(edge.source for edge in graph.edges(dataset.column(field.name), "up")))
    made: dict[str, Any] = {
        "name": field.name,
        "logicalType": _logical_type(field.type),
        "physicalType": field.type,
        "description": field.description,
        "classification": field.data_class,
        "transformSourceObjects": sources,
    }
    if key_position:
        made |= {"primaryKey": True, "primaryKeyPosition": key_position}
    return _without_empty(made)


def _objectives(dataset: Dataset) -> Iterable[dict[str, Any]]:
    age = {
        "freshness": (dataset.freshness.event_time_s, "How long ago the newest event may have happened."),
        "latency": (dataset.freshness.arrival_s, "How long ago it may have been written, while its sources are newer."),
    }
    for name, (value, text) in age.items():
        if value is not None:
            yield {"property": name, "value": value, "unit": "s", "description": text}


def _logical_type(physical: str) -> str:
    text = physical.lower()
    return next((name for name, marks in _LOGICAL_TYPES if any(mark in text for mark in marks)), "string")


def dcat(graph: Graph, datasets: Sequence[Dataset]) -> dict[str, Any]:
    """A catalogue of datasets, in the Data Catalog Vocabulary of the W3C (version 3), as JSON-LD."""
    return {
        "@context": _CONTEXT,
        "@type": "dcat:Catalog",
        "dcterms:title": "shoplake",
        "dcterms:description": "Topics, stores, tables and metrics of the shop.",
        "dcat:dataset": [_dcat_dataset(graph, one) for one in datasets],
    }


def _dcat_dataset(graph: Graph, dataset: Dataset) -> dict[str, Any]:
    return _without_empty(
        {
            "@id": _urn(dataset.id),
            "@type": "dcat:Dataset",
            "dcterms:identifier": dataset.id,
            "dcterms:title": dataset.id,
            "dcterms:description": dataset.description,
            "dcterms:publisher": {"@type": "foaf:Organization", "foaf:name": dataset.owner},
            "dcterms:accessRights": {"@id": _ACCESS_RIGHT + _ACCESS[dataset.data_class]},
            "dcat:keyword": list(dataset.tags),
            "prov:wasDerivedFrom": [
                {"@id": _urn(source)}
                for source in dict.fromkeys(edge.source for edge in graph.edges(dataset.id, "up"))
                if graph.datasets[source].kind != "job"
            ],
        }
    )


def _urn(name: str) -> str:
    return f"urn:shoplake:{name}"


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in ("", [], {})}
