"""What the map says of a dataset that a check needs: its owner, its key, its personal columns, how old it may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shoplake.map import names
from shoplake.map.graph import RECORDS, Dataset, Freshness, Graph

NO_OWNER = "data-platform"
WITHOUT_ROWS = ("metrics", "dashboards", "jobs", *RECORDS)
LAKE_KEY = ("kafka_partition", "kafka_offset")


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about datasets, by full name.

    Attributes:
        datasets: of the map.
        keys: dataset -> key columns that a file of checks says; they win over those of the map.
        personal_names: names that make a column personal where the map does not know it.
    """

    datasets: Mapping[str, Dataset]
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    personal_names: frozenset[str] = frozenset()

    def full_name(self, name: str) -> str:
        """The full name of a dataset.

        Raises:
            UnknownName: there is none, or the short name is not unique. The message names the nearest, or all.
        """
        known = [one for one in self.datasets.values() if one.system not in WITHOUT_ROWS]
        return names.dataset(Graph.of(known, ()), name).id

    def owner(self, dataset: str) -> str:
        """The owner of a dataset."""
        found = self.datasets.get(dataset)
        return found.owner if found and found.owner else NO_OWNER

    def key(self, dataset: str) -> tuple[str, ...]:
        """The columns that name a failing row: the key, without columns that are personal."""
        if dataset.startswith(("lake.", "kafka.")):
            return LAKE_KEY
        found = self.datasets.get(dataset)
        of_map = tuple(one.name for one in found.fields if one.key) if found else ()
        return tuple(one for one in self.keys.get(dataset, of_map) if not self.is_personal(dataset, one))

    def is_personal(self, dataset: str, column: str) -> bool:
        """Whether values of a column may not be shown. A column that the map does not know counts by its name."""
        found = self.datasets.get(dataset)
        known = found.field(column) if found else None
        return known.data_class == "personal" if known else column.rpartition(".")[2] in self.personal_names

    def freshness(self, dataset: str) -> Freshness:
        """How old a dataset may be."""
        found = self.datasets.get(dataset)
        return found.freshness if found else Freshness()
