"""Which pull requests commits came with, by what forges write into the commits that they make.

Standard library only.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.repo.merges import Merges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tallybook.repo.made_commits import MadeCommit

_SQUASH: Final = re.compile(
    r"\([#!](?P<plain>[1-9][0-9]{0,8})\)$"
    r"|^Merged in .+ \(pull request #(?P<bitbucket>[1-9][0-9]{0,8})\)$"
    r"|^Merged PR (?P<azure>[1-9][0-9]{0,8}):"
)
_MERGE: Final = re.compile(
    r"^Merge pull request #(?P<github>[1-9][0-9]{0,8})(?: from (?P<github_head>\S+))?"
    r"|^Merge pull request '.*' \([#!](?P<gitea>[1-9][0-9]{0,8})\)(?: from (?P<gitea_head>\S+))?"
    r"|^Merged in (?P<bitbucket_head>.+) \(pull request #(?P<bitbucket>[1-9][0-9]{0,8})\)$"
    r"|^Merged PR (?P<azure>[1-9][0-9]{0,8}):"
)
_SEE: Final = re.compile(r"^See merge request \S*!([1-9][0-9]{0,8})\s*$", re.MULTILINE)
_BRANCH: Final = "Merge branch '"
_NAMED: Final = re.compile(
    r"(?:(?:^|/)(?:pull|pulls|pull-requests|merge_requests)/|^(?:pr)?[#:!]?)([1-9][0-9]{0,8})/?$"
)


class PullMerge(NamedTuple):
    """A merge that a forge made of a pull request."""

    number: str
    head: str
    """The branch as the forge writes it, which may begin with its owner; empty where it does not tell."""
    at: int
    """Seconds since the epoch."""

    @property
    def branches(self) -> frozenset[str]:
        """The names that the branch may have that it has merged."""
        return frozenset({self.head, self.head.partition("/")[2]} - {""})


class Pulls(NamedTuple):
    """The numbers of the pull requests that commits came with."""

    nearest: Mapping[str, frozenset[str]]
    """By commit; of pull requests that were merged by way of another one, only that which took the commit first."""
    every: Mapping[str, frozenset[str]]
    """By commit, the outer ones too."""
    of_branch: Mapping[str, tuple[PullMerge, ...]]
    """By the name of a branch: the merges that may have merged it, the oldest first."""
    made: Mapping[str, frozenset[str]]
    """By number: the squashes and merges that forges made of it."""


def pulls_of(commits: Sequence[MadeCommit]) -> Pulls:
    """The pull requests of commits, each of which stands before its parents.

    A squash says it in its subject; a merge in its message, and what it brought came with it.
    """
    graph = Merges(commits)
    nearest: dict[str, set[str]] = defaultdict(set)
    every: dict[str, set[str]] = defaultdict(set)
    taken: dict[str, frozenset[str]] = {}
    made: dict[str, set[str]] = defaultdict(set)
    merges = []
    for commit in reversed(commits):
        merge = _merge_of(commit) if commit.is_merge else None
        if merge is None:
            squash = None if commit.is_merge else _SQUASH.search(commit.subject)
            if squash is not None:
                number = _number(squash.groups())
                nearest[commit.id].add(number)
                every[commit.id].add(number)
                made[number].add(commit.id)
                taken[commit.id] = frozenset({commit.id})
            continue
        merges.append(merge)
        made[merge.number].add(commit.id)
        brought = graph.brought(commit)
        before = frozenset[str]().union(*(taken[inner] for inner in brought & taken.keys()))
        taken[commit.id] = brought
        for one in brought:
            every[one].add(merge.number)
            if one not in before:
                nearest[one].add(merge.number)
    return Pulls(_frozen(nearest), _frozen(every), _by_branch(merges), _frozen(made))


def _by_branch(merges: Iterable[PullMerge]) -> Mapping[str, tuple[PullMerge, ...]]:
    found: dict[str, list[PullMerge]] = defaultdict(list)
    for merge in sorted(merges, key=lambda one: one.at):
        for branch in merge.branches:
            found[branch].append(merge)
    return {branch: tuple(some) for branch, some in found.items()}


def _frozen(found: Mapping[str, set[str]]) -> Mapping[str, frozenset[str]]:
    return {name: frozenset(some) for name, some in found.items()}


def _number(groups: Iterable[str | None]) -> str:
    return next(filter(None, groups))


def _merge_of(commit: MadeCommit) -> PullMerge | None:
    """By the subject, or by the last line that refers to a merge request: a title could look like one, too."""
    told = _MERGE.search(commit.subject)
    if told is not None:
        number = _number((told["github"], told["gitea"], told["bitbucket"], told["azure"]))
        head = told["github_head"] or told["gitea_head"] or told["bitbucket_head"] or ""
        return PullMerge(number, head, commit.at)
    referred, squash = _SEE.findall(commit.message), _SQUASH.search(commit.subject)
    if referred or squash is not None:
        number = referred[-1] if referred else _number(squash.groups() if squash else ())
        return PullMerge(number, _branch_in(commit.subject), commit.at)
    return None


def _branch_in(subject: str) -> str:
    """The branch in the words of git itself, without an expression: these can be any length."""
    if not subject.startswith(_BRANCH):
        return ""
    return subject.removeprefix(_BRANCH).partition("' into '")[0].removesuffix("'")


def pull_number(text: str) -> str | None:
    """The number in what somebody calls a pull request: ``12``, ``#12``, ``pr:12``, ``!12`` or its address."""
    found = _NAMED.search(text.strip())
    return None if found is None else found[1]


def referred_pulls(refs: Iterable[str]) -> Iterator[str]:
    """The numbers of references that are pull requests; a bare number may be an issue."""
    for ref in refs:
        number = pull_number(ref) if "/" in ref or ref.startswith(("pr", "!")) else None
        if number is not None:
            yield number
