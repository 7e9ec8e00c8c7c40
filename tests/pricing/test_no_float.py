"""No number of money is a float, from the file that says what was agreed to what is shown."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
import pytest

import tallybook

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(tallybook.__file__).parent
MODULES = (
    *(f"pricing/{path.name}" for path in sorted((ROOT / "pricing").glob("*.py"))),
    *("domain/money.py", "domain/tariffs.py", "domain/goal_costs.py", "history/costs.py", "history/usage.py"),
    *("reports/costs.py", "reports/prices.py", "usecases/prices.py", "usecases/price_book.py"),
)


@pytest.mark.parametrize("name", MODULES)
def test_no_float_is_made_where_money_is(name: str) -> None:
    """Neither written down, nor asked for, nor come of a division but of fractions and decimals."""
    tree = ast.parse((ROOT / name).read_text())
    floats = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, float)]
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "float"]
    assert not floats
    assert not names


def kinds() -> Iterator[type]:
    """Every class of values in these modules."""
    for name in MODULES:
        module = import_module(f"tallybook.{name.removesuffix('.py').replace('/', '.').removesuffix('.__init__')}")
        for kind in vars(module).values():
            if (
                isinstance(kind, type)
                and kind.__module__ == module.__name__
                and issubclass(kind, (msgspec.Struct, tuple))
            ):
                yield kind


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_member_is_a_float(kind: type[Any]) -> None:
    """By the types that are written down."""
    hints = getattr(kind, "__annotations__", {}) | _resolved(kind)
    assert hints
    assert not [name for name, hint in hints.items() if "float" in str(hint)]


def _resolved(kind: type[Any]) -> dict[str, Any]:
    try:
        return get_type_hints(kind)
    except NameError:  # named for the type checker alone
        return {}
