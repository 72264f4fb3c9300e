"""The mode gate: evidence in, decision out, with a reason for every layer. It reads nothing and sends nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from arbitrage.domain.errors import ArbitrageError
from liveguard.risk_limits import RiskLimits

API_KEYS: Final = ("UPBIT_API_KEY", "UPBIT_SECRET_KEY", "BINANCE_API_KEY", "BINANCE_SECRET_KEY")
"""The keys without which there is no Live; all four."""

ARM_PHRASE: Final = "I arm live trading with real money"
"""What a line of the file named by LIVE_ARM_FILE must say, if that variable is set."""

_YES: Final = frozenset({"true", "1", "yes", "on"})
_NO: Final = frozenset({"false", "0", "no", "off"})
_LONGEST_SHOWN: Final = 16  # a longer text is no misspelt yes; it may be a key pasted into the wrong line


class Mode(StrEnum):
    """What happens to an order: simulated, followed but never sent, sent."""

    PAPER = "paper"
    SHADOW = "shadow"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class ArmFile:
    """What was found at the path in LIVE_ARM_FILE; `text` is None if there is no file that can be read."""

    path: str
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateEvidence:
    """What the gate looks at: the flags as they were written (None: unset), and what else there is.

    `limits` is None where they are not given or not usable, and then `limits_problem` says what is wrong with them.
    """

    paper_mode: str | None = None
    live_mode: str | None = None
    safety_mode: str | None = None
    dry_run: str | None = None
    keys_present: frozenset[str] = frozenset()
    limits: RiskLimits | None = None
    limits_problem: str = "not given"
    arm_file: ArmFile | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One condition of Live: whether it holds, what was seen, and what to set if it does not hold."""

    name: str
    passed: bool
    seen: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.seen}; {self.fix}" if self.fix else f"{self.name}: {self.seen}"


@dataclass(frozen=True, slots=True)
class ModeDecision:
    """The mode, and every layer of the gate with its verdict."""

    mode: Mode
    layers: tuple[Layer, ...]

    @property
    def unmet(self) -> tuple[Layer, ...]:
        """Return the layers that keep us from Live."""
        return tuple(layer for layer in self.layers if not layer.passed)


class NotLive(ArbitrageError):
    """Live was asked for and may not be; carries every layer that is not met. Ends a command with exit code 3."""

    def __init__(self, unmet: tuple[Layer, ...]) -> None:
        super().__init__(f"not live: {' · '.join(map(str, unmet))}")
        self.unmet = unmet


class NotWired(ArbitrageError):
    """The gate decided for a mode that this version cannot run: it must not run as another. Exit code 3."""

    def __init__(self, mode: Mode) -> None:
        super().__init__(f"the gate says {mode}, but there are no scenarios yet; unset PAPER_MODE to run Shadow Live")


@dataclass(frozen=True, slots=True)
class LivePermit:
    """The right to send orders, within these limits. Only `issue_live_permit` makes one."""

    limits: RiskLimits


def decide(evidence: GateEvidence) -> ModeDecision:
    """Ask every layer and name the mode: Paper if asked for, Live if nothing is missing, else Shadow."""
    layers = tuple(_layers(evidence))
    if _understood(evidence.paper_mode) is True:
        mode = Mode.PAPER
    elif all(layer.passed for layer in layers):
        mode = Mode.LIVE
    else:
        mode = Mode.SHADOW
    return ModeDecision(mode, layers)


def issue_live_permit(evidence: GateEvidence) -> LivePermit:
    """Grant the right to send orders. Raises NotLive with every unmet layer."""
    decision = decide(evidence)
    if decision.mode is not Mode.LIVE or evidence.limits is None:
        raise NotLive(decision.unmet)
    return LivePermit(evidence.limits)


def _layers(evidence: GateEvidence) -> Iterator[Layer]:
    yield _flag("PAPER_MODE", evidence.paper_mode, default=False, wanted=False)
    yield _flag("LIVE_MODE", evidence.live_mode, default=False, wanted=True)
    yield _flag("SAFETY_MODE", evidence.safety_mode, default=True, wanted=True)
    yield _flag("DRY_RUN", evidence.dry_run, default=True, wanted=False)
    yield _keys(evidence.keys_present)
    yield _limits(evidence)
    if evidence.arm_file is not None:
        yield _arm(evidence.arm_file)


def _flag(name: str, text: str | None, *, default: bool, wanted: bool) -> Layer:
    if text is None:
        passed, seen = default is wanted, f"not set, which means {_word(default)}"
    else:
        meaning = _understood(text)
        passed, seen = meaning is wanted, _seen(text, meaning)
    return Layer(name, passed, seen, "" if passed else f"set {name}={_word(wanted)}")


def _keys(present: frozenset[str]) -> Layer:
    missing = [name for name in API_KEYS if name not in present]
    if not missing:
        return Layer("API_KEYS", True, "all four given")
    return Layer("API_KEYS", False, f"missing {', '.join(missing)}", "set them, or the same names with _FILE")


def _limits(evidence: GateEvidence) -> Layer:
    if evidence.limits is not None:
        return Layer("RISK_LIMITS", True, "given and valid")
    fix = "set RISK_MAX_POSITION_SIZE and RISK_MAX_DAILY_LOSS (KRW); every limit must be above zero"
    return Layer("RISK_LIMITS", False, evidence.limits_problem, fix)


def _arm(file: ArmFile) -> Layer:
    if file.text is None:
        seen = "names no file that can be read"
    elif ARM_PHRASE in (line.strip() for line in file.text.splitlines()):
        return Layer("LIVE_ARM_FILE", True, "holds the phrase")
    else:
        seen = "the file does not hold the phrase"
    return Layer("LIVE_ARM_FILE", False, seen, f"write the line '{ARM_PHRASE}' into {file.path or 'the file it names'}")


def _understood(text: str | None) -> bool | None:
    # blanks are not cut off: a text that is not exactly one of the words is not understood, and never leads to Live
    word = (text or "").lower()
    return True if word in _YES else False if word in _NO else None


def _seen(text: str, meaning: bool | None) -> str:
    if meaning is not None:
        return text if text == _word(meaning) else f"{text}, which means {_word(meaning)}"
    if len(text) > _LONGEST_SHOWN:
        return f"a text of {len(text)} characters, which is neither yes nor no"
    return f"{text!a}, which is neither yes nor no" if text else "empty, which is neither yes nor no"


def _word(flag: bool) -> str:
    return "true" if flag else "false"
