"""A table of a file of rules: its values by type, and what is wrong with them in a list.

Standard library only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from tallybook.repo.scanning.rules import Example, Examples, RuleFault
from tallybook.repo.scanning.steps import WIDEST, bound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_STEPS: Final = 20_000
"""That an expression may take from one place of a text."""
_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,78}[a-z0-9])?")


class Table(NamedTuple):
    """One table; ``faults`` grows."""

    values: dict[str, object]
    file: str
    rule: str
    """What the rule is called where a fault is told."""
    faults: list[RuleFault]
    sure: bool = False
    """Whether its expressions need no look."""

    def fault(self, message: str, hint: str = "") -> None:
        """Tell of a fault here."""
        self.faults.append(RuleFault(message, self.file, self.rule, hint))

    def known(self, names: Sequence[str]) -> None:
        """Tell of keys that mean nothing here."""
        for name in self.values:
            if name not in names:
                self.fault(f"there is no key {name[:80]!a}", f"known are {', '.join(names)}")

    def named(self) -> str:
        """The id of a rule; empty where it has none that can be used."""
        found = self.needed("id")
        if found and not _ID.fullmatch(found):
            self.fault("an id is small letters, digits, dots, hyphens and underscores, at most 80")
            return ""
        return found

    def text(self, name: str, usual: str = "") -> str:
        """A text."""
        found = self.values.get(name, usual)
        if isinstance(found, str):
            return found
        self.fault(f"{name} must be text")
        return usual

    def needed(self, name: str) -> str:
        """A text that must be there."""
        found = self.text(name)
        if not found.strip() and not any(fault.message.startswith(f"{name} must") for fault in self.faults[-1:]):
            self.fault(f"{name} must be there, and not empty")
        return found.strip()

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self.values.get(name, [])
        if isinstance(found, list) and all(isinstance(one, str) and one for one in found):
            return tuple(cast("list[str]", found))
        self.fault(f"{name} must be a list of texts that are not empty")
        return ()

    def number(self, name: str) -> float | None:
        """A number that is not negative."""
        found = self.values.get(name)
        if found is None or (isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < 1 << 60):
            return cast("float | None", found)
        self.fault(f"{name} must be a number that is not negative")
        return None

    def flag(self, name: str) -> bool:
        """True or false."""
        found = self.values.get(name, False)
        if isinstance(found, bool):
            return found
        self.fault(f"{name} must be true or false")
        return False

    def tables(self, name: str) -> Iterator[Table]:
        """The tables of a list, each with its id or number."""
        found = self.values.get(name, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            self.fault(f"{name} must be tables", f"write [[{name}]] above each of them")
            return
        for number, one in enumerate(cast("list[dict[str, object]]", found), 1):
            told = one.get("id", one.get("rule"))
            label = told[:80] if isinstance(told, str) and told else f"{name} {number}"
            yield Table(one, self.file, label, self.faults, self.sure)

    def examples(self, *, paths: bool) -> Examples:
        """What the rule must find and what not: lists of parts that are joined, or tables with a path and a text."""
        return Examples(
            tuple(self._examples("positive", paths=paths)),
            tuple(self._examples("negative", paths=paths)),
        )

    def expression(self, pattern: str, *, over_bytes: bool, ignore_case: bool) -> None:
        """Tell what is wrong with an expression: that it is none, or could take too long."""
        if self.sure:
            return
        flags = re.IGNORECASE if ignore_case else 0
        try:
            found = bound(pattern, flags)
            re.compile(pattern.encode() if over_bytes else pattern, flags)
        except (re.error, RecursionError, OverflowError, ValueError) as error:
            self.fault(f"{pattern[:80]!a} is no regular expression: {error}")
            return
        if over_bytes and not pattern.isascii():
            self.fault(f"{pattern[:80]!a} must be of ASCII characters")
        if found.empty:
            self.fault(f"{pattern[:80]!a} matches nothing at all, so it would match everywhere")
        elif found.steps > MOST_STEPS:
            self.fault(
                f"{pattern[:80]!a} could take {found.steps:,} steps at one place of a hostile text",
                f"more than {MOST_STEPS:,} are not allowed: bound its repetitions ({{0,80}}; one without a bound "
                f"counts as {WIDEST:,}), make them possessive (*+), or have a character follow that they can't take",
            )

    def _examples(self, name: str, *, paths: bool) -> Iterator[Example]:
        found = self.values.get(name, [])
        for one in cast("list[object]", found) if isinstance(found, list) else [None]:
            table = one if paths else {"text": one}
            example = _example(cast("dict[str, object]", table)) if isinstance(table, dict) else None
            if example is None:
                kinds = "tables with a path, a text or a size" if paths else "texts, or lists of parts"
                self.fault(f"{name} must be a list of {kinds}")
                return
            yield example


def _example(table: dict[str, object]) -> Example | None:
    """One example; None where it can't be read."""
    path, parts, size = table.get("path", "example"), table.get("text", ""), table.get("size")
    text = parts if isinstance(parts, str) else _whole(parts)
    right = table.keys() <= {"path", "text", "size"} and (size is None or type(size) is int)
    if text is None or not isinstance(path, str) or not path or not right:
        return None
    return Example(text, path, cast("int | None", size))


def _whole(parts: object) -> str | None:
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return None
    return "".join(cast("list[str]", parts))
