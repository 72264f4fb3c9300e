"""Binance's refusals: codes, texts and HTTP statuses, the same over HTTP and websocket. Decides nothing.

Codes and texts are those of the venue's errors page (binance-spot-api-docs, errors.md).
"""


class BinanceError(Exception):
    """A request that the venue refuses. `retry_after_s` is told where waiting helps."""

    def __init__(self, code: int, message: str, status: int = 400, retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> dict[str, int | str]:
        """Return what the client is told."""
        return {"code": self.code, "msg": self.message}


def missing(name: str) -> BinanceError:
    """Refuse a request without a parameter that it needs."""
    return BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def neither(first: str, second: str) -> BinanceError:
    """Refuse a request that needs one of two parameters."""
    return BinanceError(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def illegal(name: str, legal: str) -> BinanceError:
    """Refuse a parameter's characters."""
    return BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def not_required(name: str) -> BinanceError:
    """Refuse a parameter that does not go with the others."""
    return BinanceError(-1106, f"Parameter '{name}' sent when not required.")


def invalid(name: str) -> BinanceError:
    """Refuse a parameter's value."""
    return BinanceError(-1130, f"Data sent for parameter '{name}' is not valid.")


def filter_failure(name: str) -> BinanceError:
    """Refuse an order that a filter of its symbol does not let pass."""
    return BinanceError(-1013, f"Filter failure: {name}")


def rejected(message: str) -> BinanceError:
    """Refuse a new order in the matching engine's words."""
    return BinanceError(-2010, message)


def unknown_order() -> BinanceError:
    """Refuse to cancel what is not there, or is over."""
    return BinanceError(-2011, "Unknown order sent.")


def bad_symbol() -> BinanceError:
    """Refuse a symbol that is not listed."""
    return BinanceError(-1121, "Invalid symbol.")
