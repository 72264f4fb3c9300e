"""YAML as a tree of texts with their lines: plain YAML only, bounded in depth. It does not know what the texts mean.

YAML would read `no` as false, 12:30 as 750 and 1e3 as a text. Here every value stays the text that a person wrote.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

Place = tuple[str | int, ...]
"""The way to a value: keys and numbers of list items."""

DEEPEST: Final = 20
"""Levels of nesting; a scenario needs seven."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where libyaml is there
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(slots=True)
class Node:
    """A value and the line on which it, or its key, stands. None is an empty value."""

    line: int
    value: "str | list[Node] | dict[str, Node] | None"

    def plain(self) -> Any:
        """Return the value without the lines. What is empty in a mapping is left out."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items() if item.value is not None}
        return self.value

    def line_of(self, place: Place) -> int:
        """Return the line of a place, or of the nearest thing around it."""
        node = self
        for key in place:
            inner = _child(node, key)
            if inner is None:
                break
            node = inner
        return node.line


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is not plain YAML, where."""

    line: int
    place: Place
    what: str


@dataclass(slots=True)
class Tree:
    """What a text holds (None if nothing can be made of it), and all of its flaws."""

    root: Node | None = None
    flaws: list[Flaw] = field(default_factory=list)


def read_tree(text: str) -> Tree:
    """Read a text. Whatever it holds becomes a tree or flaws; nothing is raised."""
    builder = _Builder()
    tree = Tree(flaws=builder.flaws)
    try:
        tree.root = builder.document(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as unreadable:
        line = unreadable.problem_mark.line + 1 if unreadable.problem_mark else 1
        tree.flaws.append(Flaw(line, (), f"is not YAML: {unreadable.problem}; allowed: plain YAML"))
    except _TooDeep as deep:
        tree.flaws.append(Flaw(deep.args[0], (), f"is nested too deeply; allowed: up to {DEEPEST} levels"))
    except (yaml.YAMLError, ValueError, OverflowError) as unreadable:  # characters that cannot be
        tree.flaws.append(Flaw(1, (), f"is not YAML: {' '.join(str(unreadable).split())[:100]}; allowed: plain YAML"))
    return tree


class _TooDeep(Exception):
    """The line at which nesting went too far."""


class _Builder:
    """Makes nodes of a parser's events, without aliases: a short text must not become a large value."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []

    def document(self, events: Iterator[Any]) -> Node | None:
        self._events = events
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                self._flaw(event, (), "holds a second document (---); allowed: one")
                break
            if isinstance(event, yaml.NodeEvent):
                root = self._node(event, ())
        return root

    def _node(self, event: Any, place: Place) -> Node:
        line = event.start_mark.line + 1
        if len(place) > DEEPEST:
            raise _TooDeep(line)
        if isinstance(event, yaml.AliasEvent):
            self._flaw(event, place, "is an alias (*); allowed: the same, written out")
            return Node(line, None)
        if event.tag is not None:
            self._flaw(event, place, "has a tag (!); allowed: plain values")
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(line, self._items(place))
        if isinstance(event, yaml.MappingStartEvent):
            return Node(line, self._fields(place))
        if event.implicit[0] and event.value in _NULLS:
            self._flaw(event, place, "is empty; allowed: a value, or no line at all")
            return Node(line, None)
        return Node(line, event.value)

    def _items(self, place: Place) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*place, len(items))))
        return items

    def _fields(self, place: Place) -> dict[str, Node]:
        fields: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = event.value if isinstance(event, yaml.ScalarEvent) else None
            if key is None:
                self._flaw(event, place, "has a key that is no text; allowed: names of fields")
                self._node(event, (*place, ""))
            elif key in fields:
                self._flaw(event, (*place, key), "is there twice; allowed: once")
            node = self._node(next(self._events), (*place, key or ""))
            if key is not None:
                fields[key] = Node(event.start_mark.line + 1, node.value)
        return fields

    def _flaw(self, event: Any, place: Place, what: str) -> None:
        self.flaws.append(Flaw(event.start_mark.line + 1, place, what))


def _child(node: Node, key: str | int) -> Node | None:
    if isinstance(node.value, dict):
        return node.value.get(str(key))
    if isinstance(node.value, list) and isinstance(key, int) and key < len(node.value):
        return node.value[key]
    return None
