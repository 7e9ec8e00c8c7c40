"""Whose a response is that stands in several files: decided by what the rows prove, never by the order of files.

A row that names its origin (``forkedFrom``, ``requestSessionId``) settles it, and so does one that names another
candidate as its ancestor. Else a file that shows the row as written when it happened beats one that shows nothing,
which beats one that is younger than the row. Then the file whose first dated record is older wins. Where two sessions
still stand level, the smaller id owns the response, and that is not proved; nor is it where only files that are younger
than the row have it as theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.agents.claude_code.rows import COPIED, Row, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_AGENT: Final = "agent-"
_OF_AN_ID: Final = "0123456789abcdef-"


class Copy(msgspec.Struct, frozen=True, gc=False):
    """One row where it stands."""

    source: str
    offset: int
    at: int | None
    row: Row

    @property
    def standing(self) -> tuple[int, bool, int]:
        """How strongly the file claims the row; less is stronger."""
        return self.row.evidence, self.row.born is None, self.row.born or 0


class Owner(msgspec.Struct, frozen=True):
    """The thread that a response is counted for."""

    session: str
    thread: str
    proved: bool = True

    @property
    def rank(self) -> tuple[bool, str]:
        """Order of threads that hold the same message: main, then agents, then labelled ones such as asides."""
        labelled = self.thread.startswith(_AGENT) and self.thread.removeprefix(_AGENT).strip(_OF_AN_ID)
        return bool(labelled), self.thread


def owner_of(copies: Sequence[Copy]) -> Owner:
    """The owner of a response with these rows."""
    session, proved = _session_of(copies)
    at_home = [copy for copy in copies if copy.row.home == session]
    return min(
        (Owner(session, copy.row.thread, proved) for copy in at_home),
        key=lambda owner: owner.rank,
    )


def _session_of(copies: Sequence[Copy]) -> tuple[str, bool]:
    homes = {copy.row.home for copy in copies}
    if len(homes) > 1:
        homes = homes - _descendants(copies, homes) or homes
    if len(homes) == 1:
        return homes.pop(), is_shown(copies)
    claims = sorted((min(copy.standing for copy in copies if copy.row.home == home), home) for home in homes)
    home = claims[0][1]
    return home, claims[0][0] != claims[1][0] and is_shown(copy for copy in copies if copy.row.home == home)


def is_shown(copies: Iterable[Copy]) -> bool:
    """Whether a row shows that its session is its own; not so one that only a younger file has, as that file's."""
    for copy in copies:
        row = copy.row
        if row.evidence != COPIED or row.origin is not None or row.home not in copy.source:
            return True
    return False


def _descendants(copies: Sequence[Copy], homes: set[str]) -> set[str]:
    """Sessions that are proved to hold copies: by a row's origin, or by an ancestor among the candidates."""
    proved = {unpacked(copy.row.session) for copy in copies if copy.row.origin is not None}
    for copy in copies:
        ancestor = None if copy.row.ancestor is None else unpacked(copy.row.ancestor)
        if ancestor in homes and ancestor != copy.row.home:
            proved.add(copy.row.home)
    return proved
