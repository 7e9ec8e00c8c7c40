"""Which chats Gemini deletes when it starts next: checked by the rules of the program itself."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from loggen.gemini import START, Json, answer, document, encode, head, name, patch, prompt, usage
from tallybook.agents.gemini_cli.cleaning import at_once

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = name(1), name(2)
SAID = [prompt(name(9), START), answer(name(11), START + 5, usage((100, 40, 7, 3, 0)))]
HEAD = head(ONE, START)
NESTED = b"[" * 500


def doomed(home: Path, *chats: tuple[str, bytes]) -> set[str]:
    """The names of those that go, of chats of one project."""
    place = home / "tmp" / "shop" / "chats"
    place.mkdir(parents=True)
    for named, content in chats:
        (place / named).write_bytes(content)
    return {os.path.basename(path) for path in at_once(home / "tmp")}  # noqa: PTH119 - as text


def doc(messages: list[Json], **more: object) -> bytes:
    """One document."""
    return json.dumps({**document(ONE, START, messages), **more}).encode()


@pytest.mark.parametrize(
    ("ending", "content", "goes"),
    [
        (".jsonl", encode([HEAD, *SAID]), False),
        (".jsonl", encode([HEAD, patch(messages=SAID)]), False),
        (".jsonl", encode([HEAD]), True),
        (".jsonl", encode([HEAD, {"id": name(9), "type": "info", "content": "x"}]), True),
        (".jsonl", encode([{**HEAD, "kind": "subagent"}, *SAID]), True),
        (".jsonl", encode([{**HEAD, "kind": "subagent"}, *SAID * 1000]), True),
        (".jsonl", encode([HEAD, *SAID * 1000]), False),
        (".jsonl", encode(SAID), True),
        (".jsonl", b"", True),
        (".jsonl", NESTED, True),
        (".json", doc(SAID), False),
        (".json", doc([]), True),
        (".json", doc(SAID, kind="subagent"), True),
        (".json", doc(SAID * 1000), False),
        (".json", b"{", True),
        (".txt", b"", False),
    ],
)
def test_what_is_no_session_goes(tmp_path: Path, ending: str, content: bytes, goes: bool) -> None:
    """Nobody has said anything in it, or it is one of a subagent."""
    named = f"session-2026-11-26T10-00-{ONE[:8]}{ending}"
    assert doomed(tmp_path, (named, content), ("session-odd.jsonl", b""), ("other-00000001.jsonl", b"")) == (
        {named} if goes else set()
    )


def test_the_original_goes_with_what_has_its_name(tmp_path: Path) -> None:
    """A session that was resumed in another minute, where nothing was said then; others stay."""
    names = [f"session-2026-11-26T10-0{n}-{ONE[:8]}.jsonl" for n in (0, 1)]
    other = f"session-2026-11-26T10-00-{TWO[:8]}.jsonl"
    whole, empty = encode([HEAD, *SAID]), encode([HEAD])
    assert doomed(tmp_path, (names[0], whole), (names[1], empty), (other, whole)) == set(names)


def test_nothing_waits_for_what_is_no_file(tmp_path: Path) -> None:
    """A pipe, a directory, a link to nothing: none of them is a chat that could be deleted with its tokens."""
    place = tmp_path / "tmp" / "shop" / "chats"
    place.mkdir(parents=True)
    os.mkfifo(place / "session-x-00000001.jsonl")
    (place / "session-x-00000002.jsonl").mkdir()
    (place / "session-x-00000003.jsonl").symlink_to("/nowhere/at/all")
    assert list(at_once(tmp_path / "tmp")) == []
    assert list(at_once(tmp_path / "none")) == []
