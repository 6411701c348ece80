"""A `mongod` from PATH; else NX-27017, Mongo's wire protocol on SQLite, from the wheel `nx-27017`."""

from __future__ import annotations

import shutil
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

from shoplake import private_files
from shoplake.stack.servers import LOOPBACK, Place, Server, exchange

DATABASE = "shoplake"
NX_LACKS = "no users, isolation, validators, $project, dotted projections, or errors for unknown commands"
"""What a client of NX-27017 would trip over; a test asks it."""
OP_MSG = 2013
HEADER_BYTES, FLAGS_AND_KIND_BYTES = 16, 5


class MongoServer(Server):
    """Without authentication: NX-27017 has none, so the port on the loopback is all that guards it."""

    name = "mongo"

    def prepare(self, place: Place) -> None:
        """Make the folder of the program that is used; a pid file of NX-27017's would keep it from starting."""
        super().prepare(place)
        private_files.folder(_folder(place))
        _own_pid_file(place).unlink(missing_ok=True)

    def command(self, place: Place) -> Sequence[str | Path]:
        """The server that there is."""
        mongod = _mongod(place)
        if mongod is not None:
            options = ("--bind_ip", LOOPBACK, "--port", str(place.port), "--dbpath", _folder(place))
            return [mongod, *options, "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]
        return [
            *(sys.executable, "-m", "nx_27017.nx_27017", "--host", LOOPBACK, "--port", str(place.port)),
            # It logs to stderr as well, which is our log.
            *("--data-dir", _folder(place), "--log-file", "/dev/null", "--pid-file", _own_pid_file(place)),
        ]

    def answers(self, place: Place) -> bool:
        """The command `ping`."""
        import bson

        body = struct.pack("<Ib", 0, 0) + bson.encode({"ping": 1, "$db": "admin"})
        header = struct.pack("<iiii", HEADER_BYTES + len(body), 1, 0, OP_MSG)
        answer = exchange(place.port, header + body)
        try:
            return bool(bson.decode(answer[HEADER_BYTES + FLAGS_AND_KIND_BYTES :]).get("ok"))
        except bson.errors.InvalidBSON:
            return False


def _mongod(place: Place) -> str | None:
    """A `mongod` on PATH wins, but not over data that the other one already holds."""
    has_other = place.data.joinpath("nx-27017").exists()
    return None if has_other else shutil.which("mongod")


def _folder(place: Place) -> Path:
    return place.data / ("mongod" if _mongod(place) else "nx-27017")


def _own_pid_file(place: Place) -> Path:
    return place.run / "nx-27017.pid"
