"""Every error that this project raises on purpose. Any other exception is a bug.

Each class has its own code, which the command prints. `docs/reference/errors.md` is generated from this file.

ShoplakeError                 exit code 1
├── UsageError                exit code 2: the request cannot be carried out
│   ├── MissingExtra          it needs a package that is not installed
│   ├── UnknownName           nothing has that name
│   ├── InvalidScenario       the scenario cannot be simulated
│   ├── InvalidCheck          a file of quality checks is not valid
│   ├── SourceRefused         an HTTP source of a workflow has refused a request
│   ├── FileInTheWay          the output file or folder already exists
│   ├── QueryRefused          SQL that the store does not accept
│   └── CommandLineError      an unknown or missing command or option
├── Interrupted               exit code 130: stopped before the end
├── StackError                a server of the stack
│   ├── DownloadFailed        a download failed or did not match its checksum
│   ├── PortTaken             another program uses a port of this stack
│   ├── ServerFailed          a server did not start, or died
│   └── StackNotRunning       the command needs a running stack
├── InfraError                Terraform, or a resource that it should have created
│   ├── NotApplied            the environment has not been built
│   ├── NoCredentials         AWS credentials are missing or not sufficient
│   ├── TooExpensive          the plan costs more than the limit
│   ├── PolicyRefused         the plan breaks a rule of the policy
│   ├── GuardRefused          wrong account, region or emulator, or a loss of data without permission
│   └── TerraformUnavailable  no usable Terraform or provider
├── ContractError             an event that does not match the contract
│   ├── NewerContract         the log uses a newer contract than this program
│   └── ContractConflict      this program's contract and the log's contract contradict each other
├── SinkError                 a store
│   ├── Fenced                a newer owner holds the partition
│   ├── Misplaced             the store's checkpoint is not where the sink expects it
│   ├── Backpressure          the store asks the sink to wait
│   │   └── BeingRebuilt      another process is rebuilding the store
│   ├── StoreUnavailable      the store did not answer in time
│   ├── StoreDamaged          the store holds data that no sink wrote
│   └── StoreRefused          the store rejects a row, on every attempt
├── StreamHalted              to continue would lose or repeat events
│   └── LogUnavailable        Kafka did not answer in time
├── PublishError              Kafka did not accept the events
├── WarehouseError            the warehouse could not be built or read
├── WorkflowError             a workflow is not valid
│   ├── WorkflowFailed        a run of a workflow failed
│   ├── WorkflowTimedOut      a run took longer than its time-out
│   ├── WorkflowRunning       another run of the workflow has not ended
│   └── SourceUnavailable     an HTTP source of a workflow does not answer
├── MapError                  a file that describes datasets is not valid
├── LineageError              an OpenLineage endpoint did not accept an event
├── QualityFailed             a dataset does not meet a check or its freshness objective
│   └── QualityUnknown        exit code 3: a dataset could not be checked
│       └── HistoryTooShort   the lake holds too few days to look for anomalies
├── ApiError                  the HTTP API cannot answer a request
│   ├── Unauthenticated       no key, or a wrong one
│   ├── Forbidden             the role of the caller does not permit it
│   ├── NotFound              nothing has this id, or no route this path
│   ├── InvalidRequest        a parameter, cursor or position is not valid
│   ├── AmbiguousId           several orders have this id
│   ├── NotYetApplied         the store has not applied the positions of `at_least` in time
│   ├── TooManyRequests       the API has as many requests at once as it accepts
│   └── StoreDown             the store of a route does not answer
└── VerifyFailed              a store differs from the log
"""

from __future__ import annotations

from typing import ClassVar

from shoplake import docs_links


