"""Files become a table of the lake once each. The catalogue is a file, so no server is needed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from shoplake.errors import UsageError
from shoplake.orchestration.shared_steps import files

SETTINGS: Any = SimpleNamespace(lake=SimpleNamespace(database="lake"))


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlCatalog:
    made = SqlCatalog("test", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/lake")
    monkeypatch.setattr(files, "open_catalog", lambda settings: made)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    (made / "a.csv").write_text("day,visitors\n2026-09-01,120\n2026-09-02,80\n")
    (made / "b.jsonl").write_text('{"day": "2026-09-03", "visitors": 7}\n')
    (made / "notes.txt").write_text("not a source")
    return made


def land(folder: Path) -> files.Landed:
    return files.land(SETTINGS, folder, "visits", lambda text: None)


def rows_of(catalog: SqlCatalog) -> list[tuple[Any, ...]]:
    found = catalog.load_table(("lake_uploads", "visits")).scan().to_arrow().to_pylist()
    return sorted((str(row["day"]), row["visitors"], row["source_file"]) for row in found)


def test_the_same_file_is_once_and_a_changed_one_replaces_its_rows(catalog: SqlCatalog, folder: Path) -> None:
    assert land(folder).new == {"a.csv": 2, "b.jsonl": 1}
    snapshots = len(catalog.load_table(("lake_uploads", "visits")).snapshots())

    again = land(folder)
    assert (again.new, again.rows) == ({}, {"a.csv": 2, "b.jsonl": 1})
    assert len(catalog.load_table(("lake_uploads", "visits")).snapshots()) == snapshots

    (folder / "a.csv").write_text("visitors,day\n5,2026-09-09\n")
    assert land(folder).rows == {"a.csv": 1, "b.jsonl": 1}
    assert rows_of(catalog) == [("2026-09-03", 7, "b.jsonl"), ("2026-09-09", 5, "a.csv")]


def test_a_file_that_does_not_fit_is_refused_and_the_others_land(catalog: SqlCatalog, folder: Path) -> None:
    (folder / "c.csv").write_text("day,visitors\n2026-09-04,many\n")
    (folder / "d.csv").write_text("day,guests\n2026-09-04,1\n")
    (folder / "e.csv").write_text("day,visitors\n")
    (folder / "f.parquet").write_text("no parquet")

    done = land(folder)

    assert sorted(done.refused) == ["c.csv", "d.csv", "e.csv", "f.parquet"]
    assert "guests" in done.refused["d.csv"]
    assert "visitors" in done.refused["d.csv"]
    assert done.rows == {"a.csv": 2, "b.jsonl": 1}
    (folder / "c.csv").write_text("day,visitors\n2026-09-04,9\n")
    assert land(folder).new == {"c.csv": 1}


def rejected(catalog: SqlCatalog) -> list[tuple[Any, ...]]:
    found = catalog.load_table(("lake_uploads", "visits_rejected")).scan().to_arrow().to_pylist()
    return sorted((row["source_file"], row["row_number"], row["reason"], row["content"]) for row in found)


def test_rows_that_do_not_fit_are_set_aside_with_the_reason(catalog: SqlCatalog, folder: Path) -> None:
    assert land(folder).rejected == {}
    (folder / "c.csv").write_text("day,visitors\n2026-09-04,9\n2026-09-05,many\nsoon,3\n2026-09-06,1.5\n2026-09-07,\n")
    (folder / "d.jsonl").write_text('{"day": "2026-09-08", "visitors": 4}\n{"day": "2026-09-09", "visitors": "x\'y"}\n')

    done = land(folder)

    assert (done.new, done.refused) == ({"c.csv": 2, "d.jsonl": 1}, {})
    assert done.rejected == {"c.csv": 3, "d.jsonl": 1}
    assert rejected(catalog) == [
        ("c.csv", 2, "visitors: expected BIGINT, found many", '{"day":"2026-09-05","visitors":"many"}'),
        ("c.csv", 3, "day: expected DATE, found soon", '{"day":"soon","visitors":"3"}'),
        ("c.csv", 4, "visitors: expected BIGINT, found 1.5", '{"day":"2026-09-06","visitors":"1.5"}'),
        ("d.jsonl", 2, "visitors: expected BIGINT, found x'y", '{"day":"2026-09-09","visitors":"x\'y"}'),
    ]
    assert ("2026-09-07", None, "c.csv") in rows_of(catalog)

    (folder / "c.csv").write_text("day,visitors\n2026-09-05,2\n")
    again = land(folder)
    assert (again.new, again.rejected) == ({"c.csv": 1}, {"d.jsonl": 1})
    snapshots = len(catalog.load_table(("lake_uploads", "visits_rejected")).snapshots())
    assert land(folder).new == {}
    assert len(catalog.load_table(("lake_uploads", "visits_rejected")).snapshots()) == snapshots


def test_lines_that_are_no_rows_are_set_aside_also_from_the_first_file(catalog: SqlCatalog, folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    lines = [f"2026-09-{day:02},{day}" for day in range(1, 29)]
    (folder / "a.csv").write_text("\n".join(["day,visitors", *lines, "2026-09-29,1,2,3", "2026-09-30,4"]) + "\n")
    done = land(folder)
    assert (done.new, done.rejected) == ({"a.csv": 29}, {"a.csv": 1})
    ((file, number, reason, content),) = rejected(catalog)
    assert (file, number, content) == ("a.csv", 30, "2026-09-29,1,2,3")
    assert "olumn" in reason


def test_a_run_that_was_killed_between_the_two_tables_is_repeated(
    catalog: SqlCatalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(folder)
    (folder / "c.csv").write_text("day,visitors\n2026-09-04,9\n2026-09-05,many\n")

    def killed(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    write = files._write
    monkeypatch.setattr(files, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        land(folder)
    monkeypatch.setattr(files, "_write", write)
    done = land(folder)
    assert (done.new, done.rejected) == ({"c.csv": 1}, {"c.csv": 1})


def test_columns_with_quotes_in_their_names_are_only_names(catalog: SqlCatalog, folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    (folder / "a.jsonl").write_text('{"it\'s \\"n\\"": 1}\n')
    assert land(folder).new == {"a.jsonl": 1}
    (folder / "b.jsonl").write_text('{"it\'s \\"n\\"": 2}\n{"it\'s \\"n\\"": "many"}\n')
    assert land(folder).rejected == {"b.jsonl": 1}


def test_a_file_that_was_not_committed_is_landed_by_the_next_run(
    catalog: SqlCatalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: Any) -> Any:
        if arguments[3]["source_file"][0].as_py() == "b.jsonl":
            raise KeyboardInterrupt
        return write(*arguments)

    write = files._write
    monkeypatch.setattr(files, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        land(folder)
    monkeypatch.setattr(files, "_write", write)

    assert land(folder).new == {"b.jsonl": 1}
    assert len(rows_of(catalog)) == 3


def test_a_name_or_a_folder_that_is_not_valid_is_an_error(folder: Path) -> None:
    with pytest.raises(UsageError, match="lower case"):
        files.land(SETTINGS, folder, "Visits; drop", lambda text: None)
    with pytest.raises(UsageError, match="folder"):
        files.land(SETTINGS, folder / "none", "visits", lambda text: None)


def test_a_table_that_was_not_made_from_files_is_refused(catalog: SqlCatalog, folder: Path) -> None:
    catalog.create_namespace("lake_uploads")
    catalog.create_table(("lake_uploads", "visits"), schema=pa.schema([("day", pa.string())]))

    with pytest.raises(UsageError, match="was not made from files"):
        land(folder)


def test_a_commit_that_another_process_has_overtaken_is_made_after_it(
    catalog: SqlCatalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(folder)
    (folder / "c.csv").write_text("day,visitors\n2026-09-05,1\n")
    other = catalog.load_table(("lake_uploads", "visits"))
    write = files._write

    def late(*arguments: Any) -> Any:
        monkeypatch.setattr(files, "_write", write)
        other.append(other.scan().to_arrow().slice(0, 1).set_column(2, "source_file", [["of another process"]]))
        return write(*arguments)

    monkeypatch.setattr(files, "_write", late)
    assert land(folder).new == {"c.csv": 1}
    assert [name for _, _, name in rows_of(catalog)].count("c.csv") == 1
    assert "of another process" in {name for _, _, name in rows_of(catalog)}
