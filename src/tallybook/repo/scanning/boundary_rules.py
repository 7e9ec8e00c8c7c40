"""Rules of the boundary as they stand in a file.

Standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.repo.scanning.rules import Boundary

if TYPE_CHECKING:
    from tallybook.repo.scanning.table import Table

CONDITIONS: Final = ("roots", "paths", "globs", "extensions", "literals", "patterns", "max_bytes")
KEYS: Final = ("id", "message", *CONDITIONS, "ignore_case", "only", "exempt", "positive", "negative")


def boundary_of(table: Table) -> Boundary | None:
    """One rule; None where something is wrong with it."""
    before = len(table.faults)
    table.known(KEYS)
    if not any(name in table.values for name in CONDITIONS):
        table.fault("it keeps nothing out", f"give one of {', '.join(CONDITIONS)}")
    name, ignore_case = table.named(), table.flag("ignore_case")
    patterns, largest = table.texts("patterns"), table.number("max_bytes")
    for pattern in patterns:
        table.expression(pattern, over_bytes=False, ignore_case=ignore_case)
    if isinstance(largest, float):
        table.fault("max_bytes must be a whole number")
    found = Boundary(
        id=name,
        message=table.text("message") or name,
        roots=table.texts("roots"),
        paths=table.texts("paths"),
        globs=table.texts("globs"),
        extensions=tuple(one if one.startswith(".") else f".{one}" for one in table.texts("extensions")),
        literals=table.texts("literals"),
        patterns=patterns,
        ignore_case=ignore_case,
        max_bytes=None if largest is None else int(largest),
        only=table.texts("only"),
        exempt=table.texts("exempt"),
        examples=table.examples(paths=True),
    )
    return None if len(table.faults) > before else found
