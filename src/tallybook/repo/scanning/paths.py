"""Which paths a glob means. Case does not count: ``ID_RSA`` is ``id_rsa`` on many machines.

Standard library only. A glob without a slash means names at any depth; one with a slash begins at the top level. What
holds for a directory holds for all below it. ``*`` stays within a name, ``**`` is any number of directories.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def matches_any(path: str, globs: Iterable[str]) -> bool:
    """Whether one of the globs means the path."""
    names = path.lower().split("/")
    return any(_matches(names, *_parts(glob)) for glob in globs)


def is_below(path: str, place: str) -> bool:
    """Whether the path is that place or lies below it, whatever the case."""
    low, base = path.lower(), place.lower().rstrip("/")
    return low == base or low.startswith(f"{base}/")


@lru_cache(maxsize=1024)
def _parts(glob: str) -> tuple[bool, tuple[str, ...]]:
    """Whether it begins at the top level, and its names."""
    parts = tuple(part for part in glob.lower().split("/") if part)
    return "/" in glob.rstrip("/"), parts


def _matches(names: Sequence[str], anchored: bool, parts: Sequence[str]) -> bool:  # noqa: FBT001 - from _parts
    if not anchored:
        return bool(parts) and any(fnmatchcase(name, parts[0]) for name in names)
    ends = {0}
    for part in parts:
        if part == "**":
            ends = set(range(min(ends), len(names) + 1)) if ends else ends
        else:
            ends = {end + 1 for end in ends if end < len(names) and fnmatchcase(names[end], part)}
    return bool(ends - {0})
