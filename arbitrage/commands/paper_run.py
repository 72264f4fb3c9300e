"""`arbitrage run` where the gate says Paper: the scenarios of SCENARIO_FILE, their outcomes in the log and in Redis.

It is for containers: it plays once and ends. Nothing here knows a venue, a key or an order.
"""

from contextlib import closing

import structlog

from arbitrage.clock import SystemClock
from arbitrage.commands.playing import play
from arbitrage.domain.errors import ConfigurationError
from arbitrage.paper.batch import play_all
from arbitrage.paper.gathering import gather
from arbitrage.paper.outcome import Outcome
from arbitrage.paper.publish import check_reachable, publish
from arbitrage.settings import Settings
from arbitrage.state.keys import RedisAddress
from arbitrage.telemetry.log import configure

log = structlog.get_logger()


def main(settings: Settings) -> int:
    """Play, log and publish. Returns 1 if an expectation does not hold.

    Raises ConfigurationError without SCENARIO_FILE or if a file is wrong, StateUnavailable if Redis is wanted and away.
    """
    if settings.scenario_file is None:
        raise ConfigurationError("SCENARIO_FILE: not set; Paper needs a scenario, or a folder of them")
    jobs = gather([settings.scenario_file])
    address = None if settings.state == "memory" else RedisAddress.of(settings)
    if address is not None:
        check_reachable(address)
    configure(settings.log_level, settings.log_format)
    log.info("mode", mode="paper", scenarios=len(jobs), state=settings.state, app_env=settings.app_env)
    clock, failed = SystemClock(), 0
    with closing(play_all(jobs, play, processes=1)) as playing:
        for _, outcome in playing:
            failed += not outcome.passed
            _tell(outcome)
            if address is not None:
                publish(address, settings.app_env, outcome, clock.now())
    log.info("stopped", scenarios=len(jobs), failed=failed)
    return 1 if failed else 0


def _tell(outcome: Outcome) -> None:
    for check in outcome.checks:
        tell = log.info if check.passed else log.error
        tell(
            "scenario_check",
            scenario=outcome.name,
            check=check.name,
            wanted=check.wanted,
            seen=check.seen,
            passed=check.passed,
        )
    log.info(
        "scenario_ended",
        scenario=outcome.name,
        passed=outcome.passed,
        trades=outcome.observed.trades,
        result_krw=outcome.observed.pnl_krw,
        digest=outcome.observed.digest,
        took_s=round(outcome.took_s, 3),
    )