class ShoplakeError(Exception):
    """Base of all errors raised on purpose. It says what was expected, what was found and what to do.

    Attributes:
        code: identifies the class. It is the same in every release and is never reused for another class.
        advice: the general remedy, shown in the reference; `fix` is the remedy for this occurrence.
        details: lines that support the message, such as the end of a log; printed after `fix`.
        exit_code: the exit code of the command.
    """

    code: ClassVar[str] = "SL0100"
    advice: ClassVar[str] = "Follow the message."
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
        """The page of the reference that explains this error."""
        return docs_links.page("reference/errors", self.code.lower())


class UsageError(ShoplakeError):
    """The request cannot be carried out, for example because two options exclude each other."""

    code = "SL0101"
    advice = "The message names the accepted values. `shoplake COMMAND --help` shows an example."
    exit_code = 2


class MissingExtra(UsageError):
    """The command needs a Python package that is not installed."""

    code = "SL0103"
    advice = "Install the extra that the message names. In a checkout, set SHOPLAKE_EXTRAS and start with ./shoplake."


class UnknownName(UsageError):
    """No environment, store, server, topic, dead letter or other object has that name."""

    code = "SL0104"
    advice = "The message lists the known names, or names the command that lists them."


class InvalidScenario(UsageError):
    """The scenario does not exist or is not valid. The message has the file, line and key."""

    code = "SL0105"
    advice = "`shoplake scenario check FILE` lists every mistake. `shoplake scenario show demo` shows every key."


class InvalidCheck(UsageError):
    """A file of quality checks is not valid, or two checks of a dataset have one name."""

    code = "SL0109"
    advice = "The message has the file, line and key. docs/quality.md lists the kinds of checks and their keys."


class SourceRefused(UsageError):
    """An HTTP source of a workflow has refused a request for good. The step is not tried again.

    Attributes:
        status: of HTTP.
    """

    code = "SL1306"
    advice = "Correct the address, the token or the parameters of the workflow, then resume the run."

    def __init__(self, status: int, url: str, reason: str) -> None:
        super().__init__(f"{url}: HTTP {status} {reason}".rstrip(), fix="correct the address, the token or a parameter")
        self.status = status


class FileInTheWay(UsageError):
    """The output file or folder already exists. It is replaced only if an option says so."""

    code = "SL0106"
    advice = "Choose another path with --out, or add the option that the message names (--force or --overwrite)."


class QueryRefused(UsageError):
    """SQL that the store does not accept: bad syntax, an unknown name, a write, or more memory than it may use."""

    code = "SL0108"
    advice = "The message has the store's own words; `shoplake sql` and `.tables` list tables."


class CommandLineError(UsageError):
    """A command or option is unknown or missing, or a value has the wrong type."""

    code = "SL0107"
    advice = "`shoplake COMMAND --help` lists the arguments and options, with an example."


class Interrupted(ShoplakeError):
    """The command was stopped by Ctrl-C or SIGTERM before its end. Completed work is kept."""

    code = "SL0102"
    advice = "Run the same command again. It continues where it stopped."
    exit_code = 130


class StackError(ShoplakeError):
    """A problem with the servers of the stack."""

    code = "SL0200"
    advice = "`shoplake doctor` shows what this machine lacks. `shoplake status` shows which servers run."


class DownloadFailed(StackError):
    """A file could not be downloaded, or it does not match its pinned checksum."""

    code = "SL0201"
    advice = (
        "Check the network. `SHOPLAKE_MAVEN_URL` selects another Maven repository."
        " A file with a wrong checksum is never used."
    )


class PortTaken(StackError):
    """Another program uses a port that belongs to this stack."""

    code = "SL0202"
    advice = (
        "Stop the program that uses the port. Or run `shoplake down --purge`: it deletes all data, and the next stack"
        " gets new ports."
    )


class ServerFailed(StackError):
    """A server did not start in time, or died. The message ends with the last lines of its log."""

    code = "SL0203"
    advice = "Read the end of the log in the message; `shoplake logs SERVER` shows more. `shoplake up` restarts it."


