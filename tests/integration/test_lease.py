"""The lease on a real Redis: one holder, an end by itself, and no way back for who was overtaken."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from arbitrage.domain.events import Event, LeaseHeld
from arbitrage.domain.instants import NS_PER_MS, NS_PER_S, Instant
from arbitrage.state.keys import RedisAddress, StateKeys
from arbitrage.state.lease import LENGTH_MS, MARGIN, Lease
from arbitrage.state.link import StateLink

NOON = Instant(1_790_000_000 * NS_PER_S)


class StillClock:
    """A clock that stands."""

    def now(self) -> Instant:
        return NOON


class Holder:
    """A daemon as far as the lease is concerned."""

    def __init__(self, address: RedisAddress, namespace: str, name: str) -> None:
        self.told: list[LeaseHeld] = []
        self.lease = Lease(address, namespace, name, StillClock(), self._hear)

    def _hear(self, event: Event) -> None:
        assert isinstance(event, LeaseHeld)
        self.told.append(event)


@pytest.fixture
async def link(redis_address: RedisAddress, namespace: str) -> AsyncIterator[StateLink]:
    found = StateLink(redis_address, StateKeys(namespace))
    yield found
    await found.close()


@pytest.fixture
async def two(redis_address: RedisAddress, namespace: str) -> AsyncIterator[tuple[Holder, Holder]]:
    holders = (Holder(redis_address, namespace, "one"), Holder(redis_address, namespace, "two"))
    yield holders
    for holder in holders:
        await holder.lease.close()


async def lapse(link: StateLink, namespace: str) -> None:
    """Let the lease end as it does by itself."""
    async with link.transaction() as pipe:
        pipe.delete(f"{namespace}:lease")
        await pipe.execute()


async def test_only_one_holds_it_and_the_other_is_told_who(two: tuple[Holder, Holder]) -> None:
    one, two_ = two

    assert await one.lease.take() == ""
    assert await two_.lease.take() == "one"
    assert await one.lease.take() == ""


async def test_its_end_is_told_with_a_margin(two: tuple[Holder, Holder]) -> None:
    one, _ = two
    await one.lease.take()
    one.lease.tell()

    assert one.told[-1].until == NOON + LENGTH_MS * NS_PER_MS - MARGIN


async def test_it_ends_by_itself(two: tuple[Holder, Holder], link: StateLink, namespace: str) -> None:
    one, _ = two
    await one.lease.take()
    async with link.transaction() as pipe:
        pipe.pttl(f"{namespace}:lease")
        (left_ms,) = await pipe.execute()

    assert 0 < left_ms <= LENGTH_MS


async def test_it_is_free_at_once_after_a_stop(two: tuple[Holder, Holder]) -> None:
    one, two_ = two
    await one.lease.take()
    await one.lease.close()

    assert await two_.lease.take() == ""


async def test_who_was_overtaken_does_not_get_it_back_even_when_it_is_free_again(
    two: tuple[Holder, Holder], link: StateLink, namespace: str
) -> None:
    one, two_ = two
    await one.lease.take()
    await lapse(link, namespace)
    await two_.lease.take()
    await lapse(link, namespace)
    async with asyncio.timeout(5):
        await one.lease.keep()

    assert one.lease.failure is not None
    assert one.told[-1].until == 0


async def test_who_was_only_late_goes_on(two: tuple[Holder, Holder], link: StateLink, namespace: str) -> None:
    one, _ = two
    await one.lease.take()
    await lapse(link, namespace)
    keeping = asyncio.create_task(one.lease.keep())
    async with asyncio.timeout(5):
        while not one.told:  # noqa: ASYNC110 - it tells by a callback
            await asyncio.sleep(0.01)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)

    assert one.lease.failure is None
    assert one.told[-1].until > NOON
