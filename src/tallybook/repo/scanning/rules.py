"""What a rule is: one that knows secrets by their form, one that keeps paths and contents out of a repository.

Standard library only.
"""

from __future__ import annotations

from typing import Final, NamedTuple

LARGEST_MATCH: Final = 1024
"""Bytes or characters: what is longer is found by its first so many."""


class Example(NamedTuple):
    """A file that a rule is tried on."""

    text: str
    path: str = "example"
    size: int | None = None
    """Bytes, where those of the text do not count."""


class Examples(NamedTuple):
    """What a rule must find, and what it must not."""

    positive: tuple[Example, ...] = ()
    negative: tuple[Example, ...] = ()


class Secret(NamedTuple):
    """A rule that knows one kind of secret by its form."""

    id: str
    message: str
    pattern: str
    """Regular expression over bytes; its group ``secret``, where it has one, is the secret."""
    keywords: tuple[bytes, ...]
    """In lower case: the pattern is tried near one of these alone; none for everywhere."""
    ignore_case: bool
    entropy: float
    """Bits per byte that the secret must have at least."""
    check: str
    """``jwt`` for what must be a JSON web token by its first part; else empty."""
    stops: tuple[bytes, ...]
    """In lower case: a secret that holds one of these is a placeholder."""
    examples: Examples


class Boundary(NamedTuple):
    """A rule that keeps something out: a file for which one of its conditions holds is a finding."""

    id: str
    message: str
    roots: tuple[str, ...]
    """The names that may stand at the top level; empty where the rule says nothing of them."""
    paths: tuple[str, ...]
    globs: tuple[str, ...]
    extensions: tuple[str, ...]
    literals: tuple[str, ...]
    patterns: tuple[str, ...]
    ignore_case: bool
    max_bytes: int | None
    only: tuple[str, ...]
    """Globs: the rule is for these files alone; empty for all."""
    exempt: tuple[str, ...]
    """Globs of files that the rule is not for."""
    examples: Examples


class Allowance(NamedTuple):
    """Files in which the findings of a rule are all right."""

    rule: str
    path: str
    """A glob."""
    reason: str


class SecretBook(NamedTuple):
    """All rules about secrets that are in force."""

    file: str
    rules: tuple[Secret, ...]
    ignored: tuple[str, ...] = ()
    """Globs of files that are not looked into."""
    allowances: tuple[Allowance, ...] = ()


class BoundaryBook(NamedTuple):
    """All rules of the boundary that are in force."""

    file: str
    rules: tuple[Boundary, ...]
    ignored: tuple[str, ...] = ()
    allowances: tuple[Allowance, ...] = ()


Book = SecretBook | BoundaryBook


class RuleFault(NamedTuple):
    """What is wrong in a file of rules."""

    message: str
    file: str
    rule: str = ""
    """Its id, or its number where it has none."""
    hint: str = ""

    def __str__(self) -> str:
        """One line, with the place first."""
        place = f"{self.file}, rule {self.rule}" if self.rule else self.file
        return f"{place}: {self.message}"


class BadRules(NamedTuple):
    """Rules that can't be used, all that is wrong with them."""

    faults: tuple[RuleFault, ...]
