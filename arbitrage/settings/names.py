"""Misspelt names: a variable that nobody reads must not be silence. It looks at names only, never at values."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from arbitrage.domain.errors import ConfigurationError

OUR_PREFIXES: Final = ("RISK_", "UPBIT_", "BINANCE_", "SHADOW_")
"""What starts like this is meant for us, so it has to be a name that we know."""

_SHORT: Final = 5  # in so short a name another letter makes another word: STAGE is not a misspelt STATE


def refuse_misspelt(names: Iterable[str], known: Iterable[str]) -> None:
    """Raise ConfigurationError for the names that look like ours but are not, with what was probably meant."""
    known = sorted(known)
    strange = [(name, _meant(name, known)) for name in sorted(set(names).difference(known))]
    complaints = [_complaint(name, meant) for name, meant in strange if meant or name.upper().startswith(OUR_PREFIXES)]
    if complaints:
        raise ConfigurationError("; ".join(complaints))


def is_one_edit(written: str, known: str) -> bool:
    """Tell whether one letter was left out, added, swapped with its neighbour or, in a longer name, mistaken."""
    if len(written) != len(known):
        shorter, longer = sorted((written, known), key=len)
        return any(longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer)))
    wrong = [at for at in range(len(known)) if written[at] != known[at]]
    if len(wrong) == 1:
        return len(known) > _SHORT
    swapped = [known[at] for at in reversed(wrong)] == [written[at] for at in wrong]
    return len(wrong) == 2 and wrong[1] == wrong[0] + 1 and swapped


def _meant(name: str, known: list[str]) -> str:
    upper = name.upper() if len(name) > _SHORT else name
    if upper in known:
        return upper
    near = [name_of_ours for name_of_ours in known if is_one_edit(upper, name_of_ours)]
    if near or not upper.startswith(OUR_PREFIXES):
        return near[0] if near else ""
    return next(iter(get_close_matches(upper, known, n=1, cutoff=0.75)), "")


def _complaint(name: str, meant: str) -> str:
    shown = name if name.isprintable() and len(name) <= 64 else f"{name[:64]!a}…"
    return f"{shown}: unknown; did you mean {meant}?" if meant else f"{shown}: unknown variable"
