"""Files in JSON or YAML as plain values: what could stand for any amount of data, or make an object, is refused."""

from __future__ import annotations

import json
from typing import Final

_MOST_VALUES: Final = 5_000_000
"""So many values a file may come to, each as often as an alias names it."""
_DEEPEST: Final = 100


class NoDocumentError(Exception):
    """The bytes are neither JSON nor YAML; the message says what is wrong, and where."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def documents(data: bytes) -> list[object]:
    """All documents of a file.

    Raises:
        NoDocumentError: the file can't be parsed at all.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"it is not UTF-8 (byte {error.start})"
        raise NoDocumentError(message, data.count(b"\n", 0, error.start) + 1) from error
    try:
        found = [json.loads(text)]
    except RecursionError as error:
        message = "it is nested too deep"
        raise NoDocumentError(message) from error
    except ValueError:
        found = _yaml(text)
    fault = _size_fault(found)
    if fault is not None:
        raise NoDocumentError(fault)
    return found


def _yaml(text: str) -> list[object]:
    from ruamel.yaml import YAML  # noqa: PLC0415 - for these files alone
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415

    try:
        return list(YAML(typ="safe", pure=True).load_all(text))
    except RecursionError as error:
        message = "it is nested too deep"
        raise NoDocumentError(message) from error
    except (YAMLError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = " ".join(str(error).split())[:300] or type(error).__name__
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        raise NoDocumentError(message, None if mark is None else mark.line + 1) from error


def _size_fault(found: list[object]) -> str | None:
    """Why a file comes to too much, each value looked at once however often it is named."""
    sizes: dict[int, int] = {}
    waiting: list[tuple[object, bool]] = [(found, False)]
    open_now: set[int] = set()
    while waiting:
        value, done = waiting.pop()
        key = id(value)
        parts = _parts(value)
        if done:
            open_now.discard(key)
            sizes[key] = 1 + sum(sizes[id(part)] if _parts(part) else 1 for part in parts)
            if sizes[key] > _MOST_VALUES:
                return "its aliases come to far more values than it has"
        elif parts and key not in sizes:
            if key in open_now or len(open_now) > _DEEPEST:
                return "a value contains itself" if key in open_now else "it is nested too deep"
            open_now.add(key)
            waiting.append((value, True))
            waiting += [(part, False) for part in parts if _parts(part)]
    return None


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.values()]
    return value if isinstance(value, list) else [*value] if isinstance(value, tuple | set) else []
