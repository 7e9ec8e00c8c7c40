"""Faults that somebody might put into the ledger or the hooks, each as one small change; a row has to find each."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import msgspec

from torture.running import SOURCE

if TYPE_CHECKING:
    from pathlib import Path


class Edit(msgspec.Struct, frozen=True):
    """Text that stands once in a module of the ledger (or of the room it names), and what stands there instead."""

    module: str
    old: str
    new: str


class Mutant(msgspec.Struct, frozen=True):
    """One fault."""

    name: str
    row: str
    """That finds it at the small size."""
    edits: tuple[Edit, ...]


def planted(mutant: Mutant, place: Path) -> Path:
    """A copy of the source below ``place`` with the fault in it.

    Raises:
        AssertionError: the source is no longer what the mutant is a change of.
    """
    source = place / "src"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    for edit in mutant.edits:
        path = source / "tallybook" / "ledger" / f"{edit.module}.py"
        if "/" in edit.module:
            path = source / "tallybook" / f"{edit.module}.py"
        text = path.read_text()
        assert text.count(edit.old) == 1, f"{edit.module}.py does not hold this once: {edit.old!r}"
        path.write_text(text.replace(edit.old, edit.new))
    return source


def _mutant(name: str, row: str, *edits: tuple[str, str, str]) -> Mutant:
    return Mutant(name, row, tuple(Edit(*edit) for edit in edits))


_SYNC: Final = "                files.sync(target.descriptor)\n                if not settled"
_WRITTEN: Final = "                write_all(files, target.descriptor, data)\n"

MUTANTS: Final = (
    _mutant("no fsync", "power", ("append", _SYNC, "                if not settled")),
    _mutant(
        "acknowledged before the sync",
        "power",
        ("append", _SYNC, "                if not settled"),
        (
            "append",
            "            start = cut_tail",
            "            files.sync(target.descriptor)\n            start = cut_tail",
        ),
    ),
    _mutant(
        "an error of fsync is overlooked",
        "power",
        (
            "append",
            _SYNC,
            (
                "                with suppress(OSError):\n                    files.sync(target.descriptor)\n"
                "                if not settled"
            ),
        ),
    ),
    _mutant(
        "retry after an error of fsync",
        "power",
        (
            "append",
            _SYNC,
            (
                "                try:\n                    files.sync(target.descriptor)\n"
                "                except OSError:\n                    files.sync(target.descriptor)\n"
                "                if not settled"
            ),
        ),
    ),
    _mutant(
        "no directory fsync",
        "power",
        (
            "append",
            (
                "                if not settled:\n                    sync_directories(files, path.parent)\n"
                "                elif start == 0:\n                    files.sync_directory(path.parent)\n"
            ),
            "",
        ),
    ),
    _mutant("directory fsync for new files alone", "power", ("store", "settled=head.settled", "settled=True")),
    _mutant("no lock", "syscalls", ("lock", "fcntl.LOCK_EX | fcntl.LOCK_NB", "fcntl.LOCK_UN")),
    _mutant("no lock, with real processes", "kill", ("lock", "fcntl.LOCK_EX | fcntl.LOCK_NB", "fcntl.LOCK_UN")),
    _mutant(
        "the lock is given back before the append",
        "syscalls",
        (
            "lock",
            "        _sign(descriptor)\n        yield",
            "        _sign(descriptor)\n        fcntl.flock(descriptor, fcntl.LOCK_UN)\n        yield",
        ),
    ),
    _mutant("no tail check", "truncate", ("append", "start = cut_tail(files, target)", "start = target.size")),
    _mutant("no short-write loop", "syscalls", ("file", "        rest = rest[count:]\n", "        break\n")),
    _mutant(
        "no truncate-back on an error",
        "full",
        ("append", "                    files.truncate(target.descriptor, start)\n", "                    pass\n"),
    ),
    _mutant("cut the middle", "truncate", ("append", '.rfind(b"\\n")', '.find(b"\\n")')),
    _mutant("the fragment is thrown away", "truncate", ("append", "        _quarantine(files, target, end)\n", "")),
    _mutant(
        "the quarantine is overwritten",
        "truncate",
        ("append", "os.O_WRONLY | os.O_APPEND | os.O_CREAT)", "os.O_WRONLY | os.O_TRUNC | os.O_CREAT)"),
    ),
    _mutant(
        "a last line without newline is read",
        "truncate",
        (
            "course",
            "            if not block.complete:",
            "            if not block.complete and not block.raws[-1].endswith(b'\"}'):",
        ),
    ),
    _mutant(
        "order by file",
        "orders",
        (
            "reading",
            "sorted((event for _, event in self._found.values()), key=lambda event: (event.order, event.id))",
            "[event for _, event in self._found.values()]",
        ),
    ),
    _mutant(
        "no dedupe",
        "orders",
        ("reading", "            known = self._found.get(frame[0].decode())", "            known = None"),
        (
            "reading",
            "                self._found[event.id] = (frame[9], event)\n                return None",
            '                self._found[f"{event.id}{self._lines}"] = (frame[9], event)\n                return None',
        ),
    ),
    _mutant(
        "the checksum is not compared",
        "flip",
        ("line", "    if digest.hexdigest()[:16] != checksum:", "    if not checksum:"),
    ),
    _mutant(
        "the checksum is not compared on the quick way",
        "flip",
        ("line", "    if sha256(raw[:-_TAIL]).hexdigest()[:16].encode() != members[9]:", "    if not members[9]:"),
    ),
    _mutant(
        "the chain is not compared",
        "flip",
        (
            "verify",
            "                    if before and seen.envelope.prev not in before:",
            "                    if False:",
        ),
    ),
    _mutant("a gap is not seen", "flip", ("verify", "                if seq > last + 1:", "                if False:")),
    _mutant(
        "a reader goes on from anywhere",
        "flip",
        ("proof", "    return kept and proof_of(files, source, mark.end) == mark.proof", "    return kept"),
    ),
    _mutant(
        "the clock does not advance",
        "model",
        (
            "hlc",
            "    return _text(max(wall, *(_value(time) + 1 for time in (previous, seen) if time is not None), 0))",
            "    return _text(wall)",
        ),
    ),
    _mutant(
        "the clock is dragged along",
        "model",
        (
            "hlc",
            "    return max((time for time in times if time <= limit), default=None)",
            "    return max(times, default=None)",
        ),
        (
            "replica",
            "self._position is not None and self._position.last[0] <= hlc.horizon(now):",
            "if self._position is not None:",
        ),
    ),
    _mutant(
        "a copied directory goes on as the same writer",
        "model",
        ("identity", "        elif state.mark == mark:", "        elif state.mark:"),
    ),
    _mutant(
        "a state that lags is trusted",
        "syscalls",
        ("writer", "            return _walk(files, source, state)", "            return Head(state, None)"),
    ),
    _mutant(
        "an error of giving the lock back is raised",
        "strace",
        (
            "lock",
            "with suppress(OSError):  # whoever held the lock has done its work, and what is on the medium stays there",
            "if True:",
        ),
    ),
    _mutant(
        "the hook that was there is not run",
        "hooks",
        ("usecases/git_hooks", '{keep}if [ -f "$0{EARLIER}" ]', '{keep}if false && [ -f "$0{EARLIER}" ]'),
    ),
    _mutant(
        "the hook that was there is not put back",
        "hooks",
        ("usecases/git_hooks", "                earlier.replace(path)", "                path.unlink()"),
    ),
    _mutant(
        "a commit without a task is let through",
        "hooks",
        ("repo/rules", "return Ruling(NO_REASON if said.reasons else MISSING)", "return Ruling(None)"),
    ),
    _mutant(
        "what git commits by itself gets a trailer",
        "hooks",
        ("hooks/prepare_commit_msg", "    if around.operation() is not None or (", "    if ("),
    ),
    _mutant(
        "a commit that names an earlier task gets the open one too",
        "hooks",
        ("hooks/prepare_commit_msg", "    lines = [] if said or not", "    lines = [] if not"),
    ),
)
