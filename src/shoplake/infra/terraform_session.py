"""One initialised Terraform root module, locked against other runs, and its commands."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from shoplake import private_files
from shoplake.errors import InfraError
from shoplake.infra import (
    aws_caller,
    environments,
    guards,
    import_existing,
    state_file,
    terraform,
    terraform_process,
    workspace,
)
from shoplake.infra.plan_json import Plan
from shoplake.infra.terraform_output import Report, Transcript

PARALLELISM = 32  # an emulator on the same machine does not throttle
PARALLELISM_ON_AWS = 10
LOCK_TIMEOUT = "60s"
SHORT_TIMEOUT_S = 120
EMULATOR_ACCOUNT = "000000000000"


@dataclass(frozen=True, slots=True)
class Session:
    """Runs Terraform's commands on one environment."""

    chosen: environments.Environment
    binary: terraform.Binary
    environment: Mapping[str, str]
    report: Report

    def run(
        self,
        subcommand: str,
        *options: str,
        timeout_s: float,
        follow: Callable[[Transcript], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> tuple[int, Transcript]:
        """Run to the end. Return the exit code and the output. `follow` is called with the output after each line.

        Raises:
            InfraError, KeyboardInterrupt: as `terraform_process.run` does.
        """
        transcript = Transcript(report=self.report)
        parallelism = PARALLELISM_ON_AWS if self.chosen.on_aws else PARALLELISM
        common = ["-json", "-input=false", f"-parallelism={parallelism}", f"-lock-timeout={LOCK_TIMEOUT}"]
        command = terraform_process.Command(
            argv=[str(self.binary.path), subcommand, *common, *options],
            cwd=self.chosen.root,
            environment=self.environment,
            log=self.chosen.log,
            timeout_s=timeout_s,
        )

        def feed(line: str) -> None:
            transcript.feed(line)
            if follow is not None:
                follow(transcript)

        return terraform_process.run(command, feed, cancel), transcript

    def outputs(self) -> dict[str, Any]:
        """The outputs by name."""
        return {name: output["value"] for name, output in json.loads(self._capture("output", "-json")).items()}

    @contextmanager
    def saved_plan(self, *options: str, timeout_s: float) -> Iterator[tuple[str, Plan]]:
        """Yield a plan file and its JSON. The file is deleted at the end, because it contains secrets.

        Raises:
            InfraError: Terraform failed.
        """
        saved = self.chosen.folder / "apply.tfplan"
        try:
            code, transcript = self.run("plan", f"-out={saved}", *options, timeout_s=timeout_s)
            if code:
                raise self.failure("plan", code, transcript)
            yield str(saved), Plan(json.loads(self._capture("show", "-json", str(saved))))
        finally:
            saved.unlink(missing_ok=True)

    def keep_tainted(self) -> None:
        """Untaint resources that an interrupted run created without waiting for them."""
        for address in import_existing.wrongly_tainted(state_file.read(self.chosen.state, self.report)):
            self.report(f"keeping {address}, which an interrupted run created")
            self._capture("untaint", f"-lock-timeout={LOCK_TIMEOUT}", address)

    def orphans(self, transcript: Transcript) -> dict[str, str]:
        """Return resources that a killed run created but did not store in the state: address -> import id."""
        lost = import_existing.orphans(transcript.errors())
        return import_existing.import_ids(self._plan_json(), lost, EMULATOR_ACCOUNT) if lost else {}

    def adopting(self, orphans: Mapping[str, str]) -> Session:
        """Return a session on a copy of the root that imports the orphans.

        It is a copy, because `import` blocks belong in a root; the command `import` takes one at a time and
        evaluates outputs of what is not imported yet.
        """
        root = workspace.copy_of_root(self.chosen, {"adopt.tf": import_existing.import_blocks(orphans)})
        return replace(self, chosen=replace(self.chosen, root=root))

    def failure(self, subcommand: str, code: int, transcript: Transcript) -> InfraError:
        """Return an error with all diagnostics of Terraform."""
        text = "\n\n".join([str(error) for error in transcript.errors()] or list(transcript.raw))
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"failed (exit {code})"
        fix = f"the whole log is {self.chosen.log}; running the same command again goes on from here"
        if "state lock" in text:
            fix = "another Terraform works on this state: wait for it or end it, and its lock ends with it"
        return InfraError(
            f"`{self.binary.command} {subcommand}` of '{self.chosen.name}' {how}\n{text}".strip(), fix=fix
        )

    def _plan_json(self) -> dict[str, Any]:
        saved = self.chosen.folder / "adopt.tfplan"
        try:
            self._capture("plan", "-input=false", f"-lock-timeout={LOCK_TIMEOUT}", f"-out={saved}")
            plan: dict[str, Any] = json.loads(self._capture("show", "-json", str(saved)))
        finally:
            saved.unlink(missing_ok=True)
        return plan

    def _capture(self, *arguments: str) -> str:
        """Run a short command for its answer.

        Raises:
            InfraError: it failed or timed out.
        """
        try:
            answer = subprocess.run(
                [str(self.binary.path), *arguments],
                cwd=self.chosen.root,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                umask=private_files.UMASK,
                capture_output=True,
                text=True,
                timeout=SHORT_TIMEOUT_S,
                check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise InfraError(
                f"`{self.binary.command} {arguments[0]}` did not finish within {SHORT_TIMEOUT_S} s"
            ) from error
        except subprocess.CalledProcessError as error:
            raise InfraError(f"`{self.binary.command} {arguments[0]}` failed:\n{error.stderr.strip()}") from error
        return answer.stdout


@contextmanager
def opened(name: str, variables: Mapping[str, str], aws: Mapping[str, str], report: Report) -> Iterator[Session]:
    """Open the environment: initialise it and lock it against other runs.

    Raises:
        UsageError: there is no environment of that name.
        InfraError: it belongs to an emulator and none is given, or to another account, region or workspace than the
            caller's, or Terraform could not get ready.
    """
    chosen = environments.named(name)
    refuse_elsewhere(chosen, aws)
    binary = terraform.ensure()
    with workspace.exclusive(chosen, report):
        shell = workspace.shell_environment(chosen, binary, variables, aws)
        workspace.init(chosen, binary, shell, report)
        yield Session(chosen, binary, workspace.process_environment(shell), report)


def refuse_elsewhere(chosen: environments.Environment, aws: Mapping[str, str]) -> None:
    """Raise GuardRefused if the caller uses another account, region, endpoint or workspace."""
    guards.refuse_wrong_endpoint(chosen, aws)
    if chosen.on_aws:
        place = chosen.place()
        guards.refuse_other_region(chosen, place, aws)
        guards.refuse_other_workspace(chosen, aws, workspace.selected(chosen))
        guards.refuse_other_account(chosen, place, aws_caller.account_id(place.region))
