"""The storage of a new Kafka is formatted as Kafka's own tool formats it."""

from __future__ import annotations

import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from shoplake import paths
from shoplake.stack import Connections
from shoplake.stack.downloads import KAFKA_VERSION, kafka_folder
from shoplake.stack.kafka import java

pytestmark = [pytest.mark.stack, pytest.mark.large]  # three Java processes; it changes with Kafka's version only

TIMEOUT_S = 120


def tool(*arguments: str) -> str:
    command = [java(), "-cp", f"{kafka_folder()}/*", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_S).stdout


def features(checkpoint: Path) -> list[dict[str, object]]:
    dumped = tool("kafka.tools.DumpLogSegments", "--cluster-metadata-decoder", "--files", str(checkpoint))
    records = [json.loads(found) for found in re.findall(r"payload: (\{.*\})", dumped)]
    assert records, dumped
    return [record for record in records if record["type"] == "FEATURE_LEVEL_RECORD"]


def test_the_features_of_a_new_cluster_are_those_of_the_tool(stack: Connections, tmp_path: Path) -> None:
    del stack
    ours = paths.home() / "data" / "kafka"
    properties = (paths.home() / "run" / "kafka" / "server.properties").read_text()
    written = tmp_path / "formatted"
    config = tmp_path / "server.properties"
    config.write_text(re.sub(r"(?m)^log.dirs=.*$", f"log.dirs={written}", properties))
    tool("kafka.tools.StorageTool", "format", "-t", "qXn6dwXfQsuK9qg35MF5tw", "-c", str(config))

    def keys(folder: Path) -> set[str]:
        lines = (folder / "meta.properties").read_text().splitlines()
        return {line.partition("=")[0] for line in lines if not line.startswith("#")}

    assert keys(ours) == keys(written)
    assert {path.name for path in written.iterdir() if path.is_file()} == {"meta.properties", "bootstrap.checkpoint"}
    shipped = tmp_path / "bootstrap.checkpoint"
    shipped.write_bytes(files("shoplake.stack").joinpath(f"kafka-{KAFKA_VERSION}-bootstrap.checkpoint").read_bytes())
    assert features(shipped) == features(written / "bootstrap.checkpoint")
