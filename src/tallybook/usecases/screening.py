"""Texts for the ledger that look like a secret, by the same rules as the scans of files.

The domain knows the commonest kinds by itself. The rules of the scans know all, and are read where a text has a word
that is long enough for one of theirs, which titles and notes hardly ever have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tallybook.domain.problems import Refusal
from tallybook.domain.requests import TAKE_OUT, screened_texts
from tallybook.domain.screening import secret_rule

if TYPE_CHECKING:
    from tallybook.domain.commands import Request

_LONG: Final = re.compile(r"\S{16}")


def secret_kind(text: str) -> str | None:
    """The id of the first rule that ``text`` matches, or None."""
    known = secret_rule(text)
    if known is not None or not _LONG.search(text):
        return known
    from tallybook.repo.scanning.hits import secret_hits  # noqa: PLC0415 - most texts have no such word
    from tallybook.repo.scanning.reading import shipped_rules  # noqa: PLC0415
    from tallybook.repo.scanning.rules import SecretBook  # noqa: PLC0415

    book = shipped_rules("secrets")
    hits = secret_hits(text.encode("utf-8", "replace"), book.rules) if isinstance(book, SecretBook) else []
    return hits[0].rule if hits else None


def secret_refusal(request: Request) -> Refusal | None:
    """The first text of a request that looks like a secret, where it may not."""
    for name, text in screened_texts(request):
        kind = secret_kind(text)
        if kind is not None:
            message = f"the {name} looks like a secret (rule {kind}); nothing was written"
            return Refusal("secret-like", message, TAKE_OUT)
    return None
