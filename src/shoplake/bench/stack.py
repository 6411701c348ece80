"""The temporary stack of the benchmark, and the data that a measurement needs in it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shoplake import environments, settings, stack
from shoplake.bench import kafka_log, scenario
from shoplake.bench.isolated_home import own_home
from shoplake.bench.signals import interrupt_on_sigterm, undisturbed
from shoplake.bench.stores import store
from shoplake.infra import runner, stack_inputs
from shoplake.publish.kafka import publish
from shoplake.sinks import SINKS
from shoplake.streaming.supervisor import stream

if TYPE_CHECKING:
    from shoplake.bench.stages import Stage
    from shoplake.settings import Settings

Say = Callable[[str], None]
WITHOUT_RDS = {"capabilities": "{rds = false}"}  # a fixed wait of Terraform's provider makes it cost 80 s


@dataclass
class Lab:
    """The running stack. Mutable: it remembers what is in it.

    Attributes:
        settings: of the local environment on it.
        say: is told what is prepared.
        in_log: how many of the shop's events the log holds; None when it holds something else.
        full: whether the stores hold what the log does.
    """

    settings: Settings
    say: Say
    in_log: int | None = None
    full: bool = False

    def prepare(self, stage: Stage, events: int) -> None:
        """Bring the stack to where a stage can be measured, with so many events."""
        match stage.needs:
            case "empty log":
                self.empty_log()
                self.empty_stores()
            case "log":
                self.fill_log(events)
                self.empty_stores(*([stage.sink] if stage.sink else []))
            case "full lake":
                self.fill_log(events)
                self.fill_lake()
            case "full stores":
                self.fill_log(events)
                self.fill_stores()

    def note(self, stage: Stage, side: str, events: int) -> None:
        """What a measurement has left behind."""
        if stage.name in ("publish", "whole") and side == "ours":
            self.in_log = events
            self.full = stage.name == "whole"
        if stage.name == "warehouse" and side == "ours":  # more events, and in the lake only
            self.in_log, self.full = None, False

    def empty_log(self) -> None:
        """Make the topics anew."""
        asyncio.run(kafka_log.empty(self.settings.kafka))
        self.in_log, self.full = None, False

    def empty_stores(self, *names: str) -> None:
        """Empty these stores, all by default."""
        for name in names or SINKS:
            store(name).empty(self.settings)
        self.full = False

    def fill_log(self, events: int) -> None:
        """Publish so many of the shop's events, and nothing else, where they are not in the log yet."""
        if self.in_log == events:
            return
        self.say(f"publishing {events:,} events")
        self.empty_log()
        asyncio.run(publish(self.settings.kafka, scenario.run_of(events)))
        self.in_log = events

    def fill_stores(self) -> None:
        """Stream all of the log into empty stores, where it is not in them yet."""
        if self.full:
            return
        self.say("streaming into all stores")
        self.empty_stores()
        asyncio.run(stream(SINKS, beside=(), until_caught_up=True))
        interrupt_on_sigterm()
        self.full = True

    def fill_lake(self) -> None:
        """Stream all of the log into an empty lake, unless it is in all stores."""
        if self.full:
            return
        self.say("streaming into the lake")
        self.empty_stores("lake")
        asyncio.run(stream(("lake",), beside=(), until_caught_up=True))
        interrupt_on_sigterm()


@contextlib.contextmanager
def lab(say: Say) -> Iterator[Lab]:
    """A stack of the bench's own in a temporary folder; nothing is left of it, however this ends.

    Raises:
        StackError, InfraError: it did not come up.
    """
    with tempfile.TemporaryDirectory(prefix="shoplake-bench-") as folder, own_home(Path(folder) / "home"):
        try:
            say("starting a stack")
            stack.up()
            os.environ.update(stack.environment())
            environments.prepare_stack()
            say("applying the local environment")
            given = stack_inputs.of("local", stack)
            runner.apply("local", variables={**given.variables, **WITHOUT_RDS}, environment=given.environment)
            yield Lab(settings.load(), say)
        finally:
            say("removing the stack")
            with undisturbed():
                stack.purge()
