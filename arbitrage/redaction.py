"""Takes secrets out of text: those that were named at the start, wherever they stand, and what looks like one.

It keeps the named ones for as long as the process lives, as nothing else of the log may; it writes nothing.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, Protocol, runtime_checkable
from urllib.parse import quote, urlsplit

REDACTED: Final = "[redacted]"

SHORTEST: Final = 6
"""What is shorter cannot be told from an ordinary word, and is not taken out by itself."""

PIECE: Final = 8
"""So many characters of a long secret, its first or its last ones, are the secret: texts are cut by many hands."""

_LOOKS_RANDOM: Final = re.compile(r"(?=.*\d).{8,}|.{16,}")  # a part of an address that is no plain word
_NAMED: Final = r"signature|api_?key|secret_?key|access_?key|listen_?key|secret|token|password|passwd|jwt"
_QUOTES: Final = r"[\"'\\]{0,3}"
_BYTES: Final = r"(?:b(?=[\"']))?"
_LOOKS_SECRET: Final = re.compile(
    rf"((?:proxy-)?authorization{_QUOTES}\s?[=:,]\s?{_BYTES}{_QUOTES}(?:(?:bearer|basic|digest|token)\s)?)[^\s\"',;}}]+"
    rf"|((?:{_NAMED}){_QUOTES}\s?(?:[=:]|%3d)\s?{_BYTES}{_QUOTES})[^\s&\"',;}})\\]+"
    rf"|((?:{_NAMED})[\"'],\s?{_BYTES}[\"'])[^\"']+"  # a header as a pair
    r"|((?:bearer|basic)\s)[\w.~+/=-]{8,}"
    r"|(://[^\s/@:]*:)[^\s/@]+(?=@)"
    r"|\beyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)?",  # a JSON web token begins with {" in base64 (RFC 7519)
    re.IGNORECASE,
)
_HINTS: Final = ("sign", "key", "secret", "token", "passw", "jwt", "auth", "bearer", "basic", "://", "eyj")
"""Without one of these the patterns find nothing; looking for them is ten times as quick."""

_SECRET_NAME: Final = re.compile(
    r"secret|token|signature|passw|authorization|apikey|alert_urls|(^|[_-])key($|[_-])", re.IGNORECASE
)
_NAMES_A_FILE: Final = re.compile(r"_(FILE|PATH|DIR)$", re.IGNORECASE)

_known: list[str] = []  # the longest first: one may be a part of another


@runtime_checkable
class Hidden(Protocol):
    """A value that does not show itself, as pydantic's SecretStr."""

    def get_secret_value(self) -> str:
        """Return the value itself."""
        ...


def conceal(secrets: Iterable[str]) -> None:
    """Name secrets that no text of ours may show from now on; addresses count with what is secret of their parts."""
    found = {form for secret in secrets for form in _forms(secret.strip())}
    _known[:] = sorted(found.union(_known), key=lambda form: (-len(form), form))


def conceal_settings(settings: Iterable[tuple[str, object]]) -> None:
    """Name every secret among named values, as pydantic's settings have them."""
    conceal(value.get_secret_value() for _, value in settings if isinstance(value, Hidden))


def conceal_environment(environ: Mapping[str, str]) -> None:
    """Name as secrets the values of all variables whose name says that they are."""
    conceal(text for name, text in environ.items() if is_secret_name(name) and not _NAMES_A_FILE.search(name))


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Tell whether what goes by this name is a secret."""
    return _SECRET_NAME.search(name) is not None


def redact(text: str) -> str:
    """Return a text without secrets."""
    for secret in _known:
        text = text.replace(secret, REDACTED)
        if len(secret) >= 2 * PIECE:
            text = _without_pieces(text, secret)
    lower = text.lower()
    return _LOOKS_SECRET.sub(_hidden, text) if any(hint in lower for hint in _HINTS) else text


def _without_pieces(text: str, secret: str) -> str:
    """Take out beginnings and ends of a secret, as far as each of them goes."""
    head, tail = secret[:PIECE], secret[-PIECE:]
    while (start := text.find(head)) >= 0:
        end = start + PIECE
        while end - start < len(secret) and text[end : end + 1] == secret[end - start]:
            end += 1
        text = f"{text[:start]}{REDACTED}{text[end:]}"
    while (found := text.find(tail)) >= 0:
        start, end = found, found + PIECE
        while start > 0 and end - start < len(secret) and text[start - 1] == secret[-(end - start) - 1]:
            start -= 1
        text = f"{text[:start]}{REDACTED}{text[end:]}"
    return text


def _forms(secret: str) -> Iterable[str]:
    """Yield a secret, what is secret of an address, and the other ways in which a library may write either."""
    for part in {secret, *_parts(secret)}:
        if len(part) >= SHORTEST:
            yield from (part, quote(part, safe=""), b64encode(part.encode()).decode())


def _parts(addresses: str) -> Iterable[str]:
    for address in re.split(r"[\s,]+(?=[\w+.-]+://)", addresses if "://" in addresses else ""):
        yield address
        try:
            parts = urlsplit(address)
        except ValueError:  # no address: then it is a secret as a whole
            continue
        yield parts.password or ""
        spoken = [part for part in re.split(r"[/&=?:@]", address) if not ("." in part and part in parts.netloc)]
        yield from (part for part in spoken if _LOOKS_RANDOM.fullmatch(part))


def _hidden(found: re.Match[str]) -> str:
    return f"{next((part for part in found.groups() if part), '')}{REDACTED}"
