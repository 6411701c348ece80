"""Every error this project raises on purpose; anything else that surfaces is a bug.

Each class has a code of its own, which the command prints; `docs/reference/errors.md` is made from here.

ShoplakeError                 exit code 1
├── UsageError                exit code 2: the caller asked for something that cannot be
│   ├── MissingExtra          it needs a package that is not installed
│   ├── UnknownName           there is nothing of that name
│   ├── InvalidScenario       a scenario that cannot be simulated
│   ├── FileInTheWay          something is where the result would go
│   └── CommandLineError      no such command or option, or one that is missing
├── Interrupted               exit code 130: told to stop before it was done
├── StackError                a server of the stack
│   ├── DownloadFailed        an artifact could not be fetched or did not match its checksum
│   ├── PortTaken             a kept port now belongs to somebody else
│   ├── ServerFailed          a server did not start, or died
│   └── StackNotRunning       a command needs the stack and it is down
├── InfraError                Terraform, or what it should have made
│   ├── NotApplied            the environment has not been built
│   ├── NoCredentials         AWS does not know who we are
│   ├── TooExpensive          the plan costs more than it may
│   ├── PolicyRefused         the plan breaks a rule of the policy
│   ├── GuardRefused          it would go to the wrong place, or take data away that nobody said may go
│   └── TerraformUnavailable  no Terraform, or no provider, that runs here
├── ContractError             an event that does not fit the contract
│   ├── NewerContract         the log is under a newer contract than this program's
│   └── ContractConflict      this program's contract is not of this log
├── SinkError                 a store
│   ├── Fenced                a newer owner holds the partition
│   ├── Misplaced             the store stands elsewhere than its owner thinks
│   ├── Backpressure          the store asks to wait
│   │   └── BeingRebuilt      somebody else fills it, which takes its time
│   ├── StoreUnavailable      the store did not answer within its bounds
│   ├── StoreDamaged          the store holds what no sink wrote
│   └── StoreRefused          the store will not take a row, however often it is asked
├── StreamHalted              going on would lose or repeat events
│   └── LogUnavailable        Kafka did not answer within its bounds
├── PublishError              the log did not take the events
└── VerifyFailed              a store does not hold what the log says
"""

from __future__ import annotations

from typing import ClassVar

from shoplake import docs_links


class ShoplakeError(Exception):
    """Base of all errors raised on purpose: what was expected and found, and what to do about it.

    Attributes:
        code: says which class it is, the same in every release; a code is never given to another class.
        advice: what helps in general, for the reference; `fix` is what helps here.
        details: lines that support the message, such as the end of a log; printed after `fix`.
        exit_code: what the command ends with.
    """

    code: ClassVar[str] = "SL0100"
    advice: ClassVar[str] = "Do what the message says."
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, fix: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.details = details

    def __str__(self) -> str:
        lines = [self.message]
        if self.fix:
            lines.append(f"  what to do: {self.fix}")
        lines += [f"  {line}" for line in self.details.splitlines()]
        return "\n".join(lines)

    @property
    def page(self) -> str:
        """Where in the reference this error is explained."""
        return docs_links.page("reference/errors", self.code.lower())


class UsageError(ShoplakeError):
    """The caller asked for something that cannot be: an unknown scenario, a bad option, broken YAML."""

    code = "SL0101"
    advice = "Read the message: it names what is accepted. `shoplake COMMAND --help` has an example."
    exit_code = 2


class MissingExtra(UsageError):
    """What was asked for needs a package that is not installed."""

    code = "SL0103"
    advice = "Install the extra that the message names; ./shoplake takes them from SHOPLAKE_EXTRAS."


class UnknownName(UsageError):
    """There is no environment, store, server, topic, letter or other thing of that name."""

    code = "SL0104"
    advice = "The message lists the names that there are, or the command that does."


class InvalidScenario(UsageError):
    """A scenario that is not there, or that cannot be simulated; the message has file, line and key."""

    code = "SL0105"
    advice = "`shoplake scenario check FILE` lists all that is wrong, `shoplake scenario show demo` has every key."


class FileInTheWay(UsageError):
    """A file or folder is where the result would go, and is not replaced unasked."""

    code = "SL0106"
    advice = "Name another place with --out, or say --force or --overwrite."


class CommandLineError(UsageError):
    """No such command or option, one that is missing, or a value of another type."""

    code = "SL0107"
    advice = "`shoplake COMMAND --help` lists arguments and options, with an example."


class Interrupted(ShoplakeError):
    """Told to stop, by Ctrl-C or SIGTERM, before it was done; what was done stays."""

    code = "SL0102"
    advice = "Run the same command again; it goes on where it was stopped."
    exit_code = 130


class StackError(ShoplakeError):
    """Something about the servers of the stack."""

    code = "SL0200"
    advice = "`shoplake doctor` says what this machine lacks, `shoplake status` what runs."


class DownloadFailed(StackError):
    """An artifact could not be fetched, or what came does not match its pinned checksum."""

    code = "SL0201"
    advice = "Is there a network? `SHOPLAKE_MAVEN_URL` names another Maven repository. A wrong checksum is never taken."


class PortTaken(StackError):
    """A port that this stack keeps is now bound by another program."""

    code = "SL0202"
    advice = "Stop the program that holds the port, or begin anew with `shoplake down --purge`, which draws new ports."


class ServerFailed(StackError):
    """A server did not become ready, or died; the message ends with the tail of its log."""

    code = "SL0203"
    advice = "The message ends with its last lines; `shoplake logs SERVER` shows more. `shoplake up` starts it again."


class StackNotRunning(StackError):
    """The command needs a running stack."""

    code = "SL0204"
    advice = "`shoplake up`"


