"""A sandbox fault inside a scenario: finds every wrong field of it at once. What a fault means is the sandbox's."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec
from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from arbitrage.paper.written import number, truth, whole
from arbitrage.sandbox.faults import Fault

FAULT_SCHEMA: Final[dict[str, Any]] = {"title": "Fault", "type": "object"}
"""Stands in the models' schema where `schema` puts the definition of a fault."""

_FIELDS: Final = {field.name: field for field in msgspec.structs.fields(Fault)}
_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(("count", "status", "code"), whole),
    **dict.fromkeys(("probability", "s", "after_s"), number),
    "executed": truth,
}


def _fault(raw: Any) -> Fault:
    if isinstance(raw, Fault):
        return raw
    if not isinstance(raw, Mapping):
        raise PydanticCustomError("dict_type", "is not a mapping")
    problems = tuple(_problems(raw))
    if problems:
        raise PydanticCustomError("fault", "is no fault", {"problems": problems})
    try:
        return msgspec.convert({name: _read(name, value) for name, value in raw.items()}, Fault, strict=False)
    except msgspec.ValidationError as unfit:  # fields that do not go together
        raise PydanticCustomError("fault", "is no fault", {"problems": (("", str(unfit)),)}) from unfit


def _problems(raw: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Yield each wrong field with what is wrong with it."""
    if "kind" not in raw:
        yield "kind", "is missing"
    for name, value in raw.items():
        if name not in _FIELDS:
            yield str(name), "unknown field"
            continue
        try:
            msgspec.convert(_read(name, value), _FIELDS[name].type, strict=False)
        except msgspec.ValidationError:
            yield name, "does not fit"
        except ValueError as unfit:
            yield name, str(unfit)


def _read(name: str, value: Any) -> Any:
    return _READERS[name](value) if name in _READERS and value is not None else value


FaultRule = Annotated[Fault, PlainValidator(_fault), PlainSerializer(msgspec.to_builtins), WithJsonSchema(FAULT_SCHEMA)]
"""A fault in the sandbox's words (docs/sandbox.md)."""
