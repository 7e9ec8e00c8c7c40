"""The two kinds of rules, and where a project's own stand.

Standard library only; the hooks ask here whether there is anything to scan for.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final, Literal

Kind = Literal["boundary", "secrets"]
KINDS: Final[tuple[Kind, ...]] = ("boundary", "secrets")
FILES: Final[dict[Kind, PurePosixPath]] = {
    "boundary": PurePosixPath("config/boundary-rules.toml"),
    "secrets": PurePosixPath("config/secret-rules.toml"),
}
"""From the top level of the repository."""


def has_rules(toplevel: Path, kind: Kind) -> bool:
    """Whether a project has rules of its own."""
    return (toplevel / FILES[kind]).is_file()
