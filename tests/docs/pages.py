"""The pages of the documentation, divided into prose and fenced blocks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
OPEN = re.compile(r"\s*(`{3,})(\w*)")


class Block(NamedTuple):
    """One fenced block."""

    language: str
    lines: list[str]


def divided(page: Path) -> tuple[list[str], list[Block]]:
    """The lines of prose, and the fenced blocks."""
    prose: list[str] = []
    blocks: list[Block] = []
    fence = ""
    for line in page.read_text("utf-8").splitlines():
        if fence:
            if line.strip() == fence:
                fence = ""
            else:
                blocks[-1].lines.append(line)
        elif found := OPEN.match(line):
            fence = found[1]
            blocks.append(Block(found[2], []))
        else:
            prose.append(line)
    assert not fence, f"{page} ends in a block"
    return prose, blocks
