"""Models by the name and the vendor that a book of prices knows them by.

A name is translated by rules that are written here, and by nothing else: a suffix that no rule knows leaves the name as
it is, so that the book does not know it either.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_ROUTES: Final = {
    "anthropic": "anthropic",
    "openai": "openai",
    "google": "google",
    "gemini": "google",
    "vertex_ai": "google",
    "google-vertex": "google",
    "google-vertex-anthropic": "anthropic",
    "x-ai": "x-ai",
    "xai": "x-ai",
    "mistral": "mistral",
    "mistralai": "mistral",
    "deepseek": "deepseek",
    "azure": "openai",
    "amazon-bedrock": None,
    "bedrock": None,
    "openrouter": None,
    "github-copilot": None,
    "vercel": None,
    "litellm": None,
    "opencode": None,
    "models": "google",
}
"""What stands before a slash: a vendor, or a gateway to several."""
_FAMILIES: Final = (
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"(?:gpt-|chatgpt-|o[134](?:-|$)|codex-)"), "openai"),
    (re.compile(r"gemini-"), "google"),
    (re.compile(r"grok-"), "x-ai"),
    (re.compile(r"(?:mistral|magistral|codestral|devstral|ministral)-"), "mistral"),
    (re.compile(r"deepseek-"), "deepseek"),
)
_BEDROCK: Final = re.compile(
    r"(?:(?:us|eu|apac|au|jp|global|us-gov)\.)?anthropic\.(claude-.+?)(?:-v[0-9]+(?::[0-9]+)?)?"
)
_VERTEX: Final = re.compile(r"(claude-.+)@(?:20[0-9]{6}|latest|default)")
_WINDOW: Final = re.compile(r"(.+?)\[1m\]")
_EFFORT: Final = re.compile(r"((?:gpt-|o[134]).*?)[ :(-](?:none|minimal|low|medium|high|xhigh|max)\)?")
_DOTTED: Final = re.compile(r"(claude-(?:opus|sonnet|haiku)-[0-9])\.([0-9].*)")
_LONGEST: Final = 200


class Named(NamedTuple):
    """A model of a vendor."""

    vendor: str
    model: str


@lru_cache(maxsize=4096)
def translated(model: str) -> Named | None:
    """The vendor of a model as an agent has logged it, and its name there; None where no rule tells a vendor."""
    if not model or len(model) > _LONGEST:
        return None
    name = model.strip().lower()
    vendor = None
    while "/" in name:
        route, _, rest = name.partition("/")
        if route not in _ROUTES or not rest:
            return None
        vendor, name = _ROUTES[route] or vendor, rest
    for pattern in (_BEDROCK, _VERTEX, _WINDOW):
        found = pattern.fullmatch(name)
        name = found[1] if found else name
    dotted = _DOTTED.fullmatch(name)
    if dotted:
        name = f"{dotted[1]}-{dotted[2]}"
    family = next((owner for pattern, owner in _FAMILIES if pattern.match(name)), None)
    vendor = family or vendor
    return None if vendor is None else Named(vendor, name)


def without_effort(model: str) -> str | None:
    """The name without how hard the model was told to think; None where it says nothing of it."""
    found = _EFFORT.fullmatch(model)
    return found[1] if found else None
