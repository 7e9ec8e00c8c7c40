"""Looks again at commits: hooks can be left out where commits are made, and a forge makes commits without any."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.config import settings_in
from tallybook.domain.problems import Problem, Refusal
from tallybook.ledger.absorb import is_writer_file
from tallybook.ledger.goal_index import goals_in, read_index
from tallybook.repo.commits import blob_bytes, file_in, files_in, is_revision, tips
from tallybook.repo.git import GitFault
from tallybook.repo.made_commits import MadeCommit, made_commits, takes_back
from tallybook.repo.pull_requests import pulls_of
from tallybook.repo.rules import MISSING, NO_REASON, UNKNOWN, Rule, Ruling
from tallybook.repo.trailers import task_trailers
from tallybook.usecases.commit_history import git_of, shallow
from tallybook.usecases.far_ledger import Notes, RefusedError, fetched, plain, shared_ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tallybook.repo.git import Git
    from tallybook.usecases.workspace import Workspace

_NAME_ONE: Final = "name a range such as origin/main..HEAD, or a commit"
_UNREADY: Final = ("fixup!", "squash!", "amend!")
_LONGEST: Final = 200
"""Characters of a title."""


class Request(msgspec.Struct, frozen=True):
    """What is to be looked at."""

    revision: str | None = None
    title: str | None = None
    """Of a pull request, which a squash merge makes the subject of its commit."""
    body: str | None = None
    """Of the same; None where it is not known."""
    fetch: bool | None = None
    """Whether to ask the remote for goals; None for what the settings say of syncing."""


class Finding(msgspec.Struct, frozen=True):
    """One commit that breaks the rule, or a title."""

    commit: str | None
    """Full id; None for the title."""
    subject: str
    code: str
    """``no-task``, ``no-reason``, ``unknown-task``; of a title ``title-empty``, ``title-long``, ``title-control`` or
    ``title-unready`` too."""
    message: str
    hint: str


class CheckedCommits(msgspec.Struct, frozen=True):
    """What was found."""

    commits: int
    named: int
    """Those that name a goal or a ticket."""
    excused: int
    """Those with a ``No-Task:`` and a reason."""
    own: int
    """Merges and reverts, which git makes by itself."""
    remote: str | None
    """From which goals were fetched."""
    findings: tuple[Finding, ...]
    """The newest commit first, the title before all."""
    problems: tuple[Problem, ...]


def check_commits(workspace: Workspace, request: Request) -> CheckedCommits | Refusal:
    """Judge each commit of a range as ``commit-msg`` would have, and a title."""
    git = git_of(workspace)
    if isinstance(git, Refusal):
        return git
    if request.revision is None and request.title is None:
        return Refusal("nothing-asked", "there is nothing to check", f"{_NAME_ONE}, or give --title", usage=True)
    commits = _commits(git, request.revision)
    if isinstance(commits, Refusal):
        return commits
    notes = Notes()
    goals, remote = _goals(workspace, git, request, notes)
    for note in shallow(git):
        notes.add(note)
    rule = Rule(goals.__contains__, workspace.settings.ticket_pattern)
    title = [] if request.title is None else list(_title(rule, git, request.title, request.body))
    judged = [_Judged.of(git, rule, commit) for commit in commits]
    return CheckedCommits(
        commits=len(commits),
        named=sum(one.what == "named" for one in judged),
        excused=sum(one.what == "excused" for one in judged),
        own=sum(one.what == "own" for one in judged),
        remote=remote,
        findings=(*title, *(one.finding for one in judged if one.finding is not None)),
        problems=(*workspace.problems, *notes.problems),
    )


def _commits(git: Git, revision: str | None) -> list[MadeCommit] | Refusal:
    if revision is None:
        return []
    if not is_revision(revision):
        return Refusal("bad-revision", f"{revision!r} is no range of commits", _NAME_ONE, usage=True)
    found, ends = made_commits(git, revision), tips(git, revision)
    if isinstance(found, GitFault):
        return Refusal("bad-revision", found.message, f"{_NAME_ONE}; CI may have to fetch the base first")
    if isinstance(ends, GitFault) or not ends:
        return Refusal("bad-revision", f"{revision!r} names no commit", _NAME_ONE)
    return found


class _Judged(msgspec.Struct, frozen=True):
    what: str
    finding: Finding | None = None

    @classmethod
    def of(cls, git: Git, rule: Rule, commit: MadeCommit) -> _Judged:
        """Judge one commit; the kinds that git makes by itself need more of git's help."""
        if commit.is_merge:
            return cls("own")
        ruling = rule.ruling(commit.said, commit.subject)
        if ruling.broken is None:
            named = commit.said.tasks or not commit.said.reasons
            return cls("named" if named else "excused")
        if ruling.broken != UNKNOWN and any(map(rule.knows, commit.lines)):
            return cls("named")
        if ruling.broken == MISSING and takes_back(git, commit, _merges_taken_back(git, commit)):
            return cls("own")
        code, message, hint = _told(ruling)
        return cls("broken", Finding(commit.id, commit.subject, code, message, hint))


