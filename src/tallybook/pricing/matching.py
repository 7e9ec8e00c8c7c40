"""Whether an entry of the book is really the model that was asked for: the book itself takes all that begins so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tallybook.pricing.names import is_dated, is_plain

if TYPE_CHECKING:
    from tallybook.pricing.names import Named

_WITHIN_DATE: Final = ("-20", "-202", "-2024", "-2025", "-2026", "-2027", "@")
_AT_BEDROCK: Final = re.compile(r"(global|regional)\.anthropic\.(claude-[a-z0-9-]+?)(?:-v[0-9]+(?::[0-9]+)?)?")


def is_spelled(entry: Any, named: Named) -> bool:  # noqa: ANN401 - the library's
    """Whether the name is just the entry's id or one of its other names, which goes before all that only begin alike.

    Never at Bedrock, where entries of one region spell the names of those for everywhere.
    """
    return named.vendor != "aws" and (entry.id.lower() == named.model or _spells(entry.match, named.model))


def matches(entry: Any, named: Named) -> bool:  # noqa: ANN401 - the library's
    """Whether the name is the entry's id or one of its other names, with a date or a plain suffix at most."""
    if named.vendor == "aws":
        found = _AT_BEDROCK.fullmatch(entry.id)
        return found is not None and (found[1] == "global") is named.everywhere and _is_variant(found[2], named.model)
    return entry.id.lower() == named.model or _named_by(entry.match, named.model)


def _spells(clause: Any, name: str) -> bool:  # noqa: ANN401 - the library's
    if hasattr(clause, "or_"):
        return any(_spells(one, name) for one in clause.or_)
    return hasattr(clause, "equals") and clause.equals.lower() == name


def _named_by(clause: Any, name: str) -> bool:  # noqa: ANN401 - the library's
    """By the names that the clause spells out."""
    if hasattr(clause, "or_"):
        return any(_named_by(one, name) for one in clause.or_)
    if hasattr(clause, "equals"):
        return _is_variant(clause.equals.lower(), name)
    if hasattr(clause, "regex"):
        return re.fullmatch(clause.regex, name) is not None
    return hasattr(clause, "starts_with") and _begins(clause.starts_with.lower(), name)


def _begins(base: str, name: str) -> bool:
    """Some beginnings of names end within a date, or right before it."""
    if base.endswith(_WITHIN_DATE):
        return name.startswith(base) and is_dated(name)
    return _is_variant(base, name)


def _is_variant(base: str, name: str) -> bool:
    return name.startswith(base) and is_plain(name[len(base) :])
