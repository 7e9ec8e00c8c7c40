"""What there is to scan: the index, the commits of a range, or files, without a look at the work tree where git knows.

Standard library only. However many files there are, git is called a few times.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook.repo.git import Git, GitFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SECONDS: Final = 120.0
"""Longest that one call may take."""
LARGEST: Final = 32 << 20
"""Bytes of a file that is looked into."""
_TOGETHER: Final = 32 << 20
"""Bytes that are taken from git at once."""
LINK: Final = "120000"
SUBMODULE: Final = "160000"
_FILES: Final = ("100644", "100755", LINK)
_GONE: Final = {"D", "U"}


class Entry(NamedTuple):
    """One file as it was put into the index or into a commit."""

    path: str
    """From the top level; bytes that are no UTF-8 as ``os.fsdecode`` has them."""
    mode: str
    """As git writes it; ``160000`` is a submodule."""
    blob: str = ""
    """Empty for a file on disk."""
    commit: str | None = None


class Loaded(NamedTuple):
    """An entry with what is in it."""

    entry: Entry
    size: int | None
    raw: bytes = b""
    why: str = ""
    """Why it could not be looked into; else empty."""


def staged(git: Git) -> list[Entry] | GitFault:
    """What the index adds to HEAD or changes; in a merge, what differs from all that is merged."""
    entries = _index_against(git, "HEAD")
    if isinstance(entries, GitFault):
        if not isinstance(git.read("rev-parse", "--verify", "--quiet", "HEAD^{commit}"), GitFault):
            return entries
        return _whole_index(git)  # no commit yet
    for other in _merged(git) if entries else ():
        also = _index_against(git, other)
        if isinstance(also, GitFault):
            return also
        entries = sorted(set(entries) & set(also))
    return entries


def introduced(git: Git, revisions: Sequence[str], *, text: bytes | None = None) -> list[Entry] | GitFault:
    """All that the commits put in, the oldest commit first; of a merge what is like none of its parents.

    Args:
        git: where.
        revisions: arguments of ``git rev-list``.
        text: revisions that it reads from its stdin, one a line; those that are not here are passed over.
    """
    slow = _patient(git)
    reading = () if text is None else ("--ignore-missing", "--stdin")
    commits = slow.read("rev-list", "--reverse", "--topo-order", *reading, *revisions, "--", text=text)
    if isinstance(commits, GitFault) or not commits.strip():
        return commits if isinstance(commits, GitFault) else []
    told = slow.read(
        *("diff-tree", "--stdin", "--root", "-r", "-c", "--raw", "-z", "--no-renames", "--no-abbrev"),
        text=commits,
    )
    return told if isinstance(told, GitFault) else list(_distinct(_changes(told)))


def in_work_tree(git: Git, paths: Sequence[str]) -> list[Entry] | GitFault:
    """The files below some places that git tracks or would add, by what they are on disk."""
    found = _patient(git).read(
        *("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--full-name", "--deduplicate", "--"),
        *(f":(top,literal){path}" if path else ":(top)" for path in paths),
    )
    if isinstance(found, GitFault):
        return found
    names = sorted(set(filter(None, os.fsdecode(found).split("\0"))))
    return [Entry(name, _mode(git.directory / name)) for name in names if os.path.lexists(git.directory / name)]


def on_disk(top: Path, places: Iterable[Path]) -> Iterator[Entry]:
    """Files outside of git: those below directories too, links not followed."""
    for place in places:
        if place.is_symlink() or not place.is_dir():
            yield Entry(os.path.relpath(place, top), _mode(place))
            continue
        for base, directories, files in os.walk(place):
            directories[:] = sorted(name for name in directories if name != ".git")
            links = [name for name in directories if Path(base, name).is_symlink()]
            for name in sorted((*files, *links)):
                found = Path(base, name)
                yield Entry(os.path.relpath(found, top), _mode(found))


def blobs(git: Git, entries: Sequence[Entry]) -> Iterator[Loaded | GitFault]:
    """The entries with their content, read in few calls."""
    files = [entry for entry in entries if entry.mode in _FILES]
    yield from (Loaded(entry, None) for entry in entries if entry.mode not in _FILES)
    slow = _patient(git)
    slow = slow._replace(environ={**slow.environ, "GIT_NO_LAZY_FETCH": "1"})
    asked = dict.fromkeys(entry.blob for entry in files)
    if not asked:
        return
    told = slow.read("cat-file", "--batch-check=%(objectname) %(objectsize)", text=_lines(asked))
    if isinstance(told, GitFault):
        yield told
        return
    sizes = dict(_size(line) for line in told.decode("ascii", "replace").splitlines())
    for together in _portions(files, sizes):
        contents: dict[str, bytes] = {}
        few = dict.fromkeys(entry.blob for entry in together if -1 < sizes.get(entry.blob, -1) <= LARGEST)
        if few:
            found = slow.read("cat-file", "--batch", text=_lines(few))
            if isinstance(found, GitFault):
                yield found
                return
            contents = dict(_objects(found))
        for entry in together:
            yield _loaded(entry, sizes.get(entry.blob, -1), contents.get(entry.blob, b""))


def from_disk(top: Path, entries: Iterable[Entry]) -> Iterator[Loaded]:
    """The entries with what stands in the files now; a link is its target's name, a pipe is not waited for."""
    for entry in entries:
        path = top / entry.path
        try:
            if entry.mode == LINK:
                target = os.fsencode(path.readlink())
                yield Loaded(entry, len(target), target)
            elif entry.mode not in _FILES:
                yield Loaded(entry, None, why="it is no regular file" if entry.mode != SUBMODULE else "")
            else:
                size = path.stat().st_size
                yield _loaded(entry, size, path.read_bytes() if size <= LARGEST else b"")
        except OSError as error:
            yield Loaded(entry, None, why=error.strerror or "it can't be read")