def _merges_taken_back(git: Git, commit: MadeCommit) -> frozenset[str]:
    """What forges made of the pull requests that a commit says to take back, among the commits behind it."""
    behind = made_commits(git, commit.id) if commit.reverted_pulls else []
    made = {} if isinstance(behind, GitFault) else pulls_of(behind).made
    return frozenset().union(*(made.get(number, frozenset()) for number in commit.reverted_pulls)) - {commit.id}


def _told(ruling: Ruling) -> tuple[str, str, str]:
    if ruling.broken == UNKNOWN:
        names = ", ".join(ruling.unknown)
        hint = "publish or sync the ledger of the clone that started it, or correct the trailer"
        return UNKNOWN, f"names a goal that the ledger does not have: {names}", hint
    if ruling.broken == NO_REASON:
        return NO_REASON, "its No-Task: gives no reason", "amend the commit: No-Task: why it belongs to no goal"
    hint = "amend the commit: Task: <goal id>, or No-Task: <reason>; git rebase reaches older ones"
    return MISSING, "names no task", hint


def _goals(workspace: Workspace, git: Git, request: Request, notes: Notes) -> tuple[set[str], str | None]:
    """Every goal that is known here, in the copies that the commits carry, and on the remote, which may be away."""
    place = workspace.ledger.place
    goals = set(read_index(place.home, place.published).goals)
    if request.revision is not None:
        for files in _carried(workspace, git, request.revision):
            goals |= goals_in(files)
    if not (workspace.settings.sync if request.fetch is None else request.fetch):
        return goals, None
    shared = shared_ref(workspace, None, None)
    if isinstance(shared, Refusal):
        notes.add(Problem(shared.code, shared.message, hint=shared.hint))
        return goals, None
    try:
        far = fetched(shared, notes)
    except RefusedError as error:
        hint = "commits are judged by the goals that are known here"
        notes.add(Problem(error.refusal.code, error.refusal.message, hint=hint))
        return goals, None
    return goals | goals_in(far.files.values()), plain(shared.remote)


def _carried(workspace: Workspace, git: Git, revision: str) -> Iterable[list[bytes]]:
    """The files of the ledger that is published with the last commits of a range."""
    ends = tips(git, revision)
    for end in () if isinstance(ends, GitFault) else ends:
        then = settings_in(partial(file_in, git, end)).ledger_publish
        for directory in {workspace.settings.ledger_publish, then} - {None}:
            blobs = files_in(git, end, str(directory))
            named = {} if isinstance(blobs, GitFault) else blobs
            contents = (blob_bytes(git, blob) for name, blob in sorted(named.items()) if is_writer_file(name))
            yield [data for data in contents if not isinstance(data, GitFault)]


def _title(rule: Rule, git: Git, title: str, body: str | None) -> Iterable[Finding]:
    """What is wrong with a title; where the body is known, or tickets are asked for, with the task it names too."""
    subject = title.strip()
    for broken, code, message, hint in _formal(title, subject):
        if broken:
            yield Finding(None, title, code, message, hint)
            return
    if body is None and rule.ticket is None:
        return
    said = task_trailers(git, f"{subject}\n\n{(body or '').replace(chr(13), '').strip()}\n")
    if isinstance(said, GitFault):
        return
    ruling = rule.ruling(said, subject)
    if ruling.broken is None or (body is None and rule.has_ticket(subject)):
        return
    code, message, _ = _told(ruling)
    wanted = "" if rule.ticket is None else f"begin the title with a ticket ({rule.ticket}), or "
    hint = f"{wanted}end the text of the pull request with Task: <goal id> or No-Task: <reason>"
    yield Finding(None, title, code, f"the title {message}" if body is None else f"the pull request {message}", hint)


def _formal(title: str, subject: str) -> Sequence[tuple[bool, str, str, str]]:
    return (
        (not subject, "title-empty", "the title is empty", "say in one line what the change does"),
        (len(subject) > _LONGEST, "title-long", f"the title is longer than {_LONGEST} characters", "shorten it"),
        (
            not title.isprintable(),
            "title-control",
            "the title has characters that can't be seen",
            "write it again in plain letters",
        ),
        (
            subject.startswith(_UNREADY),
            "title-unready",
            "the title is that of a commit that should be squashed first",
            "git rebase --autosquash, or another title",
        ),
    )
