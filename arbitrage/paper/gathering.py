"""The scenarios that a person names, as files or folders: all of them read, or every problem told. It plays none."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
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
        try:
            if path.is_dir():
                raise ConfigurationError(f"{path}: holds no *.yaml; allowed: a scenario, or a folder of them")
            scenario = read_scenario(path)
        except ConfigurationError as wrong:
            problems.append(str(wrong))
            continue
        except OSError as failure:  # a name that is too long is not even asked for
            problems.append(f"{str(path)[:100]!a}: cannot be read: {failure.strerror}")
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
        yield from _in_folder(path) or [path]


def _in_folder(path: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(path.glob("*.yaml"))
    return []
