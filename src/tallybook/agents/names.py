"""Names that logs tell beside text: kept where they can be nothing but a name, else ``other``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

OTHER: Final = "other"
"""Stands for a name that could be text or a secret."""
_SUSPECT: Final = 16
"""So many letters and digits in one run, with a digit among them, are as good as a key."""
_LONGEST_RUN: Final = 40
_LONGEST_PATH: Final = 4096
_LONGEST_NAME: Final = 80
_LONGEST_BRANCH: Final = 200
# Expressions are text: `re` makes each when it is first used and keeps it, and one more line of a log needs few.
_NAME: Final = r"(?=[^a-zA-Z]{0,79}[a-zA-Z])[a-zA-Z0-9_][a-zA-Z0-9_.:+-]{0,79}"
_ENTRY: Final = r"[a-zA-Z]{1,20} [a-zA-Z]{1,20}"
_VERSION: Final = r"[0-9]{1,6}(?:\.[0-9a-zA-Z+-]{1,20}){1,6}"
_BRANCH: Final = r"(?a:(?!.*(?:\.\.|//|\.lock$))[\w#(.-](?:/@|[\w.,#()/+-]){0,199})"
_LEVEL: Final = r"[a-z][a-z-]{1,15}"
_COMMIT: Final = r"[0-9a-f]{7,64}"
_RUN: Final = r"[a-zA-Z0-9]{16,}"
_PREFIX: Final = (
    r"(?<![a-zA-Z0-9])(?:AKIA|ASIA|AIza|eyJ|GOCSPX|glpat|gh[opusr]_|github_pat|hf_|npm_|dapi|do[opr]_v1|hvs\.|key-"
    r"|pypi-|[prs]k[-_](?:ant|live|proj|svcacct|test)|SG\.|shp[a-z]{2}_|xox[a-z]|ya29)"
)
"""How well-known keys begin."""
_HEXADECIMAL: Final = r"[0-9a-f]{1,40}"


def safe_name(text: object) -> str:
    """The name of a tool, a program or a reason, or ``other``; empty for no name at all."""
    if text is None or text == "":
        return ""
    return _safe(text) if isinstance(text, str) and len(text) <= _LONGEST_NAME else OTHER


def branch_name(text: object) -> str | None:
    """A git branch; None where it is none, or could be a secret."""
    return _branch(text) if isinstance(text, str) and len(text) <= _LONGEST_BRANCH else None


@lru_cache(maxsize=256)
def _branch(text: str) -> str | None:
    if not re.fullmatch(_BRANCH, text):
        return None
    secret = any(_is_key(run) and not re.fullmatch(_HEXADECIMAL, run) for run in re.findall(_RUN, text))
    return None if secret or re.search(_PREFIX, text) else text


def commit_name(text: object) -> str | None:
    """A git commit."""
    return text if isinstance(text, str) and re.fullmatch(_COMMIT, text) else None


def version_name(text: object) -> str | None:
    """The version of a program."""
    if not isinstance(text, str) or not re.fullmatch(_VERSION, text) or _is_suspect(text):
        return None
    return text


def entry_name(text: object) -> str | None:
    """How an agent was run; None where nothing tells."""
    if isinstance(text, str) and re.fullmatch(_ENTRY, text):
        return text
    return plain(text)


def level(text: object) -> str | None:
    """How hard a model was told to think: one plain word."""
    return text if isinstance(text, str) and re.fullmatch(_LEVEL, text) else None


def plain(text: object) -> str | None:
    """``safe_name``, with None for no name."""
    return (safe_name(text) or None) if isinstance(text, str) else None


def directory(text: object) -> str | None:
    """A path as logged; None where it is no path that a system can have."""
    return text if isinstance(text, str) and 0 < len(text) <= _LONGEST_PATH and "\0" not in text else None


@lru_cache(maxsize=1024)
def _safe(text: str) -> str:
    return text if re.fullmatch(_NAME, text) and not _is_suspect(text) else OTHER


def _is_suspect(text: str) -> bool:
    return re.search(_PREFIX, text) is not None or any(_is_key(run) for run in re.findall(_RUN, text))


def _is_key(run: str) -> bool:
    return len(run) > _LONGEST_RUN or (len(run) >= _SUSPECT and not run.isalpha())
