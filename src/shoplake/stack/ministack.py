"""MiniStack, the AWS emulator, from the wheel `ministack`.

S3 objects are on disk at once. Everything else (DynamoDB items, SSM, secrets, Glue, IAM, bucket settings) is in memory
and written whole when the server stops, and by `ministack_process.py` while it runs: a second after it fell quiet,
every half minute under load. So a `kill -9` takes back up to that much of DynamoDB and Glue, or more where the state
is so large that it takes seconds to write; the sinks find the older checkpoint and fold the log again. The files are
written one by one: a kill between two of them can leave services some milliseconds apart.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from shoplake.stack.servers import LOOPBACK, Place, Server, exchange

CALL_S = 30.0


class MiniStackServer(Server):
    """One port for all services."""

    name = "ministack"
    stop_wait_s = 30.0
    ready_timeout_s = 180.0  # a large state takes long to read

    def command(self, place: Place) -> Sequence[str | Path]:
        """The gateway."""
        del place
        return [sys.executable, "-m", "shoplake.stack.ministack_process"]

    def environment(self, place: Place) -> Mapping[str, str]:
        """All of its configuration; it listens on every interface unless told."""
        return {
            "BIND_HOST": LOOPBACK,
            "MINISTACK_HOST": LOOPBACK,
            "GATEWAY_PORT": str(place.port),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(place.data / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(place.data / "s3"),
            "LOG_LEVEL": "WARNING",
            # Listeners of their own, on every interface and on fixed ports, that two stacks would fight about.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # With a Docker daemon it would start containers for RDS and others, which `down` would not know.
            "DOCKER_HOST": f"unix://{place.run}/no-docker.sock",
        }

    def answers(self, place: Place) -> bool:
        """Its health page."""
        request = f"GET /_ministack/health HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n"
        return b" 200 " in exchange(place.port, request.encode())

    def ready(self, place: Place) -> bool:
        """Whether each service that commands use answers a request: its health page is there before its data is."""
        return self.answers(place) and all(b" 200 " in exchange(place.port, call, wait_s=CALL_S) for call in CALLS)


def _call(service: str, target: str) -> bytes:
    """A request of AWS's JSON protocol that changes nothing; the emulator does not look at signatures."""
    kind = "1.0" if service == "dynamodb" else "1.1"
    lines = (
        "POST / HTTP/1.0",
        f"Host: {LOOPBACK}",
        f"Content-Type: application/x-amz-json-{kind}",
        f"X-Amz-Target: {target}",
        f"Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, "
        "SignedHeaders=host, Signature=0",
        "Content-Length: 2",
    )
    return ("\r\n".join(lines) + "\r\n\r\n{}").encode()


CALLS = (
    _call("dynamodb", "DynamoDB_20120810.ListTables"),
    _call("ssm", "AmazonSSM.DescribeParameters"),
    _call("secretsmanager", "secretsmanager.ListSecrets"),
    _call("glue", "AWSGlue.GetDatabases"),
    f"GET / HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n".encode(),  # the buckets of S3
)
