"""The files that an import is given: which there are, what is in them, and of what format that is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tallybook.domain.problems import Refusal
from tallybook.usecases.importing.event_lines import TYPES, is_type

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FORMATS: Final = ("events", "analyses", "ccusage")
LARGEST: Final = 512 * 1024 * 1024
"""Bytes of one file."""
_LOOKED_AT: Final = 64 * 1024
_ENDINGS: Final = frozenset({".yaml", ".yml", ".json", ".ndjson", ".jsonl"})
_REPORT: Final = ('"daily"', '"weekly"', '"monthly"', '"session"', '"sessions"', '"blocks"')


def format_of(data: bytes) -> str:
    """What a file most likely holds."""
    head = data[:_LOOKED_AT].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    line = head.partition("\n")[0]
    try:
        told = json.JSONDecoder().raw_decode(line)[0]
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict) and is_type(told.get("event_type", told.get("type"))):
        return "events"
    if any(f'"{name}"' in head for name in TYPES) and "\n{" in head:
        return "events"
    if head.startswith("{") and any(name in head for name in _REPORT) and "ANALYSIS-" not in head:
        return "ccusage"
    return "analyses"


def listed(given: Sequence[Path], cwd: Path) -> list[Path] | Refusal:
    """The files that were named, and those of directories with a known ending in the order of their names."""
    found: list[Path] = []
    for name in given:
        path = cwd / name
        try:
            if path.is_dir():
                inside = [one for one in sorted(path.iterdir()) if one.suffix.lower() in _ENDINGS and one.is_file()]
                if not inside:
                    endings = ", ".join(sorted(_ENDINGS))
                    return Refusal("nothing-to-import", f"{name}: the directory has no file with {endings}", usage=True)
                found += inside
            elif path.is_file():
                found.append(path)
            else:
                return Refusal("nothing-to-import", f"{name}: there is no such file", usage=True)
        except OSError as error:
            return _unreadable(path, error)
    return found


def content(path: Path) -> bytes | Refusal:
    """The bytes of a file."""
    try:
        if path.stat().st_size > LARGEST:
            return Refusal("too-large", f"{path}: it is longer than {LARGEST:,} bytes")
        return path.read_bytes()
    except OSError as error:
        return _unreadable(path, error)


def shown(path: Path, cwd: Path) -> str:
    """Its name in what is said of it."""
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)


def _unreadable(path: Path, error: OSError) -> Refusal:
    return Refusal("unreadable-file", f"{path}: {error.strerror or error}", usage=True)
