"""The example of a sink, installed as a package of its own: `stream` runs it, `lag` reads its checkpoints."""

from __future__ import annotations

import json
import subprocess
import sysconfig
import venv
from pathlib import Path

import polars as pl
import pytest

from shoplake.paths import project_root
from shoplake.settings import Settings
from shoplake.verify import verify
from tests import sink_package

pytestmark = pytest.mark.stack

TIMEOUT_S = 200
MAKE = """

def make(settings):
    return ParquetSink(Path({folder!r}))
"""


def environment_with(folder: Path, environment: Path) -> Path:
    """A Python environment with what this one has, and the packages of a folder; workers ignore PYTHONPATH."""
    venv.create(environment, symlinks=True)
    (site_packages,) = environment.glob("lib/python*/site-packages")
    folders = (sysconfig.get_path("purelib"), str(folder))
    lines = [f"import site; site.addsitedir({name!r})" for name in folders]
    (site_packages / "others.pth").write_text("\n".join([*lines, ""]))
    return environment / "bin" / "python"


async def test_the_example_runs_as_a_package_and_holds_each_event_once(loaded_stack: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "parquet"
    example = (project_root() / "examples" / "parquet_sink.py").read_text("utf-8")
    site = sink_package.write(tmp_path / "site", {"parquet": "make"}, example + MAKE.format(folder=str(folder)))

    python = environment_with(site, tmp_path / "env")

    def shoplake(*arguments: str) -> str:
        done = subprocess.run(
            [str(python), "-m", "shoplake.cli.main", *arguments],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for _ in range(2):  # the second run has nothing to do
        shoplake("stream", "--sinks", "parquet", "--no-dead-letters", "--until-caught-up")

    (lake,) = (await verify(loaded_stack, ["lake"])).stores
    places = pl.concat(
        [
            pl.read_parquet(path, columns=["partition", "offset"]).with_columns(topic=pl.lit(path.parts[-3]))
            for path in folder.rglob("*.parquet")
        ]
    )
    assert len(places) == places.n_unique() == lake.expected
    assert json.loads(shoplake("lag", "--sinks", "parquet", "--json"))["parquet"]["lag"] == 0