class InfraError(ShoplakeError):
    """Terraform failed, is missing, or did not leave what the program needs."""

    code = "SL0300"
    advice = "The message has what Terraform or AWS said. `shoplake apply ENV` is safe to run again."


class NotApplied(InfraError):
    """The environment has no settings, since it has not been built, or was destroyed."""

    code = "SL0301"
    advice = "`shoplake apply ENV`; for the local one `shoplake up` first."


class NoCredentials(InfraError):
    """AWS does not know who we are, or what we are may not do this."""

    code = "SL0302"
    advice = "Sign in (`aws sso login`) or set AWS_PROFILE. `plan ENV --dry-run` and `cost` need no account."


class TooExpensive(InfraError):
    """The plan is expected to cost more than `--fail-over` allows."""

    code = "SL0303"
    advice = "`shoplake cost ENV` shows each line; plan less, or raise the limit."


class PolicyRefused(InfraError):
    """The plan breaks a rule of the policy; the message has each resource and its rule."""

    code = "SL0304"
    advice = "Change the module or its values; docs/terraform.md has the rules."


class GuardRefused(InfraError):
    """A change that would go to another account, region or emulator, or destroy what holds data, unasked."""

    code = "SL0305"
    advice = "Nothing was changed. The message says which variable or option to set."


class TerraformUnavailable(InfraError):
    """Neither a Terraform nor its provider that runs here could be found or fetched."""

    code = "SL0306"
    advice = "`shoplake doctor` says what was found; put terraform or tofu on PATH, or name a mirror."


class ContractError(ShoplakeError):
    """An event that does not fit the contract."""

    code = "SL0400"
    advice = "Fields are added and never taken away: `shoplake contract check` says which change is not safe."


class NewerContract(ContractError):
    """The log is under a newer contract than this program's, which cannot decide what is valid from there on."""

    code = "SL0401"
    advice = "Upgrade the program that says so; [Upgrades](../upgrades.md) has the order. Nothing is lost meanwhile."


class ContractConflict(ContractError):
    """This program's contract and the log's do not follow one another: two have one number, or a change is unsafe."""

    code = "SL0402"
    advice = (
        "`shoplake contract check` names the changes; `shoplake contract accept` gives a changed contract a number."
    )


class SinkError(ShoplakeError):
    """Something about a store that a sink writes."""

    code = "SL0500"
    advice = "`shoplake status` says whether the store runs; `shoplake stream` goes on where the store stands."


class Fenced(SinkError):
    """A newer owner has taken over; this one must stop writing."""

    code = "SL0501"
    advice = "Nothing: the newer owner works. Where none should be, look for a second `shoplake stream`."


class Misplaced(SinkError):
    """A batch does not follow on to what the store holds: the store went back, or the sink lost its place."""

    code = "SL0502"
    advice = "Run `shoplake stream` again: it reads from where the store stands. Then `shoplake verify`."


class Backpressure(SinkError):
    """The store asks to wait before the next write.

    Attributes:
        retry_after_s: how long it wants to be left alone.
        partitions: (topic, partition) of what was not applied, where the rest of the batch was; empty when any of it
            may be missing.
    """

    code = "SL0503"
    advice = "Nothing: the sink waits and tries again. If it never ends, the store is too small for the load."

    def __init__(
        self, message: str, *, retry_after_s: float, partitions: frozenset[tuple[str, int]] = frozenset()
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.partitions = partitions


class BeingRebuilt(Backpressure):
    """Somebody else empties and fills the store; it is left to him for as long as that takes."""

    code = "SL0506"
    advice = "Nothing: the sink goes on when the store is filled. If nobody does, run `shoplake rebuild` again."


class StoreUnavailable(SinkError):
    """The store did not answer within its bounds."""

    code = "SL0504"
    advice = "Start the store (`shoplake up`), then run `shoplake stream` again: nothing is lost or repeated."


class StoreDamaged(SinkError):
    """The store holds what no sink wrote, so that a batch cannot be added to it; nothing of the batch was written."""

    code = "SL0507"
    advice = (
        "`shoplake verify` names what is wrong, `shoplake rebuild STORE` empties the store and fills it from the log."
    )


class StoreRefused(SinkError):
    """The store answered, and will not take what a batch makes of a row; asking again changes nothing."""

    code = "SL0508"
    advice = (
        "The message names the row and the events that it is made of. `docs/data-model.md` has every store's limits: a"
        " valid event keeps to them, so this is a fault of shoplake, or a limit of the store's that was lowered."
    )


class StreamHalted(ShoplakeError):
    """The stream stopped because going on would lose or repeat events."""

    code = "SL0600"
    advice = "Never force it: the message says which offsets are gone, and how to begin anew if the log was."


class LogUnavailable(StreamHalted):
    """Kafka did not answer within its bounds; the same call is safe."""

    code = "SL0601"
    advice = "Start Kafka (`shoplake up`) and run the same command again."


class PublishError(ShoplakeError):
    """The log did not take the events."""

    code = "SL0700"
    advice = "Run the same `shoplake generate` again: it goes on after the last committed window."


class VerifyFailed(ShoplakeError):
    """At least one store does not hold exactly what the log says."""

    code = "SL0800"
    advice = (
        "Rows that are only lost may not have been streamed yet: `shoplake stream --until-caught-up`. "
        "Anything else is a bug, and the findings name the rows."
    )


def first_of(group: ExceptionGroup[Exception]) -> Exception:
    """The error that a caller can act on, out of those of concurrent tasks."""
    expected, _ = group.split(ShoplakeError)
    chosen: Exception = expected or group
    while isinstance(chosen, ExceptionGroup):
        chosen = chosen.exceptions[0]
    return chosen
