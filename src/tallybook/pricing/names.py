"""Models by the name and the vendor that a book of prices knows them by.

A name is translated by rules that are written here, and by nothing else: a suffix that no rule knows leaves the name as
it is, so that the book does not know it either.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_ANY: Final = ""
_ROUTES: Final = {
    **{name: name for name in ("anthropic", "openai", "google", "x-ai", "mistral", "deepseek", "moonshotai", "zai")},
    "gemini": "google",
    "google-vertex-anthropic": "anthropic",
    "minimax": "minimax",
    "mistralai": "mistral",
    "models": "google",
    "moonshot": "moonshotai",
    "xai": "x-ai",
    "z-ai": "zai",
    **dict.fromkeys(("amazon-bedrock", "azure", "bedrock", "github-copilot", "google-vertex", "litellm"), _ANY),
    **dict.fromkeys(("azure_ai", "copilot", "litellm_proxy", "opencode", "openrouter", "vercel", "vertex_ai"), _ANY),
}
"""What stands before a slash: a vendor, or a gateway to several."""
_FAMILIES: Final = (
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"(?:gpt-|chatgpt-|o[134](?:-|$)|codex-)"), "openai"),
    (re.compile(r"gemini-"), "google"),
    (re.compile(r"grok-"), "x-ai"),
    (re.compile(r"(?:mistral|magistral|codestral|devstral|ministral)-"), "mistral"),
    (re.compile(r"deepseek-"), "deepseek"),
    (re.compile(r"kimi-"), "moonshotai"),
    (re.compile(r"glm-"), "zai"),
    (re.compile(r"minimax-"), "minimax"),
)
_REGION: Final = r"(?:(global|us|us-gov|eu|apac|au|jp|in)\.)?"
_BEDROCK: Final = re.compile(rf"{_REGION}anthropic\.(claude-[a-z0-9.-]+?)(?:-v[0-9]+(?::[0-9]+)?)?")
_PROFILE: Final = re.compile(r"arn:aws[a-z-]*:bedrock:[a-z0-9-]*:[0-9]*:(?:inference-profile|foundation-model)/(.+)")
_VERTEX: Final = re.compile(r"(claude-.+)@(?:20[0-9]{6}|latest|default)")
_WINDOW: Final = re.compile(r"(.+?)\[1m\]")
_EFFORTS: Final = r"none|minimal|low|medium|high|xhigh"
_EFFORT: Final = re.compile(rf"((?:gpt-|o[134]).*?)(?:-(?:{_EFFORTS})|(?: ?\(| |:)(?:{_EFFORTS}|max)\)?)")
"""How hard it was told to think; behind a hyphen ``max`` is another model, such as ``gpt-5.1-codex-max``."""
_DOTTED: Final = re.compile(r"(claude-(?:opus|sonnet|haiku|fable|mythos)-[0-9])\.([0-9].*)")
_LONGEST: Final = 200
_BEFORE_DATE: Final = r"20[0-9]{6}|20[0-9]{2}-[0-9]{2}-[0-9]{2}"
_PLAIN: Final = re.compile(rf"(?:[-@](?:{_BEFORE_DATE}))?(?:-latest|-preview|-exp|-thinking|-001|-002)?")
"""What may stand behind the name of a model without making it another one."""
_DATED: Final = re.compile(rf".*[-@](?:{_BEFORE_DATE})")


_STANDARD: Final = frozenset({"", "standard", "default", "auto", "on_demand"})
VENDORS: Final = frozenset({*_ROUTES.values(), "aws"} - {_ANY})
"""All that a name can lead to."""


class Named(NamedTuple):
    """A model of a vendor."""

    vendor: str
    model: str
    everywhere: bool = True
    """Of a model at Bedrock: not bound to a region, which would cost more."""


@lru_cache(maxsize=4096)
def translated(model: str) -> Named | None:
    """The vendor of a model as an agent has logged it, and its name there; None where no rule tells a vendor."""
    if not model or len(model) > _LONGEST or not model.isascii():
        return None
    name = model.strip().lower()
    profile = _PROFILE.fullmatch(name)
    routed = _routed(profile[1] if profile else name)
    if routed is None:
        return None
    name, routes = routed
    bedrock = _BEDROCK.fullmatch(name)
    if bedrock:
        return Named("aws", bedrock[2], bedrock[1] == "global") if routes <= {_ANY} else None
    for pattern in (_VERTEX, _WINDOW):
        found = pattern.fullmatch(name)
        name = found[1] if found else name
    dotted = _DOTTED.fullmatch(name)
    name = f"{dotted[1]}-{dotted[2]}" if dotted else name
    family = next((owner for pattern, owner in _FAMILIES if pattern.match(name)), _ANY)
    vendors = {*routes, family} - {_ANY}
    return Named(vendors.pop(), name) if len(vendors) == 1 else None


def standard(tier: str) -> str:
    """The tier as logged, by one name for all that mean the standard one."""
    return "standard" if tier in _STANDARD else tier


def _routed(name: str) -> tuple[str, set[str]] | None:
    """What stands behind all slashes, and the vendors before them; None where nobody knows the way."""
    routes: set[str] = set()
    while "/" in name:
        route, _, name = name.partition("/")
        if route not in _ROUTES or not name:
            return None
        routes.add(_ROUTES[route])
    return name, routes


def without_effort(model: str) -> str | None:
    """The name without how hard the model was told to think; None where it says nothing of it."""
    found = _EFFORT.fullmatch(model)
    return found[1] if found else None


def is_plain(rest: str) -> bool:
    """Whether what stands behind the name of a model is a date or a word that makes no other model of it."""
    return _PLAIN.fullmatch(rest) is not None


def is_dated(name: str) -> bool:
    """Whether a name ends in a date."""
    return _DATED.fullmatch(name) is not None