def _patient(git: Git) -> Git:
    return git._replace(seconds=SECONDS)


def _loaded(entry: Entry, size: int, raw: bytes) -> Loaded:
    if size < 0:
        return Loaded(entry, None, why="git does not have its content here")
    why = f"it has {size:,} bytes, more than {LARGEST:,}" if size > LARGEST else ""
    return Loaded(entry, size, raw, why)


def _index_against(git: Git, commit: str) -> list[Entry] | GitFault:
    told = _patient(git).read(
        *("diff-index", "--cached", "--raw", "-r", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=none"),
        *(commit, "--"),
    )
    return told if isinstance(told, GitFault) else list(_changes(told))


def _whole_index(git: Git) -> list[Entry] | GitFault:
    told = _patient(git).read("ls-files", "-s", "-z", "--full-name", ":(top)")
    if isinstance(told, GitFault):
        return told
    entries = []
    for line in filter(None, os.fsdecode(told).split("\0")):
        facts, _, path = line.partition("\t")
        mode, blob, stage = facts.split(" ")
        if stage == "0":
            entries.append(Entry(path, mode, blob))
    return entries


def _merged(git: Git) -> list[str]:
    """The commits that are being merged."""
    found = git.read("rev-parse", "--git-path", "MERGE_HEAD")
    if isinstance(found, GitFault):
        return []
    try:
        return (git.directory / os.fsdecode(found.removesuffix(b"\n"))).read_text("ascii").split()
    except (OSError, ValueError):
        return []


def _changes(told: bytes) -> Iterator[Entry]:
    """The entries of a raw diff; between them stand the ids of commits, where it is of several."""
    commit: str | None = None
    waiting: tuple[str, str, str] | None = None
    for field in os.fsdecode(told).split("\0"):
        if waiting is not None:
            mode, blob, status = waiting
            waiting = None
            if status not in _GONE and mode != "000000" and blob.strip("0"):
                yield Entry(field, mode, blob, commit)
        elif field.startswith(":"):
            parents = len(field) - len(field.lstrip(":"))
            parts = field.lstrip(":").split(" ")
            waiting = parts[parents], parts[2 * parents + 1], parts[-1][-1:] if parents == 1 else ""
        elif field:
            commit = field


def _distinct(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Each content of a path once, by the commit that had it first."""
    seen: set[tuple[str, str, str]] = set()
    for entry in entries:
        if entry[:3] not in seen:
            seen.add(entry[:3])
            yield entry


def _portions(files: Iterable[Entry], sizes: dict[str, int]) -> Iterator[list[Entry]]:
    together: list[Entry] = []
    total = 0
    for entry in files:
        size = sizes.get(entry.blob, 0)
        if together and total + size > _TOGETHER:
            yield together
            together, total = [], 0
        together.append(entry)
        total += size if size <= LARGEST else 0
    yield together


def _lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def _size(line: str) -> tuple[str, int]:
    name, _, size = line.partition(" ")
    return name, int(size) if size.isdigit() else -1


def _objects(told: bytes) -> Iterator[tuple[str, bytes]]:
    place = 0
    while place < len(told):
        end = told.index(b"\n", place)
        head = told[place:end].decode("ascii", "replace").split(" ")
        place = end + 1
        if len(head) == 3:  # noqa: PLR2004 - id, type, size; else it is missing
            size = int(head[2])
            yield head[0], told[place : place + size]
            place += size + 1


def _mode(path: Path) -> str:
    try:
        found = path.lstat().st_mode
    except OSError:
        return "100644"  # reading it will tell why not
    if stat.S_ISLNK(found):
        return LINK
    if stat.S_ISREG(found):
        return "100644"
    return SUBMODULE if stat.S_ISDIR(found) else "000000"
