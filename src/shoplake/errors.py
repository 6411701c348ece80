"""Every error this project raises on purpose; anything else that surfaces is a bug.

ShoplakeError                 exit code 1
├── UsageError                exit code 2: the caller asked for something that cannot be
├── Interrupted               exit code 130: told to stop before it was done
├── StackError                a server of the stack
│   ├── DownloadFailed        an artifact could not be fetched or did not match its checksum
│   ├── PortTaken             a kept port now belongs to somebody else
│   ├── ServerFailed          a server did not start, or died
│   └── StackNotRunning       a command needs the stack and it is down
├── InfraError                Terraform, or what it should have made
├── ContractError             an event that does not fit the contract
├── SinkError                 a store
│   ├── Fenced                a newer owner holds the partition
│   ├── Misplaced             the store stands elsewhere than its owner thinks
│   ├── Backpressure          the store asks to wait
│   │   └── BeingRebuilt      somebody else fills it, which takes its time
│   └── StoreUnavailable      the store did not answer within its bounds
├── StreamHalted              going on would lose or repeat events
│   └── LogUnavailable        Kafka did not answer within its bounds
├── PublishError              the log did not take the events
└── VerifyFailed              a store does not hold what the log says
"""

from __future__ import annotations


class ShoplakeError(Exception):
    """Base of all errors raised on purpose: what was expected and found, and what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n  what to do: {self.fix}" if self.fix else self.message


class UsageError(ShoplakeError):
    """The caller asked for something that cannot be: an unknown scenario, a bad option, broken YAML."""

    exit_code = 2


class Interrupted(ShoplakeError):
    """Told to stop, by Ctrl-C or SIGTERM, before it was done; what was done stays."""

    exit_code = 130


class StackError(ShoplakeError):
    """Something about the servers of the stack."""


class DownloadFailed(StackError):
    """An artifact could not be fetched, or what came does not match its pinned checksum."""


class PortTaken(StackError):
    """A port that this stack keeps is now bound by another program."""


class ServerFailed(StackError):
    """A server did not become ready, or died; the message ends with the tail of its log."""


class StackNotRunning(StackError):
    """The command needs a running stack."""


class InfraError(ShoplakeError):
    """Terraform failed, is missing, or did not leave what the program needs."""


class ContractError(ShoplakeError):
    """An event that does not fit the contract."""


class SinkError(ShoplakeError):
    """Something about a store that a sink writes."""


class Fenced(SinkError):
    """A newer owner has taken over; this one must stop writing."""


class Misplaced(SinkError):
    """A batch does not follow on to what the store holds: the store went back, or the sink lost its place."""


class Backpressure(SinkError):
    """The store asks to wait before the next write.

    Attributes:
        retry_after_s: how long it wants to be left alone.
        partitions: (topic, partition) of what was not applied, where the rest of the batch was; empty when any of it
            may be missing.
    """

    def __init__(
        self, message: str, *, retry_after_s: float, partitions: frozenset[tuple[str, int]] = frozenset()
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.partitions = partitions


class BeingRebuilt(Backpressure):
    """Somebody else empties and fills the store; it is left to him for as long as that takes."""


class StoreUnavailable(SinkError):
    """The store did not answer within its bounds."""


class StreamHalted(ShoplakeError):
    """The stream stopped because going on would lose or repeat events."""


class LogUnavailable(StreamHalted):
    """Kafka did not answer within its bounds; the same call is safe."""


class PublishError(ShoplakeError):
    """The log did not take the events."""


class VerifyFailed(ShoplakeError):
    """At least one store does not hold exactly what the log says."""
