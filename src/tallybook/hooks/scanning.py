"""``pre-commit`` and ``pre-push``: what is put into a commit, and what is pushed, is scanned where that is wanted.

Standard library only. Findings refuse, and rules that can't be used; a git that fails is a warning and refuses nothing.
The files of the published ledger are left out: they are written by tallybook alone, and screened before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.repo.commits import unaltered
from tallybook.repo.git import GitFault
from tallybook.repo.scanning.reading import rules_of
from tallybook.repo.scanning.rules import BadRules, RuleFault
from tallybook.repo.scanning.scan import Question, scan
from tallybook.repo.scanning.sources import blobs, introduced, staged
from tallybook.repo.scanning.telling import finding_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.hooks.surroundings import Surroundings
    from tallybook.repo.git import Git
    from tallybook.repo.scanning.kinds import Kind
    from tallybook.repo.scanning.scan import Scan
    from tallybook.repo.scanning.sources import Entry

MOST_SHOWN: Final = 20
_LONGEST: Final = 400
_PUSHED: Final = re.compile(rb"[^ \n]+ ([0-9a-f]{40,64}) [^ \n]+ ([0-9a-f]{40,64})")
"""A line that git gives to ``pre-push``: ref and id here, ref and id there."""


class Scanned(NamedTuple):
    """Whether git may go on, and what is said on stderr."""

    accepted: bool
    text: str = ""


def scan_staged(around: Surroundings) -> Scanned:
    """Scan what the index would commit."""
    git = around.repository.git
    return _scanned(around, git, staged(git))


def scan_pushed(around: Surroundings, remote: str, told: bytes) -> Scanned:
    """Scan what commits bring that the remote does not have yet.

    Args:
        around: where.
        remote: its name; empty where a URL alone was given.
        told: what git has written for the hook: a line for each ref.
    """
    git = unaltered(around.repository.git)
    pairs = [found.groups() for found in map(_PUSHED.fullmatch, told.splitlines()) if found is not None]
    ours = [here for here, _ in pairs if here.strip(b"0")]
    if not ours:
        return Scanned(accepted=True)
    theirs = [b"^" + there for _, there in pairs if there.strip(b"0")]
    known = () if not remote or re.search(r"[*?\[\\]", remote) else ("--not", f"--remotes={remote}")
    entries = introduced(git, known, text=b"\n".join((*ours, *theirs, b"")))
    return _scanned(around, git, entries)


def _scanned(around: Surroundings, git: Git, entries: list[Entry] | GitFault) -> Scanned:
    kinds = around.scans()
    books = [(kind, rules_of(around.repository.toplevel, kind)) for kind in kinds]
    bad = [fault for _, book in books if isinstance(book, BadRules) for fault in book.faults]
    if bad:
        return Scanned(accepted=False, text="\n".join(_about_rules(bad)))
    if isinstance(entries, GitFault):
        return _not_known(entries)
    wanted = [entry for entry in entries if not _is_ledger(around, entry.path)]
    questions = [Question(book) for _, book in books if not isinstance(book, BadRules)]
    found = scan(questions, blobs(git, wanted))
    if isinstance(found, GitFault):
        return _not_known(found)
    return _verdict(list(zip(kinds, found, strict=True)))


def _is_ledger(around: Surroundings, path: str) -> bool:
    place = around.settings.ledger_publish
    return place is not None and path.startswith(f"{place}/") and path.endswith(".ndjson")


def _not_known(fault: GitFault) -> Scanned:
    return Scanned(accepted=True, text=f"warning: nothing was scanned: {_shown(fault.message)}")


def _verdict(scans: Sequence[tuple[Kind, Scan]]) -> Scanned:
    """Refused where anything was found; what could not be looked into is told in any case."""
    unseen = dict.fromkeys(one for _, scan in scans for one in scan.unseen)
    lines = [f"warning: {_shown(one.file)} was not looked into: {_shown(one.why)}" for one in list(unseen)[:MOST_SHOWN]]
    found = [finding for _, scan in scans for finding in scan.findings]
    if found:
        lines.append(f"refused: {len(found)} finding{'s' if len(found) > 1 else ''}.")
        lines += [f"  {_shown(finding_line(finding))}" for finding in found[:MOST_SHOWN]]
        lines += [f"  ... and {len(found) - MOST_SHOWN} more"] if len(found) > MOST_SHOWN else []
        lines += _remedies([kind for kind, scan in scans if scan.findings], any(one.commit for one in found))
    return Scanned(not found, "\n".join(lines))


def _remedies(kinds: Sequence[Kind], in_commits: bool) -> Iterator[str]:  # noqa: FBT001 - one of two texts
    yield (
        "Take it out of the commits that have it, then push again." if in_commits else "Take it out, then commit again."
    )
    yield "What is no fault after all is allowed by a comment on its line or the one above, with a reason:"
    yield "  tally:allow RULE <reason>"
    name = {"boundary": "config/boundary-rules.toml", "secrets": "config/secret-rules.toml"}
    yield f"or by an [[allow]] in {' or '.join(name[kind] for kind in kinds)}."
    options = "--range A..B" if in_commits else "--staged"
    yield "\n".join(f"  tally scan {kind} {options}    (looks again)" for kind in kinds)


def _about_rules(faults: Sequence[RuleFault]) -> Iterator[str]:
    yield "refused: the rules of the scan can't be used."
    for fault in faults[:MOST_SHOWN]:
        yield f"  {_shown(str(fault))}"
        if fault.hint:
            yield f"    {_shown(fault.hint)}"
    yield "Mend the file, or switch the scan off: [scan] in config/tallybook.toml."


def _shown(text: str) -> str:
    """The text for a terminal: one line, nothing in it that a terminal obeys."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST])
