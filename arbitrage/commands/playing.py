"""One scenario, played and judged: what each process of a batch does. It reads no file and prints nothing."""

from dataclasses import replace
from time import perf_counter

from arbitrage.paper.batch import Job
from arbitrage.paper.judge import judge
from arbitrage.paper.outcome import Outcome
from arbitrage.paper_trader import run_scenario


def play(job: Job) -> Outcome:
    """Play a scenario under the job's seed and hold what came of it against what it expects."""
    began = perf_counter()
    observed = run_scenario(job.scenario, job.seed)
    took_s = perf_counter() - began
    checks = judge(job.scenario.expected_outcomes, observed)
    if not job.pictured:  # the samples of a thousand seeds fill a machine, and nobody draws them
        observed = replace(observed, edges=(), results=())
    return Outcome(
        name=job.scenario.name, file=job.file, seed=job.seed, observed=observed, checks=checks, took_s=took_s
    )
