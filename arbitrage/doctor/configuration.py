"""The settings, examined: what the gate says, the limits, and what stops the daemon already. It opens no connection."""

from collections.abc import Iterator

from arbitrage.doctor.finding import Finding, Verdict
from arbitrage.domain.errors import ConfigurationError
from arbitrage.domain.guarding import LatchKind
from arbitrage.local_files import HaltFile, LatchFile, Places
from arbitrage.settings import Settings
from liveguard.mode_gate import Layer, Mode, ModeDecision, decide
from liveguard.risk_limits import CAUTIOUS, NEEDED_FOR_LIVE

_WISH = "LIVE_MODE"
_LIMITS = "RISK_LIMITS"


def wants_live(decision: ModeDecision) -> bool:
    """Tell whether somebody asked for Live, whether or not it is granted."""
    return decision.mode is Mode.LIVE or any(layer.name == _WISH and layer.passed for layer in decision.layers)


def gate(settings: Settings) -> Iterator[Finding]:
    """Yield the mode; where Live was asked for and is not granted, every layer that is missing."""
    decision = decide(settings.gate_evidence())
    if decision.mode is Mode.LIVE:
        yield Finding("gate", Verdict.OK, "live: orders are sent, with real money")
    elif decision.mode is Mode.PAPER:
        yield Finding("gate", Verdict.OK, "paper: scenarios are played, nothing is sent")
    elif not wants_live(decision):
        yield Finding("gate", Verdict.OK, "shadow: would-be orders, nothing is sent")
    else:
        yield from (_missing(layer) for layer in decision.unmet)


def _missing(layer: Layer) -> Finding:
    return Finding("gate", Verdict.BAD, f"Live is asked for, but {layer.name}: {layer.seen}", layer.fix)


def limits(settings: Settings) -> Iterator[Finding]:
    """Yield whether the limits can be used, and which of them nobody has set."""
    given = [name for name in CAUTIOUS if getattr(settings, f"risk_{name}") is not None]
    unset = [f"RISK_{name.upper()}" for name in NEEDED_FOR_LIVE if name not in given]
    layer = next(layer for layer in decide(settings.gate_evidence()).layers if layer.name == _LIMITS)
    counted = f"{len(given)} of {len(CAUTIOUS)} set, the others from the cautious profile"
    if layer.passed:
        yield Finding("limits", Verdict.OK, counted)
    elif unset and all(problem.endswith("is not set") for problem in layer.seen.split("; ")):
        yield Finding("limits", Verdict.OK, f"{counted}; Live needs {' and '.join(unset)} as well")
    else:
        yield Finding("limits", Verdict.WARN, layer.seen, layer.fix)


def stops(settings: Settings) -> Iterator[Finding]:
    """Yield the halt file and the latches, which hold new plans back before anything else is asked."""
    try:
        account_dir = settings.account_dir(decide(settings.gate_evidence()).mode)
    except ConfigurationError as failure:
        yield Finding("latches", Verdict.WARN, str(failure), "give the keys, or unset LIVE_MODE")
        return
    places = Places(settings.state_dir, account_dir, settings.halt_file)
    halted = HaltFile(places.halt_file).read()
    if halted is None:
        yield Finding("halt file", Verdict.OK, f"{places.halt_file} is not there")
    else:
        fix = "when that is over: arbitrage resume --reason TEXT"
        yield Finding("halt file", Verdict.WARN, f"{places.halt_file}: {halted}", fix)
    latches = LatchFile(places.latches).read()
    for latch in latches:
        verdict = Verdict.WARN if latch.kind is LatchKind.OPERATOR else Verdict.BAD
        fix = "see docs/runbook.md; `arbitrage status` says what clears it"
        yield Finding("latches", verdict, f"{latch.name}, set by {latch.who}: {latch.why}", fix)
    if not latches:
        yield Finding("latches", Verdict.OK, "none holds")
    if places.lowered_limits.exists():
        fix = "they end when a person stops the daemon"
        yield Finding("lowered limits", Verdict.WARN, "limits were made stricter in this run", fix)
