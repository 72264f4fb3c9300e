"""What came of scenarios, left in Redis under the paper namespace. It reads nothing there and touches no other key."""

from pathlib import Path

from arbitrage.domain.instants import NS_PER_MS, Instant
from arbitrage.domain.money import plain
from arbitrage.paper.facts import as_json, facts
from arbitrage.paper.outcome import Outcome
from arbitrage.state.glance import ask
from arbitrage.state.keys import RedisAddress, namespace_of
from liveguard.mode_gate import Mode


class OutcomeKeys:
    """The keys of one APP_ENV's outcomes; nothing of them has a TTL.

    outcomes            sorted set: each scenario (its file's name without suffix) by the instant it ended, in ms
    outcome:SCENARIO    hash: name, passed (true, false), trades, pnl_krw, digest, finished_at (ns since 1970), json
    """

    def __init__(self, app_env: str) -> None:
        self._namespace = namespace_of(Mode.PAPER, app_env)
        self.outcomes = f"{self._namespace}:outcomes"

    def outcome(self, scenario: str) -> str:
        """Return the hash of one scenario's newest outcome."""
        return f"{self._namespace}:outcome:{scenario}"


def check_reachable(address: RedisAddress) -> None:
    """Find out whether Redis takes outcomes, before time is spent on them. Raises StateUnavailable."""
    ask(address, ("PING",))


def publish(address: RedisAddress, app_env: str, outcome: Outcome, at: Instant) -> None:
    """Put an outcome in the place of the scenario's last one, whole or not at all. Raises StateUnavailable."""
    keys, scenario = OutcomeKeys(app_env), Path(outcome.file).stem
    key, seen = keys.outcome(scenario), outcome.observed
    fields = {
        "name": outcome.name,
        "passed": "true" if outcome.passed else "false",
        "trades": str(seen.trades),
        "pnl_krw": plain(seen.pnl_krw),
        "digest": seen.digest,
        "finished_at": str(at),
        "json": as_json(facts(outcome)),
    }
    ask(
        address,
        ("MULTI",),
        ("DEL", key),
        ("HSET", key, *(word for field in fields.items() for word in field)),
        ("ZADD", keys.outcomes, at // NS_PER_MS, scenario),
        ("EXEC",),
    )
