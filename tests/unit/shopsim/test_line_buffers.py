"""Lines in memory that processes share: views into them are the values, wherever a buffer ends."""

from __future__ import annotations

import os

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopsim.core import line_buffers

LONG = st.lists(st.binary(min_size=13, max_size=300).filter(lambda line: b"\n" not in line), min_size=1, max_size=40)


def text_of(values: list[bytes]) -> line_buffers.MemoryFile:
    text = line_buffers.MemoryFile()
    text.write(b"".join(value + b"\n" for value in values))
    return text


@settings(deadline=None)  # tests assert no times
@given(LONG)
def test_views_into_a_text_are_its_lines(values):
    buffer = text_of(values).buffer()
    assert line_buffers.column(line_buffers.line_views(buffer), line_buffers.view_buffers(buffer)).to_list() == values


@settings(deadline=None)  # tests assert no times
@given(LONG)
def test_a_text_larger_than_views_can_point_into_takes_several_buffers(values):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(line_buffers, "_BUFFER_STEP_BITS", 9)
        patched.setattr(line_buffers, "_LARGEST_BUFFER", 1023)
        patched.setattr(line_buffers, "_SEARCH_BYTES", 64)
        buffer = text_of(values).buffer()
        buffers = line_buffers.view_buffers(buffer)
        assert len(buffers) == -(-buffer.size // 512)
        assert line_buffers.column(line_buffers.line_views(buffer), buffers).to_list() == values


@settings(deadline=None)  # tests assert no times
@given(st.lists(st.binary(max_size=40)))
def test_joined_values_have_a_line_feed_after_each(values):
    column = pl.Series(values, dtype=pl.Binary)
    assert line_buffers.join_lines(column).to_pybytes() == b"".join(value + b"\n" for value in values)
    assert line_buffers.join_lines(column[1:]).to_pybytes() == b"".join(value + b"\n" for value in values[1:])


def test_a_text_can_be_read_when_its_file_is_closed():
    values = [b"a line of some length", b"another one"]
    text = text_of(values)
    descriptor = os.dup(text.file.fileno())
    text.file.close()
    mapped = line_buffers.map_memory(descriptor)
    os.close(descriptor)
    assert mapped.to_pybytes() == b"a line of some length\nanother one\n"


def test_what_is_written_to_a_text_begins_where_numbers_may_stand():
    text = line_buffers.MemoryFile()
    places = [text.write(content) for content in (b"abc", b"", b"d" * 64, b"e")]
    assert [(place.start, place.stop) for place in places] == [(0, 3), (64, 64), (64, 128), (128, 129)]
    assert text.buffer()[places[2]].to_pybytes() == b"d" * 64
