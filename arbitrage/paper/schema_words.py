"""What is allowed at a place of a scenario, in words, out of its schema. Nothing is checked here."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from arbitrage.paper.schema import schema
from arbitrage.paper.yaml_tree import Place

Form = dict[str, Any]
"""One of the forms that a value may have: a part of the schema without references and choices."""


def allowed_at(place: Place) -> str:
    """Return what may stand at a place: `0 to 1e12`, `one of …`, `such as …`."""
    return ", or ".join(dict.fromkeys(_words(form) for form in _forms_at(place))) or "nothing"


def fields_at(place: Place) -> list[str]:
    """Return the fields that a place knows."""
    return sorted(name for form in _forms_at(place) for name in form.get("properties", ()))


def keys_at(place: Place) -> list[str]:
    """Return the keys that a place knows, or an example of one."""
    return [key for form in _forms_at(place) for key in _keys(form)]


@cache
def _whole() -> Form:
    return schema()


def _forms_at(place: Place) -> list[Form]:
    forms = list(_forms(_whole()))
    for key in place:
        forms = [inner for form in forms for part in _below(form, key) for inner in _forms(part)]
    return forms


def _forms(part: Form) -> Iterator[Form]:
    if "$ref" in part:
        yield from _forms(_whole()["$defs"][part["$ref"].rpartition("/")[2]])
    elif "anyOf" in part:
        for choice in part["anyOf"]:
            yield from _forms(choice)
    else:
        yield part


def _below(form: Form, key: str | int) -> Iterator[Form]:
    if isinstance(key, int):
        ahead = form.get("prefixItems", [])
        if key < len(ahead):
            yield ahead[key]
        elif "items" in form:
            yield form["items"]
    elif key in form.get("properties", {}):
        yield form["properties"][key]
    else:
        yield from form.get("patternProperties", {}).values()
        if isinstance(form.get("additionalProperties"), dict):
            yield form["additionalProperties"]


def _words(form: Form) -> str:
    if "enum" in form or "const" in form:
        choices = [str(choice) for choice in form.get("enum", [form.get("const")])]
        return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0] or "''"
    kind = form.get("type", "")
    return _KINDS[kind](form) if kind in _KINDS else _mapping(form)


def _range(form: Form) -> str:
    low, over = form.get("minimum"), form.get("exclusiveMinimum")
    high, under = form.get("maximum"), form.get("exclusiveMaximum")
    least = f"above {_number(over)}" if low is None and over is not None else _number(low)
    most = f"below {_number(under)}" if high is None and under is not None else _number(high)
    joint = " and " if "below" in most else " up to " if "above" in least else " to "
    return f"{least}{joint}{most}" if most else least or "a number"


def _number(bound: float | None) -> str:
    if bound is None:
        return ""
    whole = bound == int(bound) and abs(bound) < 1e9
    return f"{bound:.0f}" if whole else f"{bound:g}".replace("e+0", "e").replace("e+", "e")


def _text(form: Form) -> str:
    if "examples" in form:
        return f"such as {', '.join(form['examples'])}"
    return f"a text{_lengths(form, 'Length', 'characters')}"


def _lengths(form: Form, of: str, unit: str) -> str:
    least, most = form.get(f"min{of}", 0), form.get(f"max{of}")
    return f" of {least} to {most} {unit}" if most else ""


def _mapping(form: Form) -> str:
    names = sorted(form.get("properties", ())) or _keys(form)
    return f"a mapping of {', '.join(names)}"


def _keys(form: Form) -> list[str]:
    names = _forms(form.get("propertyNames", {}))
    return [str(key) for name in names for key in name.get("enum") or name.get("examples", ())]


_KINDS: Final[dict[str, Callable[[Form], str]]] = {
    "number": _range,
    "integer": lambda form: f"a whole number, {_range(form)}",
    "boolean": lambda _: "true or false",
    "string": _text,
    "array": lambda form: f"a list{_lengths(form, 'Items', 'items')}",
}
