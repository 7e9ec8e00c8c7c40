"""Goes through files with a book of rules: findings, what allows them, and what could not be looked into.

Standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.repo.git import GitFault
from tallybook.repo.scanning.allowances import Comments, comments_in
from tallybook.repo.scanning.boundary_hits import Seen, boundary_hits
from tallybook.repo.scanning.content import Content, Place, Places, content_of
from tallybook.repo.scanning.hits import Hit, secret_hits
from tallybook.repo.scanning.paths import matches_any
from tallybook.repo.scanning.rules import Allowance, Book, SecretBook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tallybook.repo.scanning.sources import Entry, Loaded

MOST_IN_FILE: Final = 100
"""Findings of one file that are told of."""


class Finding(NamedTuple):
    """One place that breaks a rule. What stands there is not in it."""

    rule: str
    message: str
    file: str
    place: Place
    is_inside: bool
    """Whether it stands in the text; else the path or the size is at fault, and the place says nothing."""
    commit: str | None
    shown: str
    """What a secret of this kind begins with, four characters at most, or nothing."""
    length: int | None
    """Bytes of the secret."""
    note: str = ""
    """Why a comment that would allow it does not."""


class Unused(NamedTuple):
    """An allowance that allowed nothing."""

    rule: str
    file: str
    """Where it stands."""
    line: int | None


class Unseen(NamedTuple):
    """A file that could not be looked into."""

    file: str
    why: str


class Scan(NamedTuple):
    """What came out."""

    files: int
    findings: tuple[Finding, ...]
    allowed: int
    """Findings that are all right, by their allowances."""
    unused: tuple[Unused, ...]
    unseen: tuple[Unseen, ...]


class Question(NamedTuple):
    """How to scan."""

    book: Book
    whole: bool = False
    """All files are there, so that an allowance of the rules' file may be told unused."""


class _Found(NamedTuple):
    finding: Finding
    key: tuple[str, str, bytes]
    """The same in two commits is one finding."""


class _Tally:
    """What was found so far."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.files = 0
        self.found: list[_Found] = []
        self.allowed: set[tuple[str, str, bytes]] = set()
        self.unseen: list[Unseen] = []
        self.comments: dict[tuple[str, int, str], bool] = {}
        self.used: set[Allowance] = set()
        self.rules = frozenset(rule.id for rule in question.book.rules)

    def look(self, loaded: Loaded) -> None:
        """Take one file in."""
        book, path = self.question.book, loaded.entry.path
        self.files += 1
        if matches_any(path, book.ignored):
            return
        if loaded.why:
            self.unseen.append(Unseen(path, loaded.why))
        content = content_of(loaded.raw)
        hits, comments = _hits(book, loaded, content), comments_in(content.data)
        for comment in () if loaded.entry.commit else comments.by_place.values():  # nobody mends an older version
            self.comments.setdefault((path, comment.line, comment.rule), False)
        standing = tuple(one for one in book.allowances if matches_any(path, (one.path,)))
        places, before = Places(content), len(self.found)
        for hit in hits:
            place = Place(0, None, None) if hit.start is None else places.at(hit.start)
            self._take(hit, place, loaded.entry, (comments, standing))
            if len(self.found) - before >= MOST_IN_FILE:
                self.unseen.append(Unseen(path, f"only the first {MOST_IN_FILE} findings of it are told"))
                break

    def _take(self, hit: Hit, place: Place, entry: Entry, allowing: tuple[Comments, tuple[Allowance, ...]]) -> None:
        what = hit.digest if entry.commit and hit.digest else repr((hit.message, place)).encode()
        key = (hit.rule, entry.path, what)
        comments, standing = allowing
        covering = comments.covering(hit.rule, place.line)
        for one in covering:
            self.comments[entry.path, one.line, one.rule] = True
        used = [one for one in standing if one.rule == hit.rule]
        self.used |= set(used)
        if used or any(one.reason for one in covering):
            self.allowed.add(key)
            return
        note = f"the comment in line {covering[0].line} gives no reason" if covering else ""
        finding = Finding(
            *(hit.rule, hit.message, entry.path, place, hit.start is not None),
            *(entry.commit, hit.shown, hit.length, note),
        )
        self.found.append(_Found(finding, key))

    def result(self) -> Scan:
        """All of it, each finding once."""
        kept: dict[tuple[str, str, bytes], Finding] = {}
        for found in self.found:
            if found.key not in self.allowed:
                kept.setdefault(found.key, found.finding)
        unused = [
            Unused(rule, file, line)
            for (file, line, rule), used in self.comments.items()
            if not used and rule in self.rules
        ]
        if self.question.whole:
            book = self.question.book
            unused += [Unused(one.rule, book.file, None) for one in book.allowances if one not in self.used]
        return Scan(self.files, tuple(kept.values()), len(self.allowed), tuple(unused), tuple(self.unseen))


def scan(questions: Sequence[Question], files: Iterable[Loaded | GitFault]) -> list[Scan] | GitFault:
    """Look at all files, once for all questions; a scan for each of them."""
    tallies = [_Tally(question) for question in questions]
    for loaded in files:
        if isinstance(loaded, GitFault):
            return loaded
        for tally in tallies:
            tally.look(loaded)
    return [tally.result() for tally in tallies]


def _hits(book: Book, loaded: Loaded, content: Content) -> list[Hit]:
    if isinstance(book, SecretBook):
        return secret_hits(content.data, book.rules)
    return boundary_hits(Seen(loaded.entry.path, loaded.size, content.data), book.rules)