class StackNotRunning(StackError):
    """The command needs a running stack."""

    code = "SL0204"
    advice = "Run `shoplake up`."


class BackgroundFailed(StackError):
    """A command that was started in the background failed at its start."""

    code = "SL0205"
    advice = "Read its log with `shoplake logs NAME`, correct the cause, and start it again."


class InfraError(ShoplakeError):
    """Terraform failed, or a resource or setting that it should have created is missing."""

    code = "SL0300"
    advice = "The message contains the answer of Terraform or AWS. It is safe to run `shoplake apply ENV` again."


class NotApplied(InfraError):
    """The environment has no settings: it has not been built, or it was destroyed."""

    code = "SL0301"
    advice = "Run `shoplake apply ENV`. The local environment needs `shoplake up` first."


class NoCredentials(InfraError):
    """AWS credentials are missing or expired, or they do not permit this action."""

    code = "SL0302"
    advice = "Sign in (`aws sso login`) or set AWS_PROFILE. `plan ENV --dry-run` and `cost` need no AWS account."


class TooExpensive(InfraError):
    """The estimated cost of the plan is above the limit of `--fail-over`."""

    code = "SL0303"
    advice = "`shoplake cost ENV` shows the cost of each resource. Use fewer or smaller resources, or raise the limit."


class PolicyRefused(InfraError):
    """The plan breaks a rule of the policy. The message names each resource and the rule."""

    code = "SL0304"
    advice = "Change the module or its variables. docs/terraform.md lists the rules."


class GuardRefused(InfraError):
    """The change would go to a wrong account, region or emulator, or destroy data without permission."""

    code = "SL0305"
    advice = "Nothing was changed. The message names the variable or option to set."


class TerraformUnavailable(InfraError):
    """Terraform or its AWS provider was not found and could not be downloaded."""

    code = "SL0306"
    advice = "`shoplake doctor` shows what was found. Put terraform or tofu on PATH, or set a mirror."


class ContractError(ShoplakeError):
    """An event or a change does not match the contract."""

    code = "SL0400"
    advice = "Fields may be added, never removed. `shoplake contract check` names each incompatible change."


class NewerContract(ContractError):
    """The log uses a newer contract than this program, which therefore cannot validate the next events."""

    code = "SL0401"
    advice = "Upgrade the program that reports it; [Upgrades](../upgrades.md) has the order. No event is lost."


class ContractConflict(ContractError):
    """This program's contract conflicts with the log's: the same version differs, or a change is incompatible."""

    code = "SL0402"
    advice = "`shoplake contract check` lists the changes. `shoplake contract accept` adds a version."


class SinkError(ShoplakeError):
    """A problem with a store that a sink writes to."""

    code = "SL0500"
    advice = "`shoplake status` shows whether the store runs. `shoplake stream` resumes from the store's checkpoint."


class Fenced(SinkError):
    """A newer owner has taken over the partition. This one must stop writing."""

    code = "SL0501"
    advice = "Do nothing: the newer owner continues. If you expect no other owner, look for a second `shoplake stream`."


class Misplaced(SinkError):
    """A batch does not start at the store's checkpoint: the store was restored, or the sink lost its position."""

    code = "SL0502"
    advice = "Run `shoplake stream` again: it reads from the store's checkpoint. Then run `shoplake verify`."


