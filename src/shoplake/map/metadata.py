"""Reads `datasets/<system>.yaml`: what no source says of a dataset, such as its owner and how old it may be."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from shoplake.contract.data_classes import DataClass
from shoplake.errors import MapError
from shoplake.map import yaml_files
from shoplake.map.graph import Dataset, Field, Freshness
from shopsim.scenario.section_types import Section
from shopsim.scenario.type_checks import nearest
from shopsim.scenario.yaml_positions import Document

FOLDER = Path(__file__).parent / "datasets"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Duration = Annotated[
    str, msgspec.Meta(pattern=r"^[1-9][0-9]*[smhd]$", extra={"expected": "a duration such as 15m, 26h or 3d"})
]


class FreshnessObjective(Section, frozen=True, kw_only=True):
    """How old a dataset may be, as durations."""

    event_time: Duration | None = None
    arrival: Duration | None = None

    def in_seconds(self) -> Freshness:
        """The objective as the map has it."""
        return Freshness(*(seconds(one) if one else None for one in (self.event_time, self.arrival)))


class Override(Section, frozen=True, kw_only=True):
    """A data class that replaces the one from the lineage, and the reason."""

    to: Literal["public", "internal", "personal"]
    because: str


class FieldEntry(Section, frozen=True, kw_only=True):
    """A field of a store that has no schema.

    Attributes:
        sources: the fields of events that its value is made from (`orders.amount_cents`).
    """

    type: str
    description: str
    key: bool = False
    sources: tuple[str, ...] = ()


class DatasetEntry(Section, frozen=True, kw_only=True):
    """The entry of one dataset. An empty value means that of the file or of the source."""

    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    freshness: FreshnessObjective | None = None
    kind: str = ""
    address: str = ""
    grain: str = ""
    fields: dict[str, FieldEntry] = msgspec.field(default_factory=dict)
    data_class: dict[str, Override] = msgspec.field(default_factory=dict)


class SystemFile(Section, frozen=True, kw_only=True):
    """The datasets of one system, and what holds for all of them unless a dataset says otherwise."""

    owner: str = ""
    tags: tuple[str, ...] = ()
    freshness: FreshnessObjective | None = None
    datasets: dict[str, DatasetEntry]


@dataclass(frozen=True, slots=True)
class Metadata:
    """One file of metadata.

    Attributes:
        overrides: full name of a column -> its data class and the reason.
    """

    system: str
    path: Path
    content: SystemFile
    document: Document

    @property
    def overrides(self) -> Mapping[str, tuple[DataClass, str]]:
        """Full name of a column -> its data class and why."""
        return {
            f"{self.system}.{name}.{column}": (one.to, one.because)
            for name, entry in self.content.datasets.items()
            for column, one in entry.data_class.items()
        }

    def completed(self, datasets: Iterable[Dataset]) -> list[Dataset]:
        """Add the owner, the freshness and the rest of the file to the datasets of a source.

        Raises:
            MapError: the file has a dataset or a column that does not exist, or lacks one of the datasets.
        """
        made = {one.name: one for one in datasets}
        for name, entry in self.content.datasets.items():
            key = f"datasets.{name}"
            if name not in made:
                raise yaml_files.refusal(
                    self.document, key, f"a dataset of {self.system}", f"`{name}`", nearest(name, made)
                )
            known = [field.name for field in made[name].fields]
            for column in entry.data_class:
                if column not in known:
                    where = f"{key}.data_class.{column}"
                    raise yaml_files.refusal(
                        self.document, where, f"a column of {name}", f"`{column}`", nearest(column, known)
                    )
        return [self._complete(one) for one in made.values()]

    def declared(self, source: str) -> list[Dataset]:
        """The datasets whose fields the file itself declares, because no source does."""
        return [
            Dataset(
                system=self.system,
                name=name,
                kind=entry.kind,
                grain=entry.grain,
                address=entry.address,
                source=source,
                fields=tuple(Field(column, one.type, one.description, one.key) for column, one in entry.fields.items()),
            )
            for name, entry in self.content.datasets.items()
            if entry.fields
        ]

    def _complete(self, made: Dataset) -> Dataset:
        if made.name not in self.content.datasets:
            raise MapError(
                f"{self.path}: expected an entry for the dataset {made.id}, found none",
                fix=f"add `{made.name}:` under `datasets:`, with its owner and what its source does not say",
            )
        entry, file = self.content.datasets[made.name], self.content
        freshness = entry.freshness or file.freshness
        return dataclasses.replace(
            made,
            description=made.description or entry.description,
            owner=entry.owner or file.owner,
            tags=tuple(dict.fromkeys((*file.tags, *entry.tags))),
            freshness=freshness.in_seconds() if freshness else Freshness(),
            kind=made.kind or entry.kind,
            address=made.address or entry.address,
            grain=made.grain or entry.grain,
        )


def load(system: str, folder: Path = FOLDER) -> Metadata:
    """The metadata of a system.

    Raises:
        MapError: the file is missing or not valid.
    """
    path = folder / f"{system}.yaml"
    content, document = yaml_files.load(path, SystemFile)
    return Metadata(system, path, content, document)


def seconds(duration: str) -> int:
    """The seconds of a duration such as `15m`.

    Raises:
        ValueError: it is not one.
    """
    if not re.fullmatch(r"[1-9][0-9]*[smhd]", duration):
        raise ValueError(f"expected a duration such as 15m, 26h or 3d, found '{duration}'")
    return int(duration[:-1]) * _UNITS[duration[-1]]
