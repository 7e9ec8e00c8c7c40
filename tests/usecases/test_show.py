"""What sessions have counted is added up from whichever part of them is smaller, and is the same from both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.figures import Figures, Share
from tallybook.domain.metrics import accounts
from tallybook.domain.state import LedgerState
from tallybook.domain.tokens import TokenVector, total_of
from tallybook.domain.usage import SessionKey
from tallybook.usecases.show import _counted

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = st.integers(0, 12).map(lambda number: SessionKey("claude", f"s{number}"))
SHARES = st.builds(Share, st.builds(TokenVector, st.integers(0, 9), st.integers(0, 9), output=st.integers(0, 9)))


@given(st.dictionaries(KEYS, SHARES), st.sets(KEYS))
def test_the_smaller_part_tells_what_the_others_have_counted(
    shares: Mapping[SessionKey, Share], strange: set[SessionKey]
) -> None:
    total = Share(total_of(share.counter for share in shares.values()))
    state = LedgerState(figures=Figures(shares=dict(shares), total=total))
    found = _counted(accounts(state), {key for key in shares if key in strange})
    assert found == total_of(share.counter for key, share in shares.items() if key not in strange)
