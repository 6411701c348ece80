"""A deterministic simulator of a shop. It returns columns and needs no network, no files and no clock.

    scenario = shopsim.load_scenario("demo")
    for window in shopsim.simulate(scenario, seed=7):
        window["order_placed"]                    # polars, the contract's columns, `lane` and `seq`
    for window in shopsim.stream(scenario, seed=7, limit=200_000, workers=2):
        window.rows                               # topic, key and JSON bytes of each event, in order

The output depends only on scenario, seed and `VERSION`. It is the same for any number of workers, on any machine, and
after a resume at any `Position`. Times are UTC milliseconds, money is whole minor units.
"""

from shopsim.engine.arguments import UnknownEvent
from shopsim.engine.encode import encode
from shopsim.engine.event_stream import stream
from shopsim.engine.simulate import simulate
from shopsim.engine.windows import EncodedWindow, Position, Window
from shopsim.errors import ScenarioError, WorkerFailed
from shopsim.faults.selection import FAULTS, ledger
from shopsim.loading.files import check_scenario, load_scenario, scenario_from_dict, scenarios, starting
from shopsim.scenario.sections import Scenario
from shopsim.version import VERSION

__all__ = [
    "FAULTS",
    "VERSION",
    "EncodedWindow",
    "Position",
    "Scenario",
    "ScenarioError",
    "UnknownEvent",
    "Window",
    "WorkerFailed",
    "check_scenario",
    "encode",
    "ledger",
    "load_scenario",
    "scenario_from_dict",
    "scenarios",
    "simulate",
    "starting",
    "stream",
]
