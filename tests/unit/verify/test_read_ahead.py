"""Documents that are read ahead in a thread are the same ones, and so are the errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from shoplake.verify.stores import documents
from shoplake.verify.stores.documents import read_ahead


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "CHUNK_ROWS", 3)


def readers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "read-ahead"]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 6, 50])
def test_each_document_is_there_once_in_its_order(number: int) -> None:
    assert list(read_ahead(iter(range(number)))) == list(range(number))
    assert not readers()


@pytest.mark.parametrize("number", [0, 1, 3, 7])
def test_an_error_comes_after_the_documents_before_it(number: int) -> None:
    def failing() -> Iterator[int]:
        yield from range(number)
        raise ValueError("broken")

    ahead = read_ahead(failing())
    assert [next(ahead) for _ in range(number)] == list(range(number))
    with pytest.raises(ValueError, match="broken"):
        next(ahead)
    assert not readers()


def test_the_thread_ends_if_the_documents_are_not_wanted_any_more() -> None:
    given: list[int] = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            given.append(number)
            yield number
            number += 1

    ahead = read_ahead(endless())
    assert next(ahead) == 0
    ahead.close()  # type: ignore[attr-defined]
    assert not readers()
    assert len(given) <= 3 * (documents.CHUNKS_AHEAD + 2)
