"""Modules: each says what it is, in its first line."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for package in ("arbitrage", "liveguard") for path in (ROOT / package).rglob("*.py") if path.stat().st_size
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text()))
    assert path.read_text().startswith('"""')
