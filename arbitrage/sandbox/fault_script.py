"""Reads what is to go wrong from a YAML file: faults, and knobs to turn. Typed; every error is one line."""

from pathlib import Path
from typing import Any, Final

import msgspec

from arbitrage.domain.errors import ConfigurationError
from arbitrage.sandbox.fault_plan import MOST_RULES
from arbitrage.sandbox.faults import Fault
from arbitrage.sandbox.knob_changes import KnobChange

LARGEST_FILE: Final = 1_000_000
"""Bytes of a file that people write."""


class Script(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rehearsal: a seed for its chances, faults in the order in which they are asked, and knobs to turn."""

    seed: int | None = None
    faults: list[Fault] = []
    knobs: list[KnobChange] = []


def read_script(path: Path) -> Script:
    """Read a fault script. Raises ConfigurationError naming the file and the field."""
    script: Script = read_yaml(path, Script)
    if len(script.faults) > MOST_RULES:
        raise ConfigurationError(f"{path}: more than {MOST_RULES} faults")
    return script


def read_yaml(path: Path, wanted: Any) -> Any:
    """Read a YAML file as a type. Raises ConfigurationError with one line that names the file and the field."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:
            raise ConfigurationError(f"{path}: larger than {LARGEST_FILE} bytes")
        return msgspec.yaml.decode(text, type=wanted)
    except OSError as e:
        raise ConfigurationError(f"{path}: {e.strerror or e}") from e
    except (ValueError, ArithmeticError, RecursionError) as e:
        raise ConfigurationError(f"{path}: {one_line(e)}") from e


def one_line(error: Exception) -> str:
    """Return an error's text as one line of bounded length."""
    return " ".join(str(error).split())[:300] or type(error).__name__
