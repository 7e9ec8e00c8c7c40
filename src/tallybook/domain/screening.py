"""Texts that look like a secret; a title or a note that does is refused before anything is written."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Rule(NamedTuple):
    """What a secret of one kind looks like."""

    hints: tuple[str, ...]
    """Each such text has one of these; most titles have none, and no expression is made for them."""
    pattern: str

    def matches(self, text: str) -> bool:
        """Whether something in it looks so."""
        return any(hint in text for hint in self.hints) and re.search(self.pattern, text) is not None


RULES: Final = {
    "private-key": Rule(("PRIVATE KEY",), r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY"),
    "aws-access-key-id": Rule(
        ("AKIA", "ASIA", "AGPA", "AIDA", "AROA"), r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b"
    ),
    "github-token": Rule(
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})\b",
    ),
    "gitlab-token": Rule(("glpat-",), r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "anthropic-key": Rule(("sk-ant-",), r"\bsk-ant-[A-Za-z0-9_-]{16,}"),
    "openai-key": Rule(("sk-",), r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{24,}"),
    "slack-token": Rule(("xox",), r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "stripe-key": Rule(("k_live_", "k_test_"), r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    "google-api-key": Rule(("AIza",), r"\bAIza[A-Za-z0-9_-]{35}"),
    "npm-token": Rule(("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
    "pypi-token": Rule(("pypi-",), r"\bpypi-[A-Za-z0-9_-]{40,}"),
    "json-web-token": Rule(("eyJ",), r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    "url-with-password": Rule(("://",), r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,100}:[^\s/@]{3,100}@"),
    "assigned-password": Rule(
        ("=", ":"), r"(?i)\b(?:password|passwd|passphrase|pwd|api[_-]?key|secret|token)\s{0,3}[=:]\s{0,3}\S{8,}"
    ),
}


def secret_rule(text: str) -> str | None:
    """The name of the first rule that ``text`` matches, or None."""
    return next((name for name, rule in RULES.items() if rule.matches(text)), None)
