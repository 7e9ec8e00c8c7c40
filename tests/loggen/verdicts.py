"""What must hold of any explanation of any unit, checked wherever a unit is counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tallybook.agents.verdicts import Verdict, What

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.agents.port import LogReader, Response, SourceRows


def explained(reader: LogReader, unit: Sequence[SourceRows], responses: Sequence[Response]) -> list[Verdict]:
    """The verdicts: each occurrence has one, and what is counted is what was derived."""
    verdicts = list(reader.explain(unit))
    places = Counter((verdict.source, verdict.nth) for verdict in verdicts)
    assert places == Counter((source.key, index) for source in unit for index in range(len(source.rows)))
    counted = [verdict for verdict in verdicts if verdict.what is What.COUNTED]
    told = Counter((verdict.source, key) for verdict in counted for key in verdict.responses)
    assert told == Counter((one.source, one.key) for one in responses)
    sessions = {one.key: one.session for one in responses}
    for verdict in verdicts:
        assert set(verdict.responses) <= sessions.keys(), verdict
        assert verdict.why
        if verdict.what is What.COUNTED:
            assert verdict.session == sessions[verdict.responses[0]]
    return verdicts
