"""The parts behind a report are the responses of the history, each once, on the days and with the prices of its own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given, settings

from history.fake import SECOND, T0, World
from history.test_usage import BERLIN, Served, asked, fill, histories
from tallybook.domain.price_causes import THRESHOLD
from tallybook.domain.quality import Quality
from tallybook.domain.sizes import size_of
from tallybook.history.choice import Filter
from tallybook.history.report_parts import ReportPart, Slice, report_parts
from tallybook.history.zones import NamedZone

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tallybook.history.usage import Usage

HOUR = 3600 * SECOND


def parts(
    world: World, *, by_session: bool = False, since: int | None = None, until: int | None = None
) -> list[ReportPart]:
    with world.store() as store:
        return list(report_parts(store, Slice(NamedZone(BERLIN), by_session, since, until)))


def summed(found: list[ReportPart]) -> dict[tuple[str, str, str], Counter[str]]:
    """Tokens and responses by period, model and agent."""
    sums: dict[tuple[str, str, str], Counter[str]] = {}
    for part in found:
        numbers = Counter({"responses": part.spent.responses, "total": part.spent.tokens.total})
        sums.setdefault((part.period, part.model, part.agent), Counter()).update(numbers)
    return sums


def rows(found: Usage) -> dict[tuple[str | None, ...], Counter[str]]:
    return {
        row.key: Counter({"responses": row.responses, "total": row.tokens.total}) for row in found.rows if row.tokens
    }


@settings(max_examples=30)
@given(served=histories)
def test_they_add_up_to_what_usage_tells(served: list[Served], tmp_path_factory: pytest.TempPathFactory) -> None:
    """By day, by session, and of some days alone; a large request stands by itself."""
    world = World(tmp_path_factory.mktemp("parts"))
    fill(world, served)
    assert summed(parts(world)) == rows(asked(world, "day", "model", "agent"))
    assert summed(parts(world, by_session=True)) == rows(asked(world, "session", "model", "agent"))
    since, until = T0 + 24 * 100 * HOUR, T0 + 24 * 300 * HOUR
    some = asked(world, "day", "model", "agent", where=Filter(since=since, until=until))
    assert summed(parts(world, since=since, until=until)) == rows(some)
    for part in parts(world):
        assert part.model == part.spent.price_class.model
        most = size_of(part.spent.price_class.context).most
        if most is not None and most <= THRESHOLD:
            assert part.spent.tokens.context <= THRESHOLD * part.spent.responses
        else:
            assert part.spent.responses == 1
            assert part.spent.tokens.context > THRESHOLD


def test_undated_responses_stand_where_usage_has_them(tmp_path: Path) -> None:
    """On the day of the nearest dated response of their log."""
    world = World(tmp_path)
    tokens = (1, 0, 0, 0, 0, 5, 0)
    fill(world, [Served("s1", "opus", hours, tokens, Quality.EXACT) for hours in (0, 240, None, None)])
    assert summed(parts(world)) == rows(asked(world, "day", "model", "agent"))
    assert summed(parts(world, by_session=True)) == rows(asked(world, "session", "model", "agent"))
    assert len(parts(world, until=T0 + HOUR)) == 1
    assert {part.spent.responses for part in parts(world, since=T0 + HOUR)} == {1}
    assert len(parts(world, since=T0 + HOUR)) == 3
