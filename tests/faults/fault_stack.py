"""The stack that is broken on purpose, the log in it, and how its servers are killed and brought back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from shoplake import paths, sinks
from shoplake import stack as embedded
from shoplake.environments import prepare_stack
from shoplake.infra import runner
from shoplake.infra.tfvars import variables_from
from shoplake.publish.progress_records import read_progress
from shoplake.settings import Settings
from shoplake.stack import process
from shoplake.streaming import supervisor
from shoplake.verify import StoreResult, log_reader, verify

from .disk import Disk
from .nemesis import Journal, Nemesis
from .results import Results, Seen
from .stores import Stores, empty_stores
from .tiers import Tier
from .workers import WORKER, Worker, running, start

SCENARIO = "faults"
COMMAND = ("-m", "shoplake.cli.main")
# Of the demo shop some 2,000 events, so that a transaction is short and a publisher has many.
WINDOW_HOURS = 6
REFUSED_SHARE = 0.005
BATCHES_PER_LIFE = 10
PORTION = 2_000
PORTION_EVERY_S = 1.0
WITHOUT_RDS = {"capabilities": "{rds = false}"}  # a fixed wait of Terraform's provider makes it cost 80 s


def batch_for(records: int, lives: int) -> int:
    """Records per batch, so few that there are some batches for each of so many workers, one after the other."""
    return records // (lives * BATCHES_PER_LIFE)


@dataclass
class Lab:
    """What all rows share.

    Attributes:
        settings: of the local environment on this stack.
        folder: for what processes write while they are tortured.
        disk: that all servers write to, where it is one that can be filled.
        fed: events keep coming in.
    """

    settings: Settings
    folder: Path
    disk: Disk | None
    tier: Tier
    journal: Journal
    results: Results
    fed: bool = False

    @property
    def seed(self) -> int:
        return self.journal.seed

    def nemesis(self, *scope: object) -> Nemesis:
        return Nemesis(self.journal, *scope)

    @property
    def scenario(self) -> Path:
        """The demo shop under a name of its own, in short windows, with many more events that are refused."""
        path = self.folder / f"{SCENARIO}.yaml"
        if not path.exists():
            demo = yaml.safe_load((paths.project_root() / "generators/scenarios/demo.yaml").read_text())
            demo |= {"name": SCENARIO, "window_hours": WINDOW_HOURS}
            refused = {"malformed": REFUSED_SHARE, "wrong_type": REFUSED_SHARE}
            demo["faults"] = {"rates": {"page_viewed": refused, "search_performed": refused}}
            path.write_text(yaml.safe_dump(demo))
        return path

    async def log_of(self, events: int) -> int:
        """Publish until the log has at least so many events; returns how many it has."""
        if await self.published() < events:
            async with self.publisher(events) as publisher:
                code = await asyncio.wait_for(publisher.wait(), self.tier.finish_s)
            assert code == 0, process.tail(self.commands_log)
        return await self.published()

    @contextlib.asynccontextmanager
    async def feeding(self) -> AsyncIterator[None]:
        """Events come in, a portion after the other: however long it takes, there is something left to do."""

        async def feed() -> None:
            while self.fed:
                await self.log_of(await self.published() + PORTION)
                await asyncio.sleep(PORTION_EVERY_S)

        self.fed = True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(feed())
            try:
                yield
            finally:
                self.fed = False

    @contextlib.asynccontextmanager
    async def publisher(
        self,
        events: int,
        environment: Mapping[str, str] | None = None,
        *,
        program: Sequence[str] = COMMAND,
        scenario: Path | None = None,
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process that brings the log to so many events; killed, if it still runs, at the end."""
        which = ("--scenario", str(scenario or self.scenario), "--seed", str(self.seed), "--events", str(events))
        async with self.command("generate", *which, environment=environment, program=program) as publisher:
            yield publisher

    @contextlib.asynccontextmanager
    async def command(
        self, *arguments: str, environment: Mapping[str, str] | None = None, program: Sequence[str] = COMMAND
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """A command of shoplake, whose output goes to `commands.log`; killed, if it still runs, at the end."""
        with self.commands_log.open("ab") as output:
            process_ = await asyncio.create_subprocess_exec(
                *(sys.executable, *program, *arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        try:
            yield process_
        finally:
            supervisor.send(process_, signal.SIGKILL)
            await process_.wait()

    @property
    def commands_log(self) -> Path:
        return self.folder / "commands.log"

    async def published(self) -> int:
        """Events that the publisher says are in the log."""
        found = (await read_progress(self.settings.kafka)).get(f"{SCENARIO}-{self.seed}")
        return found.events if found is not None else 0

    async def records(self, sink: str) -> int:
        """Records in the topics that a sink reads, those that it will refuse among them."""
        topics = sinks.make(sink, self.settings).topics
        counts = [len(r.offset) async for chunk in log_reader.read(self.settings.kafka, topics) for r in chunk.values()]
        return sum(counts)

    @contextlib.asynccontextmanager
    async def stores(self, *names: str) -> AsyncIterator[Stores]:
        """Empty stores for these sinks."""
        async with empty_stores(self.settings, names) as stores:
            yield stores

    @contextlib.asynccontextmanager
    async def worker(
        self,
        sink: str,
        stores: Stores,
        environment: Mapping[str, str] | None = None,
        *,
        batch: int | None = None,
        until_caught_up: bool = False,
        wrapper: Sequence[str] = WORKER,
    ) -> AsyncIterator[Worker]:
        """A worker that is gone afterwards."""
        started = await start(
            sink,
            {**stores.environment, **(environment or {})},
            self.folder,
            batch=batch,
            until_caught_up=until_caught_up,
            wrapper=wrapper,
        )
        started.fed = self.fed
        async with running(started) as worker:
            yield worker

    async def finish(self, sink: str, stores: Stores, batch: int | None = None) -> Worker:
        """Run a sink until everything is in its store."""
        async with self.worker(sink, stores, batch=batch, until_caught_up=True) as worker:
            code = await worker.ended(self.tier.finish_s)
        assert code == 0, f"{worker} ended with {code}"
        return worker

    async def check(
        self,
        row: int,
        fault: str,
        stores: Stores,
        names: Collection[str],
        *,
        faults: Mapping[str, int] | int,
        recover_s: Mapping[str, float] | None = None,
        note: str = "",
    ) -> None:
        """Hold stores against the log, note what was seen, and fail unless all is exact."""
        found = await self.verify(stores, names)
        events = await self.events()
        for store in found:
            self.results.seen.append(
                Seen(
                    row=row,
                    fault=fault,
                    store=store.name,
                    faults=faults if isinstance(faults, int) else faults[store.name],
                    events=events,
                    lost=store.lost,
                    duplicated=store.duplicated,
                    differing=store.differing,
                    recover_s=(recover_s or {}).get(store.name),
                    note=note,
                )
            )
        assert_exact(found)

    async def note(self, row: int, fault: str, names: Collection[str], faults: int, note: str = "") -> None:
        """Note a row whose oracle is not `verify`; its test has asserted what it promises."""
        events = await self.events()
        self.results.seen += [
            Seen(row=row, fault=fault, store=name, faults=faults, events=events, note=note) for name in names
        ]

    async def verify(self, stores: Stores, names: Collection[str]) -> Sequence[StoreResult]:
        """What `shoplake verify` says of these stores."""
        return (await verify(stores.settings, names)).stores

    async def events(self) -> int:
        """Events that all publishers say are in the log."""
        return sum(progress.events for progress in (await read_progress(self.settings.kafka)).values())

    async def kill_server(self, name: str) -> None:
        """SIGKILL to a server and all its processes, as when the machine had lost its power."""
        pid_file = paths.home() / "run" / name / "pid"
        found = process.find(pid_file)
        assert found is not None, f"{name} does not run"
        for pid in process.family(found.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # Where this process had started it, it has to take note of the end: until then the pid is not free.
        with contextlib.suppress(ChildProcessError):
            await asyncio.to_thread(os.waitpid, found.pid, 0)
        async with asyncio.timeout(5):
            while found.alive:  # noqa: ASYNC110 - the kernel calls nobody back
                await asyncio.sleep(0.05)

    async def up(self) -> None:
        """`shoplake up`: what died comes back."""
        await asyncio.to_thread(embedded.up)


def apply() -> None:
    """What `shoplake up` and `shoplake apply local` do once the servers answer."""
    prepare_stack()
    given = variables_from(embedded.connections()) | WITHOUT_RDS
    runner.apply("local", variables=given, environment=embedded.environment())


def assert_exact(found: Sequence[StoreResult]) -> None:
    """Fail with the first findings of each store that is not exact."""
    wrong = [store for store in found if not store.ok]
    assert not wrong, "\n".join(
        f"{store.name}: lost {store.lost}, duplicated {store.duplicated}, differing {store.differing}; "
        + "; ".join(str(finding) for finding in store.findings[:5])
        for store in wrong
    )
