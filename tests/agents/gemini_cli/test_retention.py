"""When Gemini deletes its own chats."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tallybook.agents.gemini_cli.reader import GeminiReader

if TYPE_CHECKING:
    from pathlib import Path

READER = GeminiReader()


def days(home: Path, settings: object = None) -> int | None:
    """How long chats of this home are kept."""
    place = home / ".gemini" / "settings.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(settings if isinstance(settings, str) else json.dumps(settings))
    found = READER.keepings({"HOME": str(home)})
    assert [one.root for one in found] in ([], list(READER.roots({"HOME": str(home)})))
    return found[0].days if found else None


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        ({}, 30),
        ({"maxAge": "7d"}, 7),
        ({"maxAge": "2w"}, 14),
        ({"maxAge": "1m"}, 30),
        ({"maxAge": "36h"}, 1),
        ({"enabled": False}, None),
        ({"maxAge": "12h"}, None),
        ({"maxAge": "12h", "minRetention": "6h"}, 0),
        ({"maxAge": "5d", "minRetention": "1w"}, None),
        ({"maxAge": "5d", "minRetention": "soon"}, 5),
        ({"maxAge": "0d"}, None),
        ({"maxAge": "soon"}, None),
        ({"maxAge": 5}, 30),
        ({"maxCount": 50}, 30),
        ({"maxCount": 0}, None),
        ({"maxCount": "50"}, 30),
        ([], 30),
    ],
)
def test_the_settings_of_the_user_decide(tmp_path: Path, retention: object, expected: int | None) -> None:
    """An age that the program itself refuses switches its cleaning off; what is no age leaves it as it is."""
    assert days(tmp_path, {"general": {"sessionRetention": retention}, "ui": {"theme": "x"}}) == expected


@pytest.mark.parametrize(("told", "expected"), [(50, 50), (1.5, 2), (None, None), ("50", None), (True, None)])
def test_so_many_chats_at_most(tmp_path: Path, told: object, expected: int | None) -> None:
    """Beside the age, if it is a number."""
    days(tmp_path, {"general": {"sessionRetention": {"maxCount": told}}})
    assert {one.most for one in READER.keepings({"HOME": str(tmp_path)})} == {expected}


def test_comments_in_settings(tmp_path: Path) -> None:
    """Gemini takes them out; what looks like one within a string is none."""
    settings = r"""{ // "general": {}
    "note": "http://a \" /* b", /* { // */ "general": {"sessionRetention": {"maxAge": "7d"}} // }
    }"""
    assert days(tmp_path, settings) == 7


@pytest.mark.parametrize("settings", ["", "// none\n{}", "[]", "{", {"general": None}, {}])
def test_without_readable_settings_it_is_thirty_days(tmp_path: Path, settings: object) -> None:
    """So it is where there are none at all; without a home there is nothing."""
    assert days(tmp_path, settings) == 30
    assert [one.days for one in READER.keepings({"HOME": str(tmp_path / "new")})] == [30, 30]
    assert READER.keepings({}) == ()
