"""The rules of safety by name. `safety_rules` says what each one forbids, and finds what breaks them."""

from enum import StrEnum


class Rule(StrEnum):
    """The rules."""

    OPENED_WHILE_STOPPED = "opened_while_stopped"
    SENT_TWICE = "sent_twice"
    TOO_LARGE = "too_large"
    OFF_GRID = "off_grid"
    BELOW_MINIMUM = "below_minimum"
    TOO_MANY_TRADES = "too_many_trades"
    TOO_MANY_AT_ONCE = "too_many_at_once"
    RISKED_TOO_MUCH = "risked_too_much"
    EDGE_GIVEN_AWAY = "edge_given_away"
    OFF_ITS_LEVEL = "off_its_level"
    LOST_TOO_MUCH = "lost_too_much"
    EXPOSURE_DIFFERS = "exposure_differs"
    CASH_DIFFERS = "cash_differs"
    RESULT_DIFFERS = "result_differs"
    NEGATIVE_BALANCE = "negative_balance"
    LEFT_OPEN = "left_open"


Found = tuple[Rule, str]
"""A rule that was broken, and what was seen."""
