"""The schema in docs/: up to date, whole, and of one mind with the reader about every scenario of the library."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from arbitrage.paper.reading import read_scenario
from arbitrage.paper.schema import schema, schema_text

ROOT = Path(__file__).parents[3]
LIBRARY = sorted((ROOT / "tests" / "scenarios").glob("*.yaml"))
FIRST_LINE = "# yaml-language-server: $schema=../../docs/scenario.schema.json"


class Editor(yaml.SafeLoader):
    """YAML as editors read it (1.2): a date is a text."""


Editor.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def test_the_schema_in_docs_is_that_of_the_models() -> None:
    text = (ROOT / "docs" / "scenario.schema.json").read_text(encoding="utf-8")

    assert text == schema_text(), "write it anew; docs/scenarios.md says how"


def test_every_reference_leads_somewhere_and_every_definition_is_used() -> None:
    leads = {part["$ref"].removeprefix("#/$defs/") for part in parts(schema()) if "$ref" in part}

    assert leads == set(schema()["$defs"])


def test_bounds_have_their_standard_names_and_nothing_is_null() -> None:
    names = {name for part in parts(schema()) for name in part if isinstance(part.get("type"), str)}

    assert not names & {"ge", "gt", "le", "lt"}
    assert not [part for part in parts(schema()) if part.get("type") == "null"]


def test_every_field_of_a_fault_is_explained() -> None:
    assert all("description" in field or "$ref" in field for field in schema()["$defs"]["Fault"]["properties"].values())


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_a_scenario_of_the_library_is_right_for_reader_and_editor(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    read = read_scenario(path)

    assert text.startswith(FIRST_LINE)
    assert read.name
    assert len(read.description) >= 40, "a scenario says what it teaches"
    assert list(misfits(yaml.load(text, Editor), schema())) == []


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("a missing field", {"symbols": {"upbit": "KRW-A1"}}),
        ("an unknown field", {"steps": [{"t": 0, "x": 1}]}),
        ("a bound", {"steps": [{"t": -1}]}),
        ("a pattern", {"symbols": {"upbit": "krw", "binance": "A1USDT"}}),
        ("an empty list", {"steps": []}),
        ("a word for a number", {"seed": "many"}),
        ("a number for a yes", {"steps": [{"t": 0, "stop": 1}]}),
        ("an unknown code", {"expected_outcomes": {"refusals": {"latchd": 1}}}),
        ("an unknown fault", {"faults": [{"kind": "drop"}]}),
    ],
)
def test_the_schema_finds(case: str, change: dict[str, Any]) -> None:
    good = {"name": "n", "symbols": {"upbit": "KRW-A1", "binance": "A1USDT"}, "steps": [{"t": 0}]}

    assert list(misfits(good, schema())) == []
    assert list(misfits(good | change, schema())), case


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping of a schema."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from parts(inner)


def misfits(value: Any, form: dict[str, Any]) -> Iterator[str]:
    """Yield what does not fit: as much of JSON Schema as ours uses."""
    if "$ref" in form:
        yield from misfits(value, schema()["$defs"][form["$ref"].removeprefix("#/$defs/")])
    if "anyOf" in form and all(list(misfits(value, choice)) for choice in form["anyOf"]):
        yield f"{value!r} is none of the choices"
    if "enum" in form and value not in form["enum"]:
        yield f"{value!r} is not among {form['enum']}"
    if "type" in form:
        types, within = KINDS[form["type"]]
        if isinstance(value, types) and isinstance(value, bool) is (types is bool):
            yield from within(value, form)
        else:
            yield f"{value!r} is no {form['type']}"


def of_number(value: float, form: dict[str, Any]) -> Iterator[str]:
    least, most = form.get("minimum", value), form.get("maximum", value)
    if not least <= value <= most or value <= form.get("exclusiveMinimum", value - 1):
        yield f"{value} is out of bounds"


def of_text(value: str, form: dict[str, Any]) -> Iterator[str]:
    if not re.search(form.get("pattern", ""), value):
        yield f"{value!r} does not match"


def of_list(value: list[Any], form: dict[str, Any]) -> Iterator[str]:
    if len(value) < form.get("minItems", 0):
        yield "too short"
    for item, wanted in zip(value, form.get("prefixItems") or [form["items"]] * len(value), strict=True):
        yield from misfits(item, wanted)


def of_mapping(value: dict[str, Any], form: dict[str, Any]) -> Iterator[str]:
    yield from (f"{name} is missing" for name in form.get("required", ()) if name not in value)
    for name, inner in value.items():
        patterns = (part for pattern, part in form.get("patternProperties", {}).items() if re.search(pattern, name))
        wanted = form.get("properties", {}).get(name) or next(patterns, form.get("additionalProperties", {}))
        if wanted is False:
            yield f"{name} is unknown"
        else:
            yield from misfits(inner, wanted)
        yield from misfits(name, form.get("propertyNames", {}))


KINDS: dict[str, tuple[Any, Callable[[Any, dict[str, Any]], Iterator[str]]]] = {
    "string": (str, of_text),
    "number": (int | float, of_number),
    "integer": (int, of_number),
    "boolean": (bool, lambda *_: iter(())),
    "array": (list, of_list),
    "object": (dict, of_mapping),
}
