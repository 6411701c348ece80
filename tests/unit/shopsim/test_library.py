"""What somebody sees who uses the simulator as a library, and holds it wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import shopsim

DEMO = shopsim.load_scenario("demo")

UNGUARDED = """
import shopsim
print(sum(w.rows.height for w in shopsim.stream(shopsim.load_scenario("demo"), seed=7, limit=100, workers=2)))
"""


@pytest.fixture(scope="module")
def window() -> shopsim.Window:
    return next(shopsim.simulate(DEMO, 7, lanes=[0]))


def test_an_event_type_with_a_mistake_in_it_is_told_with_the_right_one(window: shopsim.Window) -> None:
    with pytest.raises(KeyError) as raised:
        window["order_plced"]
    assert str(raised.value) == (
        "expected an event type of the contract, found 'order_plced' (str) (did you mean 'order_placed'?)"
    )


def test_windows_are_shown_in_one_line(window: shopsim.Window) -> None:
    encoded = next(shopsim.stream(DEMO, 7, limit=10))
    assert repr(window).startswith("<Window 0 from 20")
    assert f"session_started {window['session_started'].height}" in repr(window)
    assert repr(encoded).startswith("<EncodedWindow 0: 10 records")
    for shown in (repr(window), repr(encoded)):
        assert "\n" not in shown
        assert len(shown) < 2_000


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("demo", 7), {}, "expected a shopsim.Scenario, found 'demo' (str); load it: shopsim.load_scenario('demo')"),
        (({"name": "demo"}, 7), {}, "make one: shopsim.scenario_from_dict(...)"),
        ((DEMO, "7"), {}, "seed: expected a whole number, found '7' (str)"),
        ((DEMO, 7.5), {}, "seed: expected a whole number, found 7.5 (float)"),
        ((DEMO, True), {}, "seed: expected a whole number, found True (bool)"),
    ],
)
def test_a_wrong_argument_is_named_with_what_was_expected(
    arguments: tuple[object, ...], options: dict[str, object], message: str
) -> None:
    for call in (shopsim.simulate, shopsim.stream):
        with pytest.raises(TypeError) as raised:
            next(call(*arguments, **options))  # type: ignore[operator]
        assert message in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"topics": ["order"]}, "expected a topic of the contract, found 'order' (str) (did you mean 'orders'?)"),
        ({"topics": "orders"}, "topics: expected several, such as ['orders'], found the text 'orders'"),
        ({"limit": -1}, "limit: expected 0 or more, found -1"),
        ({"limit": "all"}, "limit: expected a whole number, found 'all' (str)"),
        ({"workers": 0}, "workers: expected 1 or more, found 0"),
    ],
)
def test_a_wrong_option_is_named_with_what_was_expected(options: dict[str, object], message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        next(shopsim.stream(DEMO, 7, **options))  # type: ignore[arg-type]
    assert message in str(raised.value)


def test_a_script_without_a_guard_is_told_so_once_and_without_tracebacks_of_its_workers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)

    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)

    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert 'below `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]
    assert "bootstrapping" not in done.stderr
