"""`python -m tests.simulation`: play seeds, say which ones do not add up, and how fast it went. Exit code 1 for any."""

import argparse
import sys
from collections import Counter
from hashlib import sha256
from time import perf_counter

from tests.simulation.rules import Rule
from tests.simulation.seeds import play_all

_SHOWN = 20


def main() -> int:
    """Play the seeds that the arguments name."""
    asked = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    asked.add_argument("--seeds", type=int, default=1_000, help="how many")
    asked.add_argument("--first", type=int, default=1, help="the first of them")
    asked.add_argument("-j", "--jobs", type=int, default=1, help="how many processes")
    asked.add_argument("--without", type=Rule, choices=list(Rule), help="take a rule out: the run must find it")
    given = asked.parse_args()
    began = perf_counter()
    verdicts = list(play_all(range(given.first, given.first + given.seeds), given.without, given.jobs))
    took_s = perf_counter() - began
    failed = [verdict for verdict in verdicts if verdict.problems]
    for verdict in failed[:_SHOWN]:
        sys.stdout.write(f"seed {verdict.seed}: {'; '.join(verdict.problems)}\n")
    totals: Counter[str] = Counter()
    for verdict in verdicts:
        totals.update(plans=verdict.plans, crashes=verdict.crashes, halts=verdict.halts)
    digest = sha256("".join(verdict.digest for verdict in verdicts).encode()).hexdigest()[:16]
    counts = ", ".join(f"{count} {name}" for name, count in totals.items())
    sys.stdout.write(f"{len(verdicts)} seeds, {len(failed)} failed; {counts}; digest {digest}\n")
    sys.stdout.write(f"{took_s:.1f} s, {len(verdicts) / took_s:.1f} seeds a second\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
