"""Fault rules: what they mean, when they strike, and that the same seed strikes alike."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrage.domain.instruments import Venue
from arbitrage.sandbox.fault_plan import MOST_RULES, FaultPlan
from arbitrage.sandbox.faults import HANDSHAKE_KINDS, REQUEST_KINDS, Fault, Kind
from tests.clocks import ManualClock

ORDER = "POST /v1/orders"


def a_plan(*faults: Fault, seed: int = 1, clock: ManualClock | None = None) -> FaultPlan:
    plan = FaultPlan(seed, clock or ManualClock())
    plan.add(*faults)
    return plan


def struck(plan: FaultPlan, times: int, endpoint: str = ORDER, venue: Venue = Venue.UPBIT) -> list[Kind | None]:
    found = [plan.on_request(venue, endpoint, REQUEST_KINDS) for _ in range(times)]
    return [fault and fault.kind for fault in found]


@pytest.mark.parametrize(
    ("case", "fault", "hits"),
    [
        ("once if nothing is said", Fault(kind=Kind.DROP_BEFORE), 1),
        ("as often as is said", Fault(kind=Kind.DROP_BEFORE, count=3), 3),
        ("without end", Fault(kind=Kind.DROP_BEFORE, count=0), 10),
        ("without end with a probability", Fault(kind=Kind.DROP_BEFORE, probability=1.0), 10),
        ("both", Fault(kind=Kind.DROP_BEFORE, probability=1.0, count=2), 2),
        ("the other venue", Fault(kind=Kind.DROP_BEFORE, venue=Venue.BINANCE), 0),
        ("this venue", Fault(kind=Kind.DROP_BEFORE, venue=Venue.UPBIT), 1),
        ("another endpoint", Fault(kind=Kind.DROP_BEFORE, endpoint="GET *"), 0),
        ("a pattern", Fault(kind=Kind.DROP_BEFORE, endpoint="* /v1/order*"), 1),
        ("not yet", Fault(kind=Kind.DROP_BEFORE, after_s=1), 0),
        ("an event's", Fault(kind=Kind.EVENT_LOST), 0),
    ],
)
def test_a_rule_strikes_what_it_names(case, fault, hits):
    seen = struck(a_plan(fault), 10)

    assert seen == [Kind.DROP_BEFORE] * hits + [None] * (10 - hits), case


def test_the_first_rule_that_strikes_is_the_one():
    plan = a_plan(Fault(kind=Kind.BANNED), Fault(kind=Kind.TOO_MANY, count=2))

    assert struck(plan, 4) == [Kind.BANNED, Kind.TOO_MANY, Kind.TOO_MANY, None]
    assert [(rule.number, rule.seen, rule.hits) for rule in plan.rules()] == [(1, 1, 1), (2, 2, 2)]


def test_a_rule_that_sleeps_wakes_up():
    clock = ManualClock()
    plan = a_plan(Fault(kind=Kind.DROP_BEFORE, after_s=2, count=0), clock=clock)
    before = struck(plan, 1)
    clock.advance(2)

    assert (before, struck(plan, 1)) == ([None], [Kind.DROP_BEFORE])


def test_deleted_rules_strike_no_more():
    plan = a_plan(Fault(kind=Kind.DROP_BEFORE, count=0), Fault(kind=Kind.BANNED))

    assert plan.clear() == 2
    assert struck(plan, 1) == [None]


def test_too_many_rules_are_none():
    plan = a_plan(*[Fault(kind=Kind.BANNED)] * (MOST_RULES - 1))
    with pytest.raises(ValueError, match="at most 1000 faults"):
        plan.add(Fault(kind=Kind.BANNED), Fault(kind=Kind.BANNED))

    assert len(plan.rules()) == MOST_RULES - 1


def test_a_handshake_cannot_be_executed_and_lost():
    assert HANDSHAKE_KINDS.isdisjoint(
        {Kind.HANG_AFTER_EXECUTION, Kind.DROP_AFTER, Kind.LATE_EXECUTION, Kind.DELAY_AFTER}
    )
    assert {Kind.DELAY_BEFORE, Kind.DROP_BEFORE, Kind.TOO_MANY, Kind.HTML_502} <= HANDSHAKE_KINDS


@pytest.mark.parametrize(
    ("frame", "kind"),
    [(b'{"type":"myOrder"}', Kind.EVENT_LOST), ('{"type":"myOrder"}', Kind.EVENT_LOST), (b'{"type":"myAsset"}', None)],
)
def test_an_event_is_known_by_what_it_says(frame, kind):
    fault = a_plan(Fault(kind=Kind.EVENT_LOST, contains="myOrder")).on_event(Venue.UPBIT, frame)

    assert (fault and fault.kind) == kind


@given(seed=st.integers(0, 2**32), probability=st.floats(0.01, 0.99), others=st.integers(0, 3))
def test_the_same_seed_strikes_alike_whatever_else_goes_on(seed, probability, others):
    fault = Fault(kind=Kind.DROP_BEFORE, endpoint=ORDER, probability=probability)
    alone, among = a_plan(fault, seed=seed), a_plan(fault, seed=seed)
    # requests and rules that have nothing to do with it
    among.add(*[Fault(kind=Kind.BANNED, endpoint="GET *", probability=0.5)] * others)
    seen = []
    for _ in range(20):
        struck(among, others, "GET /v1/accounts")
        seen += struck(among, 1)

    assert seen == struck(alone, 20)


def test_rules_do_not_strike_in_step():
    plan = a_plan(*(Fault(kind=Kind.DROP_BEFORE, endpoint=name, probability=0.5) for name in ("one", "two")))

    assert struck(plan, 50, "one") != struck(plan, 50, "two")


def test_seeds_differ_and_a_probability_is_one():
    fault = Fault(kind=Kind.DROP_BEFORE, probability=0.3)
    one, other = (struck(a_plan(fault, seed=seed), 1_000) for seed in (1, 2))

    assert one != other
    assert 250 < sum(kind is not None for kind in one) < 350


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"kind":"explode"}', "Invalid enum value 'explode' - at `$.kind`"),
        ('{"kind":"banned","venue":"kraken"}', "Invalid enum value 'kraken' - at `$.venue`"),
        ('{"kind":"banned","probability":0}', "Expected `float` > 0.0 - at `$.probability`"),
        ('{"kind":"banned","probability":1.1}', "Expected `float` <= 1.0 - at `$.probability`"),
        ('{"kind":"banned","count":-1}', "Expected `int` >= 0 - at `$.count`"),
        ('{"kind":"banned","s":-1}', "Expected `float` >= 0.0 - at `$.s`"),
        ('{"kind":"banned","s":1e9}', "Expected `float` <= 86400.0 - at `$.s`"),
        ('{"kind":"banned","endpont":"*"}', "Object contains unknown field `endpont`"),
        ('{"kind":"banned","status":500}', "`status` means nothing for banned"),
        ('{"kind":"drop_before","s":1}', "`s` means nothing for drop_before"),
        ('{"kind":"drop_after","executed":false}', "`executed` means nothing for drop_after"),
        ('{"kind":"event_lost","endpoint":"POST *"}', "`endpoint` means nothing for event_lost"),
        ('{"kind":"too_many","contains":"x"}', "`contains` means nothing for too_many"),
        ('{"kind":"socket_stall","code":1000}', "`code` means nothing for socket_stall"),
        ('{"kind":"error_5xx","status":404}', "Expected `int` >= 500 - at `$.status`"),
        ('{"kind":"banned","endpoint":"' + "x" * 201 + '"}', "Expected `str` of length <= 200 - at `$.endpoint`"),
        ("{}", "Object missing required field `kind`"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_field(text, error):
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(text, type=Fault)

    assert str(refused.value) == error
