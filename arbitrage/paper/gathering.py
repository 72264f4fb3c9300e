"""The scenarios that a person names, as files or folders: all of them read, or every problem told. It plays none."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from arbitrage.domain.errors import ConfigurationError
from arbitrage.paper.batch import Job
from arbitrage.paper.reading import read_scenario


def gather(paths: Iterable[Path], seeds: int = 1, *, pictured: bool = False) -> list[Job]:
    """Return a job for each scenario and seed: its own, and those after it. A folder means its *.yaml.

    With `pictured` the first seed of each brings samples for pictures along. Raises ConfigurationError with one line
    for each problem of any file.
    """
    jobs: list[Job] = []
    problems: list[str] = []
    for path in dict.fromkeys(_files(paths)):
        if path.is_dir():
            problems.append(f"{path}: holds no *.yaml; allowed: a scenario, or a folder of them")
            continue
        try:
            scenario = read_scenario(path)
        except ConfigurationError as wrong:
            problems.append(str(wrong))
            continue
        jobs.extend(
            Job(scenario=scenario, file=str(path), seed=scenario.seed + number, pictured=pictured and number == 0)
            for number in range(seeds)
        )
    if problems:
        raise ConfigurationError("\n".join(problems))
    return jobs


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(path.glob("*.yaml")) or [path]