class Backpressure(SinkError):
    """The store asks the sink to wait before the next write.

    Attributes:
        retry_after_s: seconds to wait before the next attempt.
        partitions: the (topic, partition) pairs that were not applied; the rest of the batch was applied. Empty if any
            part of the batch may be missing.
    """

    code = "SL0503"
    advice = "Do nothing: the sink waits and retries. If this does not end, the store is too small for the load."

    def __init__(
        self, message: str, *, retry_after_s: float, partitions: frozenset[tuple[str, int]] = frozenset()
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.partitions = partitions


class BeingRebuilt(Backpressure):
    """Another process is rebuilding the store. This sink waits until the rebuild is complete."""

    code = "SL0506"
    advice = "Do nothing: the sink resumes after the rebuild. If no rebuild is running, run `shoplake rebuild` again."


class StoreUnavailable(SinkError):
    """The store did not answer in time."""

    code = "SL0504"
    advice = "Start the store (`shoplake up`), then run `shoplake stream` again. No event is lost or repeated."


class StoreDamaged(SinkError):
    """The store holds data that no sink wrote, so the batch cannot be applied. Nothing of the batch was written."""

    code = "SL0507"
    advice = "`shoplake verify` names the wrong rows. `shoplake rebuild STORE` empties the store and reloads it."


class StoreRefused(SinkError):
    """The store rejects a row that a batch would write. A retry would fail in the same way."""

    code = "SL0508"
    advice = (
        "The message names the row and its events. `docs/data-model.md` lists the limits of every store. A valid event"
        " respects them, so this is a bug in shoplake, or a limit of the store was lowered."
    )


class StreamHalted(ShoplakeError):
    """The stream stopped, because to continue would lose or repeat events."""

    code = "SL0600"
    advice = "Do not force it. The message says which offsets are missing, and how to start over if the log did."


class LogUnavailable(StreamHalted):
    """Kafka did not answer in time. It is safe to run the same command again."""

    code = "SL0601"
    advice = "Start Kafka (`shoplake up`) and run the same command again."


class PublishError(ShoplakeError):
    """Kafka did not accept the events."""

    code = "SL0700"
    advice = "Run the same `shoplake generate` again: it continues after the last committed window."


class WarehouseError(ShoplakeError):
    """The warehouse could not be built or read. Tables of earlier builds are unchanged."""

    code = "SL1000"
    advice = "The message names the model or the file. `shoplake warehouse build` continues after the last built model."


class MapError(ShoplakeError):
    """A file that describes datasets, or a model that the map reads, is not valid. The message names it."""

    code = "SL1100"
    advice = "Correct the file that the message names. `docs/catalogue.md` explains each key."


class LineageError(ShoplakeError):
    """An OpenLineage endpoint did not accept an event."""

    code = "SL1101"
    advice = "Check SHOPLAKE_OPENLINEAGE_URL and the endpoint. Events that are not sent are kept, and sent later."


class QualityFailed(ShoplakeError):
    """At least one check with the severity `error` failed, or a dataset is older than its objective."""

    code = "SL1200"
    advice = "`shoplake quality show` lists the failures with what to do about each."


class QualityUnknown(QualityFailed):
    """No check failed, but some could not be evaluated, because a store does not answer."""

    code = "SL1201"
    advice = "`shoplake status` shows which servers run. A dataset that cannot be read is never reported as passed."
    exit_code = 3


class HistoryTooShort(QualityUnknown):
    """The lake holds no events, or too few days of them, to look for anomalies. Nothing was tested."""

    code = "SL1202"
    advice = (
        "Each hour is compared with the weeks before it: 28 days at least. Publish more days "
        "(`shoplake generate --days 60`), then run `shoplake stream --until-caught-up`."
    )


class WorkflowError(ShoplakeError):
    """A workflow is not valid: its config.yaml, its workflow.py or its name. The message has file and line."""

    code = "SL1300"
    advice = "`shoplake workflow validate` lists every mistake. `docs/workflows.md` explains each key."


class WorkflowFailed(WorkflowError):
    """A run of a workflow failed. The message names the step and its error."""

    code = "SL1301"
    advice = (
        "`shoplake workflow status RUN` shows each step. `shoplake workflow run NAME --resume RUN` repeats the steps"
        " that did not succeed."
    )


class WorkflowRunning(WorkflowError):
    """Another run of the workflow has not ended. Only one runs at a time."""

    code = "SL1302"
    advice = "Wait until it has ended, or stop it with `shoplake workflow cancel RUN`."


class WorkflowTimedOut(WorkflowError):
    """A run took longer than the time-out in the config.yaml of its workflow. It was stopped and is not retried."""

    code = "SL1303"
    advice = "`shoplake workflow status RUN` shows which step is slow. Raise `timeout` if that is as it should be."


class WorkflowServerFailed(WorkflowError):
    """Dagster's daemon, web server or code server does not start, or dies again and again."""

    code = "SL1304"
    advice = "`shoplake logs workflow` has their output. `shoplake workflow run` needs none of them."


class SourceUnavailable(WorkflowError):
    """An HTTP source of a workflow did not answer for several minutes. The step is tried again."""

    code = "SL1305"
    advice = (
        "Look at the source. Pages before this one are in the table. The next run, or `workflow run NAME --resume RUN`,"
        " continues after them."
    )


class ApiError(ShoplakeError):
    """The HTTP API cannot answer a request as it is. Each subclass has its own HTTP status.

    Attributes:
        status: of HTTP.
        retry_after_s: seconds after which to ask again; None if that does not help.
        more: further members of the problem document.
    """

    code = "SL1400"
    advice = "The problem document has the reason and what to do. Its `request_id` is in the log: `shoplake logs api`."
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, fix: str = "", retry_after_s: float | None = None, **more: object) -> None:
        super().__init__(message, fix=fix)
        self.retry_after_s = retry_after_s
        self.more = more


