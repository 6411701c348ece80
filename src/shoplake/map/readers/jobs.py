"""Jobs: what moves data. The metadata lists them; which datasets each reads and writes is in the edges that name it."""

from __future__ import annotations

from shoplake.map.graph import Dataset
from shoplake.map.metadata import Metadata
from shoplake.map.readers import Part


def read(metadata: Metadata) -> Part:
    """All jobs. `Graph.of` refuses an edge of a job that is not there."""
    jobs = [
        Dataset("jobs", name, "job", source="src/shoplake/map/datasets/jobs.yaml") for name in metadata.content.datasets
    ]
    return Part(metadata.completed(jobs), [])
