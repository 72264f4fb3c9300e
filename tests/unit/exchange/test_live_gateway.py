"""The gateway of Live: both legs leave, or neither does."""

import pytest

from arbitrage.domain.instruments import Venue
from arbitrage.domain.intents import ReportPlanEnd
from arbitrage.domain.plans import Outcome
from tests.safety_builders import LiveStory, premium


def sent(story: LiveStory) -> list[int]:
    return [len(sender.orders) for sender in story.senders.values()]


@pytest.mark.parametrize("full", list(Venue))
def test_a_venue_without_room_does_not_cost_a_leg(full: Venue) -> None:
    story = LiveStory()
    story.senders[full].room = 0
    story.tell(*premium(80))
    ends = [told.end for told in story.intents if isinstance(told, ReportPlanEnd)]

    assert sent(story) == [0, 0]
    assert [end.outcome for end in ends] == [Outcome.MISSED]


def test_what_the_first_leg_used_up_does_not_hold_the_second_back() -> None:
    story = LiveStory()
    story.senders[Venue.UPBIT].room = 1
    story.tell(*premium(80))

    assert sent(story) == [1, 1]
