"""How numbers, texts and times are written in a scenario: types for its models. YAML's own traps end here."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from arbitrage.domain.guarding import LatchKind

_NUMBER: Final = re.compile(r"[+-]?(0|[1-9]\d{0,24})(\.\d{0,24})?([eE][+-]?\d{1,2})?|[+-]?\.\d{1,24}", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_TRUTH: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class Written(BaseModel):
    """A part of a scenario: frozen, without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def number(raw: Any) -> Any:
    """Return what may be a number. Raises ValueError for a text that is none.

    There is one way to write it: 1_000, 0x10, 010 (eight, to YAML), 12:30:00 (45000, to YAML) and .inf are none.
    """
    if isinstance(raw, bool) or (isinstance(raw, str) and not _NUMBER.fullmatch(raw)):
        raise ValueError("is not a number")
    return raw


def whole(raw: Any) -> Any:
    """Return what may be a whole number, 1e3 and 3.0 among them. Raises ValueError for a text that is none."""
    if not isinstance(number(raw), str):
        return raw
    exact = Decimal(raw)
    if exact != exact.to_integral_value():
        raise ValueError("is not a whole number")
    return int(exact)


def truth(raw: Any) -> bool:
    """Return yes or no. Raises ValueError for any other word."""
    word = str(raw).lower() if isinstance(raw, bool | str) else ""
    if word not in _TRUTH:
        raise ValueError("is neither true nor false")
    return _TRUTH[word]


def _moment(raw: Any) -> Any:
    # bare numbers would be taken for seconds since 1970
    if not isinstance(raw, datetime) and not (isinstance(raw, str) and _MOMENT.fullmatch(raw)):
        raise ValueError("is no date and time with its offset")
    return raw


def _of_this_century(moment: datetime) -> datetime:
    if not _FIRST <= moment < _LAST:
        raise ValueError("is not between the years 2000 and 2100")
    return moment


def _printable(text: str) -> str:
    if not all(line.isprintable() for line in text.replace("\t", " ").split("\n")):
        raise ValueError("has characters that cannot be shown")
    return text


def _one_line(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("is not one line of text that can be shown")
    return text


def _upbits_own(market: str) -> str:
    return f"KRW-{market.removesuffix('/KRW')}" if "/" in market else market


def _binances_own(market: str) -> str:
    return market.replace("/", "")


Flag = Annotated[bool, BeforeValidator(truth)]
Float = Annotated[float, BeforeValidator(number)]
Exact = Annotated[Decimal, BeforeValidator(number)]
Whole = Annotated[int, BeforeValidator(whole)]

MOST_S: Final = 6 * 86_400
"""How long a scenario may last: the virtual loop takes a week without an end for a mistake."""

Seconds = Annotated[Float, Field(ge=0, le=MOST_S, allow_inf_nan=False)]
Price = Annotated[Float, Field(ge=0, le=1e12, allow_inf_nan=False)]
"""May be zero, and a bid may be above its ask: what a venue sends by mistake is worth a scenario."""
Size = Annotated[Float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Amount = Annotated[Exact, Field(ge=Decimal("-1e15"), le=Decimal("1e15"), allow_inf_nan=False)]
Holding = Annotated[Exact, Field(ge=0, le=Decimal("1e15"), allow_inf_nan=False)]
Share = Annotated[Exact, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[Whole, Field(ge=0, le=10**9)]
Milliseconds = Annotated[Float, Field(ge=0, le=60_000, allow_inf_nan=False)]
FrameGap = Annotated[Whole, Field(ge=10, le=60_000)]

Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_one_line)]
Text = Annotated[str, Field(max_length=10_000), AfterValidator(_printable)]
Reason = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
UpbitMarket = Annotated[
    str, Field(pattern=r"^(KRW-[A-Z0-9]{2,15}|[A-Z0-9]{2,15}/KRW)$", examples=["KRW-BTC"]), AfterValidator(_upbits_own)
]
BinanceMarket = Annotated[
    str, Field(pattern=r"^[A-Z0-9]{2,11}/?USDT$", examples=["BTCUSDT"]), AfterValidator(_binances_own)
]
Code = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,15}$", examples=["BTC"])]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,15}(-[A-Z0-9]{2,15})?$", examples=["KRW-BTC", "BTCUSDT"])]
LatchName = Annotated[
    str, Field(pattern=rf"^({'|'.join(LatchKind)})(:[A-Z0-9]{{2,15}})?$", examples=[*LatchKind, "implausible_edge:BTC"])
]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_moment),
    AfterValidator(_of_this_century),
    Field(examples=["2026-11-22T12:00:00+09:00"]),
]
