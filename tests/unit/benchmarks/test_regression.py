"""What is told of two commits that were measured in turns."""

from benchmarks import regression


def run(**cpu_s: float) -> regression.Measured:
    return {stage: {"cpu_s": seconds, "events": 1_000_000} for stage, seconds in cpu_s.items()}


def test_a_stage_is_compared_by_its_least_times_and_by_its_median_round() -> None:
    sides = {
        "before": [run(decode=1.0), run(decode=2.0), run(decode=1.5)],
        "now": [run(decode=3.0), run(decode=2.0), run(decode=1.5)],
    }
    assert list(regression.compare(sides)) == [("decode", 1.0, 1.5, 1.5, 1.0)]


def test_a_stage_that_one_of_the_two_lacks_is_left_out_and_named() -> None:
    lacking = {"encode": {"missing": "ImportError: no encode"}}
    sides = {"before": [run(decode=1.0) | lacking], "now": [run(decode=1.0, encode=1.0)]}
    assert [stage for stage, *_ in regression.compare(sides)] == ["decode"]
    assert list(regression.left_out(sides)) == ["encode: left out, not measurable before: ImportError: no encode"]


def test_a_commit_that_is_not_there_is_nothing_to_fail_on(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["regression.py", "no-such-commit"])
    assert regression.main() == 0
    assert "nothing to compare with" in capsys.readouterr().out
