"""The JSON Schema of a scenario, for editors and for messages. It describes the models; it decides nothing."""

import json
import re
from copy import deepcopy
from functools import cache
from typing import Any, Final

import msgspec
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from arbitrage.paper.fault_rule import FAULT_SCHEMA
from arbitrage.paper.scenario import Scenario
from arbitrage.sandbox.faults import Fault
from liveguard.risk_limits import RiskLimits

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_BOUNDS: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
"""What pydantic calls them where a validator stands before them."""

_A_FIELD: Final = re.compile(r"^ +([a-z]\w*) +(\S.*)$", re.MULTILINE)
"""A line of a docstring that says what one field means."""


class _Plain(GenerateJsonSchema):
    """Writes a Decimal as the number that people write, and no titles that repeat the names."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Return a number; its bounds stand beside it."""
        return {"type": "number"}

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return no: a name of its own is title enough."""
        return False


@cache
def _schema() -> dict[str, Any]:
    made = Scenario.model_json_schema(schema_generator=_Plain)
    _, of_faults = msgspec.json.schema_components((Fault,), ref_template="#/$defs/{name}")
    made["$defs"] = dict(sorted({**of_faults, **made["$defs"]}.items()))
    for name, documented in (("RiskProfile", RiskLimits), ("Fault", Fault)):
        _explain(made["$defs"][name], documented)
    return {"$schema": _DIALECT, **_tidied_fields(made)}


def schema() -> dict[str, Any]:
    """Return the schema: a copy, for whoever wants to change it."""
    return deepcopy(_schema())


def schema_text() -> str:
    """Return the text of docs/scenario.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _explain(part: dict[str, Any], documented: type) -> None:
    """Give each field the line that the class's docstring has for it, and the whole its first sentence."""
    text = documented.__doc__ or ""
    part["description"] = f"{text.partition('.')[0]}."
    meanings = dict(_A_FIELD.findall(text))
    for name, field in part["properties"].items():
        if name in meanings:
            field.setdefault("description", meanings[name])


def _tidied(node: Any) -> Any:
    if node == FAULT_SCHEMA:
        return {"$ref": "#/$defs/Fault"}
    if isinstance(node, dict):
        return _tidied_fields(node)
    return [_tidied(part) for part in node] if isinstance(node, list) else node


def _tidied_fields(node: dict[str, Any]) -> dict[str, Any]:
    """Give bounds their standard names, and leave out that a value may be null: a field is written or not."""
    tidy = {_BOUNDS.get(name, name): _tidied(part) for name, part in node.items() if (name, part) != ("default", None)}
    tidy.update({name: float(tidy[name]) for name in _BOUNDS.values() if name in tidy})
    kinds = [kind for kind in tidy.pop("anyOf", ()) if kind != {"type": "null"}]
    return {**kinds[0], **tidy} if len(kinds) == 1 else {**tidy, "anyOf": kinds} if kinds else tidy
