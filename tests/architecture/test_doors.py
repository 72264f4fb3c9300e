"""Doors: some types may be made in one file only. Python cannot seal a constructor, so the source is read instead."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOORS = {"Approved": "liveguard/safety.py", "LivePermit": "liveguard/mode_gate.py"}
SOURCES = sorted(path for package in ("arbitrage", "liveguard") for path in (ROOT / package).rglob("*.py"))


def openings(source: str) -> Iterator[str]:
    """Yield each guarded type that a module makes: called, subscripted and called, renamed, or copied with changes."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=made):
                yield from _guarded(made)
                yield from (name for argument in node.args if _is_bypass(made) for name in _guarded(argument))
            case ast.alias(name=name, asname=str()) if name in DOORS:
                yield name
            case ast.Assign(value=value):
                yield from _guarded(value)


def _guarded(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in DOORS:
            yield name
        case ast.Subscript(value=value):
            yield from _guarded(value)


def _is_bypass(called: ast.expr) -> bool:
    # a guarded type handed to one of these is made by it
    return ast.unparse(called).rpartition(".")[2] in {"__new__", "__call__", "partial", "map"}


@pytest.mark.parametrize(("guarded", "door"), DOORS.items())
def test_a_guarded_type_is_made_behind_its_door_only(guarded, door):
    makers = {str(path.relative_to(ROOT)) for path in SOURCES if guarded in openings(path.read_text())}

    assert makers <= {door}


def test_the_gate_does_make_the_permit():
    assert "LivePermit" in openings((ROOT / DOORS["LivePermit"]).read_text())


@pytest.mark.parametrize(
    "source",
    [
        "Approved(plan)",
        "Approved[TwoLegPlan](plan)",
        "verdicts.Approved(plan)",
        "from arbitrage.domain.verdicts import Approved as Yes",
        "Yes = Approved",
        "Yes = verdicts.Approved[TwoLegPlan]",
        "object.__new__(Approved)",
        "make = partial(Approved, plan)",
    ],
)
def test_every_way_through_a_wall_is_seen(source):
    assert list(openings(source)) == ["Approved"]


@pytest.mark.parametrize(
    "source",
    ["def send(plan: Approved[TwoLegPlan]) -> None: ...", "isinstance(verdict, Approved)", "from a import Approved"],
)
def test_naming_a_type_is_not_making_it(source):
    assert list(openings(source)) == []
