"""The sampler looks at the platform once for all browsers, and only while one listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from shoplake.console import live
from shoplake.console.live import Sample, Sampler
from shoplake.errors import ShoplakeError


class Platform:
    """Numbers its samples."""

    def __init__(self) -> None:
        self.taken = 0
        self.before: list[Sample | None] = []

    async def take(self, before: Sample | None) -> Sample:
        self.taken += 1
        self.before.append(before)
        return Sample(self.taken)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.01)


async def some(samples: AsyncIterator[Sample], number: int) -> list[int]:
    found = [(await anext(samples)).at_ms for _ in range(number)]
    await samples.aclose()  # type: ignore[attr-defined]
    return found


async def test_each_sample_is_given_once_with_the_one_before() -> None:
    platform = Platform()
    assert await some(Sampler(platform.take).samples(), 3) == [1, 2, 3]
    assert [one and one.at_ms for one in platform.before] == [None, 1, 2]


async def test_browsers_share_the_samples() -> None:
    platform = Platform()
    sampler = Sampler(platform.take)
    found = await asyncio.gather(*(some(sampler.samples(), 3) for _ in range(5)))
    assert all(one == [1, 2, 3] for one in found)
    assert platform.taken <= 4


async def test_nothing_is_read_without_a_listener() -> None:
    platform = Platform()
    sampler = Sampler(platform.take)
    await some(sampler.samples(), 1)
    await asyncio.sleep(0.05)
    taken = platform.taken
    await asyncio.sleep(0.05)
    assert platform.taken == taken
    await some(sampler.samples(), 1)
    assert platform.before[taken] is None  # no rate over the time without listeners


async def test_listeners_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LISTENERS", 1)
    sampler = Sampler(Platform().take)
    first = sampler.samples()
    await anext(first)
    with pytest.raises(ShoplakeError, match="listen already"):
        await anext(sampler.samples())
    await first.aclose()  # type: ignore[attr-defined]
