from __future__ import annotations

import pytest

from shoplake.errors import UnknownName
from shoplake.known_names import require_known

FORMATS = ("table", "json", "csv")


@pytest.mark.parametrize("name", FORMATS)
def test_a_known_name_is_accepted(name: str) -> None:
    require_known("format", name, FORMATS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jsno", "there is no format 'jsno'; did you mean 'json'?"),
        ("xml", "there is no format 'xml'"),
        ("JSON", "there is no format 'JSON'"),
    ],
)
def test_another_name_is_refused_with_those_that_there_are(name: str, message: str) -> None:
    with pytest.raises(UnknownName) as refused:
        require_known("format", name, iter(FORMATS))
    assert refused.value.message == message
    assert refused.value.fix == "choose from table, json, csv"
