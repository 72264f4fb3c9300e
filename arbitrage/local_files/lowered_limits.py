"""The limits that a person lowered while the daemon ran: they outlive a crash, and end when a person ends the run.

It never makes a limit looser, and judges nothing.
"""

from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec
import structlog

from arbitrage.local_files.durable import read_bounded, replace_file
from liveguard.risk_limits import RiskLimits

log = structlog.get_logger()

MOST_BYTES: Final = 100_000

_decoder: Final = msgspec.json.Decoder(dict[str, Decimal])


class LoweredLimits:
    """The file that holds all limits as they stood after the last one was lowered."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, limits: RiskLimits) -> None:
        """Write the limits down. What cannot be written is told, and holds until the process ends."""
        values = {name: str(value) for name, value in asdict(limits).items()}
        try:
            replace_file(self._path, msgspec.json.format(msgspec.json.encode(values), indent=1) + b"\n")
        except OSError as failure:
            log.error("lowered_limits_not_written", reason=failure.strerror)

    def over(self, limits: RiskLimits) -> RiskLimits:
        """Return limits, each at least as strict as in the file. A file that cannot be read is told, and not obeyed."""
        try:
            held = _decoder.decode(read_bounded(self._path, MOST_BYTES))
        except FileNotFoundError:
            return limits
        except (OSError, ValueError) as failure:
            log.error("lowered_limits_not_read", path=str(self._path), reason=str(failure))
            return limits
        for name, value in held.items():
            try:
                limits = limits.lowered(name, value)
            except ValueError:  # as strict as that already, or no limit any more
                continue
            log.warning("limit_still_lowered", limit=name, value=str(value))
        return limits

    def forget(self) -> None:
        """Let the configured limits hold again. Raises OSError if the file stays."""
        self._path.unlink(missing_ok=True)
