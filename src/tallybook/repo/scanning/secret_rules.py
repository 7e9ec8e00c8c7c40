"""Rules about secrets as they stand in a file.

Standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.repo.scanning.rules import Secret

if TYPE_CHECKING:
    from tallybook.repo.scanning.table import Table

KEYS: Final = (
    *("id", "message", "pattern", "keywords", "ignore_case"),
    *("entropy", "check", "placeholders", "positive", "negative"),
)
CHECKS: Final = ("", "jwt")


def secret_of(table: Table) -> Secret | None:
    """One rule; None where something is wrong with it."""
    before = len(table.faults)
    table.known(KEYS)
    name, pattern, ignore_case = table.named(), table.needed("pattern"), table.flag("ignore_case")
    if pattern:
        table.expression(pattern, over_bytes=True, ignore_case=ignore_case)
    keywords = table.texts("keywords")
    if not all(word.isascii() for word in keywords):
        table.fault("keywords must be of ASCII characters")
    check = table.text("check")
    if check not in CHECKS:
        table.fault('check can be "jwt" alone')
    entropy = table.number("entropy") or 0.0
    stops, examples = table.texts("placeholders"), table.examples(paths=False)
    message = table.text("message") or name
    if len(table.faults) > before:
        return None
    return Secret(
        name, message, pattern, _lower(keywords), ignore_case, float(entropy), check, _lower(stops), examples
    )  # fmt: skip


def _lower(words: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(word.encode().lower() for word in words)
