"""Reads a scenario from its file and tells everything that is wrong with it at once. It runs nothing."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from arbitrage.domain.errors import ConfigurationError
from arbitrage.paper.complaints import Problem, problems_of, shown
from arbitrage.paper.contradictions import contradictions
from arbitrage.paper.scenario import Scenario
from arbitrage.paper.yaml_tree import Place, read_tree

LARGEST_FILE: Final = 5_000_000
"""Bytes: some sixty thousand steps in their short form."""

_PLAIN_KEY: Final = re.compile(r"[\w:/-]{1,40}", re.ASCII)
_MOST: Final = 200  # problems that are told of one file


class ScenarioWrong(ConfigurationError):
    """A scenario's file is wrong: a line for each problem, with file, line, field, what was found and is allowed."""


def read_scenario(path: Path) -> Scenario:
    """Read a scenario. Raises ScenarioWrong with every problem of the file."""
    tree = read_tree(_text(path))
    problems = [(flaw.line, Problem(flaw.place, flaw.what)) for flaw in tree.flaws]
    scenario = None
    if tree.root is not None and isinstance(tree.root.value, dict):
        scenario, found = _made(tree.root.plain())
        problems += [(tree.root.line_of(problem.place), problem) for problem in found]
    elif not problems:
        problems = [(1, Problem((), "is not a mapping; allowed: a mapping of name, symbols, steps and more"))]
    if scenario is None or problems:
        raise ScenarioWrong("\n".join(_lines(path, problems)))
    return scenario


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise ScenarioWrong(f"{_name(path)}: is not a file that can be read; allowed: the path of a YAML file")
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except OSError as failure:
        raise ScenarioWrong(f"{_name(path)}: cannot be read: {failure.strerror}") from None
    if len(raw) > LARGEST_FILE:
        raise ScenarioWrong(f"{_name(path)}: is too large; allowed: up to {LARGEST_FILE} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as unreadable:
        line = raw.count(b"\n", 0, unreadable.start) + 1
        raise ScenarioWrong(f"{_name(path)}:{line}: is not UTF-8; allowed: plain text in UTF-8") from None


def _made(data: dict[str, Any]) -> tuple[Scenario | None, list[Problem]]:
    """Return the scenario, or none, and what is wrong with its fields or does not go together."""
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as unfit:
        problems = list(islice(problems_of(data, unfit), _MOST + 1))
        further = _further(data, {problem.place for problem in problems}) if len(problems) <= _MOST else ()
        return None, [*problems, *further]
    return scenario, list(islice(contradictions(scenario), _MOST + 1))


def _further(data: dict[str, Any], wrong: set[Place]) -> Iterator[Problem]:
    """Yield what does not go together in the parts that are right by themselves."""
    steps = data["steps"] if isinstance(data.get("steps"), list) else []
    starts = {place[:length] for place in wrong for length in (1, 2)}
    sound = [number for number in range(len(steps)) if ("steps", number) not in starts]
    parts = {name: part for name, part in data.items() if (name,) not in starts}
    try:
        rest = Scenario.model_validate({**parts, "name": "rest", "steps": [steps[number] for number in sound]})
    except ValidationError:  # what every check needs is wrong: the markets, or all steps
        return
    for problem in islice(contradictions(rest), _MOST):
        yield _renumbered(problem, sound)


def _renumbered(problem: Problem, sound: list[int]) -> Problem:
    match problem.place:
        case ("steps", int(number), *inner):
            return Problem(("steps", sound[number], *inner), problem.text)
    return problem


def _lines(path: Path, problems: Iterable[tuple[int, Problem]]) -> Iterator[str]:
    """Yield a line for each place that is wrong, by lines of the file; of two complaints about one place the first."""
    first: dict[Place, tuple[int, str]] = {}
    for line, problem in problems:
        first.setdefault(problem.place, (line, problem.text))
    for place, (line, text) in sorted(first.items(), key=lambda entry: entry[1][0])[:_MOST]:
        yield f"{_name(path)}:{line}: {_written(place)}{text}"
    if len(first) > _MOST:
        yield f"{_name(path)}: and more; these are the first {_MOST}"


def _written(place: Place) -> str:
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{_key(key)}" for key in place).removeprefix(".")
    return f"{text}: " if text else ""


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else shown(key)


def _name(path: Path) -> str:
    name = str(path)
    return name if name.isprintable() else f"{name!a}"
