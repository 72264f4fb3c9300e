"""Makes what is logged safe to read: one event stays one line, and no secret gets through. It writes nothing.

What a venue or a person sends may hold line ends, terminal escapes, text that runs backwards, or a key.
"""

from collections.abc import MutableMapping
from typing import Any, Final

from arbitrage.redaction import REDACTED, is_secret_name, redact

TEXT_LIMIT: Final = 500
TRACE_LIMIT: Final = 8_000


def clean_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Clean an event's names and values; a structlog processor."""
    return {clean_text(name): _clean_field(name, value) for name, value in event.items()}


def clean_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Take secrets out of a text, cut it to `limit` characters, and escape what does not print."""
    text = redact(text[: limit * 4])  # before the cut: half a secret is one too
    if len(text) > limit:
        text = text[:limit] + "…"
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def _clean_field(name: str, value: object) -> object:
    if is_secret_name(name):
        return REDACTED
    if name == "exception":
        return clean_text(str(value), TRACE_LIMIT)
    return _clean(value)


def _clean(value: object) -> object:
    match value:
        case str():
            return clean_text(value)
        case None | bool() | int() | float():
            return value
        case dict():
            return {clean_text(str(name)): _clean_field(str(name), held) for name, held in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(held) for held in value]
    return REDACTED if hasattr(value, "get_secret_value") else clean_text(_told(value))


def _told(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a log line must not end the run, whatever an object's text does
        return f"<{type(value).__name__}: no text, {type(error).__name__}>"


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