class Unauthenticated(ApiError):
    """The request has no API key, or a wrong one."""

    code = "SL1401"
    advice = "Send the key as `Authorization: Bearer KEY` or `X-API-Key: KEY`. `shoplake api status` names its file."
    status = 401


class Forbidden(ApiError):
    """The role of the caller does not permit the request."""

    code = "SL1402"
    advice = "docs/api.md lists the roles of each route. Personal columns in clear need the role operator."
    status = 403


class NotFound(ApiError):
    """Nothing in the store has this id, or no route has this path and method."""

    code = "SL1403"
    advice = "If it was just written, the store may be behind: add `at_least=`. docs/api.md lists the routes."
    status = 404


class InvalidRequest(ApiError):
    """A parameter has a wrong type or value, or a cursor is not of this query. The problem document lists each."""

    code = "SL1404"
    advice = "docs/api.md describes the parameters. Take cursors unchanged from `next`, with the same filters."
    status = 422


class AmbiguousId(ApiError):
    """Orders of several customers have this id. The problem document lists the customers."""

    code = "SL1405"
    advice = "Add `customer_id=`: an order id is unique within a customer."
    status = 409


class NotYetApplied(ApiError):
    """The store did not apply the positions of `at_least` within the time of `wait_s`."""

    code = "SL1406"
    advice = "Ask again, with a longer `wait_s`. `shoplake lag` shows whether a sink is behind, or does not run."
    status = 504


class TooManyRequests(ApiError):
    """The API, or the connections to one store, have as many requests at once as they accept."""

    code = "SL1407"
    advice = "Ask again after the seconds of the header Retry-After."
    status = 503


class StoreDown(ApiError):
    """The store of a route does not answer, or needs too long. Routes of other stores work."""

    code = "SL1408"
    advice = "`shoplake status` shows whether the store runs. The route answers again as soon as the store does."
    status = 503


class VerifyFailed(ShoplakeError):
    """At least one store differs from the log."""

    code = "SL0800"
    advice = (
        "If rows are only lost, the sinks may be behind: run `shoplake stream --until-caught-up`, then verify again. "
        "Any other finding is a bug; the findings name the rows."
    )


def first_of(group: ExceptionGroup[Exception]) -> Exception:
    """Return the error that a caller can act on, from the errors of concurrent tasks."""
    expected, _ = group.split(ShoplakeError)
    chosen: Exception = expected or group
    while isinstance(chosen, ExceptionGroup):
        chosen = chosen.exceptions[0]
    return chosen
