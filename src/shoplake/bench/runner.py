"""Run all stages, one measurement after another, each in its own process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from shoplake.bench.results import READ, Measure, Measured, Sample, beside_reading, sum_of_costs
from shoplake.bench.signals import interrupt_on_sigterm
from shoplake.bench.stack import Lab, Say, lab
from shoplake.errors import ShoplakeError

if TYPE_CHECKING:
    from shoplake.bench.profile import Profiler
    from shoplake.bench.stages import Stage

STOP_WAIT_S = 60  # it may have a stack of its own to remove


class MeasurementFailed(ShoplakeError):
    """A measurement did not come to its end."""

    code = "SL0900"
    advice = "Read its output at the end of the message. `shoplake bench --only STAGE` repeats only this stage."


def bench(
    stages: Sequence[Stage],
    runs: int,
    events: Mapping[str, int],
    cores: int,
    say: Say,
    profiler: Profiler | None = None,
) -> Iterator[Measured]:
    """Measure each stage so often; a stack is started where one of them needs it, and removed at the end.

    Args:
        stages: in the order of the table.
        runs: measurements of each.
        events: of each stage, by its name.
        cores: how many processors there are.
        say: is told what is going on.
        profiler: draws each measurement of ours, which takes longer then.

    Raises:
        MeasurementFailed: one of them did not end well.
        ShoplakeError: the stack did not come up.
    """
    interrupt_on_sigterm()
    done: dict[str, Measured] = {}
    with contextlib.ExitStack() as opened:
        stack: Lab | None = None
        for stage in stages:
            if stage.needs != "nothing" and stack is None:
                stack = opened.enter_context(lab(say))
            samples = []
            for run in range(1, runs + 1):
                say(f"{stage.name}: run {run} of {runs}")
                samples.append(_sample(stage, events[stage.name], stack, profiler))
            if stage.sink and READ in done:
                samples = [beside_reading(sample, done[READ]) for sample in samples]
            if stage.limit_is == "reckoned":
                samples = [_with_costs(sample, done, cores) for sample in samples]
            done[stage.name] = Measured(stage.name, tuple(samples))
            yield done[stage.name]


def _sample(stage: Stage, events: int, stack: Lab | None, profiler: Profiler | None) -> Sample:
    # The limit first: what is in the log and the stores afterwards is ours.
    limit = _measured(stage, "limit", events, stack) if stage.limit_is == "measured" else None
    ours = _measured(stage, "ours", events, stack, profiler)
    if limit is not None and limit.events != ours.events:
        raise MeasurementFailed(f"{stage.name}: expected {limit.events} events as beside it, found {ours.events}")
    return Sample(ours, limit)


def _measured(stage: Stage, side: str, events: int, stack: Lab | None, profiler: Profiler | None = None) -> Measure:
    if stack is not None:
        stack.prepare(stage, events)
    found = _in_process(stage, side, events, profiler)
    if stack is not None:
        stack.note(stage, side, events)
    return found


def _in_process(stage: Stage, side: str, events: int, profiler: Profiler | None) -> Measure:
    command = [sys.executable, "-m", "shoplake.bench.measure", stage.name, side, str(events)]
    environment = os.environ | stage.environment
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is ours to pass on, once
    )
    try:
        with profiler.watching(process.pid, stage.name) if profiler else contextlib.nullcontext():
            out, errors = process.communicate()
    except BaseException:
        _stop(process)
        raise
    if process.returncode != 0:
        text = errors.decode(errors="replace").strip()
        raise MeasurementFailed(f"{stage.name}, {side}: ended with {process.returncode}:\n{text}")
    return msgspec.json.decode(out, type=Measure)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Tell it to end, with what it has started, and wait for that."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _with_costs(sample: Sample, done: Mapping[str, Measured], cores: int) -> Sample:
    """The sample with the sum of the parts as its limit, where all parts were measured."""
    return Sample(sample.ours, sum_of_costs(done, sample.ours.events, cores))
