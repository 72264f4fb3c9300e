"""What is wrong with the fields of a scenario, in words: what was found, what is allowed. It checks nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

from arbitrage.paper.schema_words import allowed_at, fields_at, keys_at
from arbitrage.paper.yaml_tree import Place

_LONGEST: Final = 40  # characters of what a person wrote that a message repeats

_PHRASES: Final = (
    ("value_error", ""),
    ("greater_than", "is too small"),
    ("less_than", "is too large"),
    ("finite_number", "is not finite"),
    ("int", "is not a whole number"),
    ("float", "is not a number"),
    ("decimal", "is not a number"),
    ("string_too", "has the wrong length"),
    ("string_type", "is no text"),
    ("enum", "is unknown"),
    ("literal", "is unknown"),
    ("list_type", "is not a list"),
    ("dict_type", "is not a mapping"),
    ("model_type", "is not a mapping"),
    ("too_short", "is too short"),
    ("too_long", "is too long"),
)
"""Words for pydantic's error types, by how these begin; the first that fits."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A place and what is wrong there."""

    place: Place
    text: str


def problems_of(data: Any, unfit: ValidationError) -> Iterator[Problem]:
    """Yield each field that does not fit, once."""
    found: dict[Place, list[Any]] = {}
    for error in unfit.errors(include_url=False, include_input=False):
        found.setdefault(_place(data, error), []).append(error)
    around = {place[:length] for place in found for length in range(len(place))}
    for place, errors in found.items():
        # of a choice of forms, the one that was tried in earnest says more than that the others do not fit
        if place not in around:
            yield from _problems_at(data, place, errors)


def unknown(kind: str, name: str, known: list[str]) -> str:
    """Return the complaint about a name that is not among the known ones."""
    near = get_close_matches(name[:_LONGEST], known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ";"
    return f"unknown {kind}{meant} allowed: {', '.join(known)}"


def shown(value: Any) -> str:
    """Return what a person wrote: cut, and escaped."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    return f"{text[:_LONGEST]!a}" + "…" * (len(text) > _LONGEST)


def _problems_at(data: Any, place: Place, errors: list[Any]) -> Iterator[Problem]:
    error = errors[0]
    if error["type"] == "fault":
        for name, what in error["ctx"]["problems"]:
            if name:
                yield Problem((*place, name), _text(data, (*place, name), what))
            else:
                yield Problem(place, f"{what}; allowed: what docs/sandbox.md says of this kind")
    elif "[key]" in error["loc"]:
        yield Problem(place, unknown("key", str(place[-1]), keys_at(place[:-1])))
    else:
        phrases = {_phrase(error) for error in errors}
        yield Problem(place, _text(data, place, phrases.pop() if len(phrases) == 1 else "does not fit"))


def _text(data: Any, place: Place, what: str) -> str:
    if what == "unknown field":
        return unknown("field", str(place[-1]), fields_at(place[:-1]))
    found = "" if what == "is missing" else f"{shown(_at(data, place))} "
    return f"{found}{what}; allowed: {allowed_at(place)}"


def _phrase(error: Any) -> str:
    kind: str = error["type"]
    exact = {"missing": "is missing", "extra_forbidden": "unknown field"}.get(kind)
    words = exact or next((words for start, words in _PHRASES if kind.startswith(start)), "does not fit")
    return words or str(error["ctx"]["error"])


def _place(data: Any, error: Any) -> Place:
    """Return the way to what is wrong: pydantic's, without the names of the forms that it tried."""
    place: list[str | int] = []
    for key in error["loc"]:
        if _has(data, key):
            place.append(key)
            data = data[key]
    return (*place, error["loc"][-1]) if error["type"] == "missing" else tuple(place)


def _at(data: Any, place: Place) -> Any:
    for key in place:
        data = data[key]
    return data


def _has(data: Any, key: Any) -> bool:
    if isinstance(data, list):
        return isinstance(key, int) and 0 <= key < len(data)
    return isinstance(data, Mapping) and key in data
