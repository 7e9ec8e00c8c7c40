"""Says in one line where a finding is and what it is; unescaped, the surface escapes it.

Standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallybook.repo.scanning.scan import Finding


def finding_line(found: Finding) -> str:
    """Such as ``src/a.py:3:7: stripe-key: Stripe secret or restricted key (sk_l..., 32 bytes)``; never the secret."""
    at = found.place
    place = f":{at.line}:{at.column}" if at.line is not None else f" (byte {at.byte})" if found.is_inside else ""
    about = [f"{found.shown}..." if found.shown else "", "" if found.length is None else f"{found.length} bytes"]
    told = ", ".join(filter(None, about))
    commit = "" if found.commit is None else f" in commit {found.commit[:12]}"
    note = f"; {found.note}" if found.note else ""
    return f"{found.file}{place}: {found.rule}: {found.message}{f' ({told})' if told else ''}{commit}{note}"
