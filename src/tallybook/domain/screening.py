"""Texts that look like a secret; a title or a note that does is refused before anything is written."""

from __future__ import annotations

import re
from typing import Final

RULES: Final = {
    "private-key": re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY"),
    "aws-access-key-id": re.compile(r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b"),
    "github-token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})\b"),
    "gitlab-token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "anthropic-key": re.compile(r"\bsk-ant-[A-Za-z0-9_-]{16,}"),
    "openai-key": re.compile(r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{24,}"),
    "slack-token": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "stripe-key": re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    "google-api-key": re.compile(r"\bAIza[A-Za-z0-9_-]{35}"),
    "npm-token": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "pypi-token": re.compile(r"\bpypi-[A-Za-z0-9_-]{40,}"),
    "json-web-token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    "url-with-password": re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,100}:[^\s/@]{3,100}@"),
    "assigned-password": re.compile(
        r"(?i)\b(?:password|passwd|passphrase|pwd|api[_-]?key|secret|token)\s{0,3}[=:]\s{0,3}\S{8,}"
    ),
}


def secret_rule(text: str) -> str | None:
    """The name of the first rule that ``text`` matches, or None."""
    return next((name for name, rule in RULES.items() if rule.search(text)), None)
