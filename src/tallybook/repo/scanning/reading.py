"""Reads files of rules: a project's own stands on those that are shipped. What is wrong is told with file and rule.

Standard library only.
"""

from __future__ import annotations

import errno
import re
import stat
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from tallybook.repo.scanning.boundary_rules import boundary_of
from tallybook.repo.scanning.kinds import FILES, Kind
from tallybook.repo.scanning.rules import (
    Allowance,
    BadRules,
    Book,
    Boundary,
    BoundaryBook,
    RuleFault,
    Secret,
    SecretBook,
)
from tallybook.repo.scanning.secret_rules import secret_of
from tallybook.repo.scanning.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

SHIPPED: Final = "shipped"
"""What the file of the shipped rules is called where a fault in it is told."""
_LONGEST: Final = 1 << 20
_EXAMPLE: Final = re.compile(rb"^(?:posi|nega)tive = .*+$", re.MULTILINE)
_TOP: Final = ("extends", "disable", "ignore", "rule", "allow")


class _Parsed(NamedTuple):
    extends: bool
    disabled: tuple[str, ...]
    rules: tuple[Secret | Boundary, ...]
    ignored: tuple[str, ...]
    allowances: tuple[Allowance, ...]


def rules_of(toplevel: Path | None, kind: Kind, *, examples: bool = False) -> Book | BadRules:
    """The rules in force in a work tree; those that are shipped where it has none of its own, or there is none."""
    shipped = shipped_rules(kind, examples=examples)
    if toplevel is None:
        return shipped
    name = str(FILES[kind])
    try:
        raw = _read(toplevel / name)
    except (FileNotFoundError, NotADirectoryError):
        return shipped
    except OSError as error:
        return BadRules((RuleFault(f"can't be read: {error.strerror or error}", name),))
    parsed = _parsed(raw, name, kind)
    return parsed if isinstance(parsed, BadRules) else _joined(parsed, shipped, name)


@lru_cache(maxsize=4)
def shipped_rules(kind: Kind, *, examples: bool = False) -> Book:
    """The rules that come with the program; their examples, which are half of the file, only where they are wanted."""
    raw = (Path(__file__).parent / "shipped" / FILES[kind].name).read_bytes()
    parsed = _parsed(raw if examples else _EXAMPLE.sub(b"", raw), f"{SHIPPED} {FILES[kind].name}", kind, sure=True)
    if isinstance(parsed, BadRules):
        raise ValueError("; ".join(map(str, parsed.faults)))  # noqa: TRY004 - a fault of the package
    return _book(kind, f"{SHIPPED} {FILES[kind].name}", parsed, parsed.rules)


def _read(path: Path) -> bytes:
    if stat.S_ISFIFO(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    with path.open("rb") as source:
        return source.read(_LONGEST + 1)


def _parsed(raw: bytes, file: str, kind: Kind, *, sure: bool = False) -> _Parsed | BadRules:
    """What a file says; the expressions of one that is ``sure`` were tested before it was shipped."""
    if len(raw) > _LONGEST:
        return BadRules((RuleFault("it is larger than 1 MiB", file),))
    try:
        document = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        return BadRules((RuleFault(str(error) or "it is nested too deep", file),))
    faults: list[RuleFault] = []
    top = Table(cast("dict[str, object]", document), file, "", faults, sure)
    top.known(_TOP)
    extends = top.text("extends", "default")
    if extends not in {"default", "nothing"}:
        top.fault('extends must be "default" or "nothing"', "without it the shipped rules hold as well")
    read = cast("Callable[[Table], Secret | Boundary | None]", secret_of if kind == "secrets" else boundary_of)
    rules = [rule for rule in map(read, top.tables("rule")) if rule is not None]
    for number, rule in enumerate(rules):
        if any(rule.id == other.id for other in rules[:number]):
            faults.append(RuleFault("a second rule has this id", file, rule.id))
    allowed = [one for one in map(_allowance, top.tables("allow")) if one is not None]
    disabled, ignored = top.texts("disable"), top.texts("ignore")
    if faults:
        return BadRules(tuple(faults))
    return _Parsed(extends == "default", disabled, tuple(rules), ignored, tuple(allowed))


def _allowance(table: Table) -> Allowance | None:
    table.known(("rule", "path", "reason"))
    found = Allowance(table.needed("rule"), table.needed("path"), table.needed("reason"))
    return found if all(found) else None


def _joined(own: _Parsed, shipped: Book, file: str) -> Book | BadRules:
    """Rules of the project first: one with the id of a shipped rule stands in its place."""
    taken = {rule.id for rule in own.rules}
    kept = [rule for rule in shipped.rules if own.extends and rule.id not in {*taken, *own.disabled}]
    names = {rule.id for rule in shipped.rules}
    faults = [
        RuleFault(f"disable names {name!a}, which is no shipped rule", file)
        for name in own.disabled
        if name not in names
    ]
    rules: tuple[Secret | Boundary, ...] = (*own.rules, *kept)
    faults += [
        RuleFault("there is no such rule to allow", file, one.rule)
        for one in own.allowances
        if one.rule not in {*taken, *names}
    ]
    if faults:
        return BadRules(tuple(faults))
    ignored = own.ignored + (shipped.ignored if own.extends else ())
    kind: Kind = "secrets" if isinstance(shipped, SecretBook) else "boundary"
    return _book(kind, file, own._replace(ignored=ignored), rules)


def _book(kind: Kind, file: str, parsed: _Parsed, rules: tuple[Secret | Boundary, ...]) -> Book:
    if kind == "secrets":
        return SecretBook(file, cast("tuple[Secret, ...]", rules), parsed.ignored, parsed.allowances)
    return BoundaryBook(file, cast("tuple[Boundary, ...]", rules), parsed.ignored, parsed.allowances)
