"""What looks like a secret: the hints of a rule leave out nothing that its expression finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallybook.domain.screening import RULES, secret_rule


@pytest.mark.parametrize("name", RULES)
@given(data=st.data())
def test_whatever_a_rule_describes_is_found(name: str, data: st.DataObject) -> None:
    """Anywhere in a text, whatever stands around it."""
    text = data.draw(st.from_regex(RULES[name].pattern))
    assert RULES[name].matches(text)
    assert secret_rule(text) is not None
