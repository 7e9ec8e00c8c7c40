"""Our entries in an agent's hook settings, which Claude Code and Codex write in the same form.

An entry is ours by its command alone; entries of others keep their place and their bytes.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tallybook import __file__ as package_file
from tallybook.domain.problems import Refusal
from tallybook.usecases.agent_setup.json_text import Fault, added, outline, parsed, rendered, root, taken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallybook.usecases.agent_setup.json_text import Container, Plain

_OURS: Final = re.compile(r"-m tallybook hook .* session-(?:start|end) (?:claude|codex)", re.DOTALL)
# Any shell can run this line; sh then takes the interpreter that wrote it or, where that is gone, the tally on PATH.
# Nothing reaches stdout, and the exit code is 0: agents show the one to the model and take the other for an order.
_SCRIPT: Final = (
    'if test -x "$0" && test -f "$1"; then shift; "$0" -P -m tallybook hook "$@"; '
    'elif command -v tally; then shift; tally hook "$@"; fi >/dev/null; exit 0'
)


class _Entry(NamedTuple):
    event: str
    hook: str
    seconds: int
    """The agent stops the hook after that. Codex gives the end of a session three seconds at most."""


_ENTRIES: Final = {
    "claude": (_Entry("SessionStart", "session-start", 10), _Entry("SessionEnd", "session-end", 30)),
    "codex": (
        _Entry("SessionStart", "session-start", 10),
        _Entry("Stop", "session-end", 30),
        _Entry("SessionEnd", "session-end", 3),
    ),
}


def command(agent: str, hook: str) -> str:
    """What the agent runs."""
    package = Path(package_file).with_name("__main__.py")
    return shlex.join(["sh", "-c", _SCRIPT, sys.executable, str(package), hook, agent])


def with_entries(text: str | None, agent: str) -> str | Refusal:
    """The settings with our entries; None is a file that is not there."""
    wanted = _wanted(agent)
    if text is None:
        return rendered({"hooks": {event: [group] for event, group in wanted.items()}}, "\n", "  ") + "\n"
    held = _held(text)
    if isinstance(held, Refusal):
        return held
    if held == {event: [group] for event, group in wanted.items()}:
        return text
    bare = without_entries(text)
    if not isinstance(bare, str):
        return with_entries(None, agent) if bare is None else bare
    for event, group in wanted.items():
        bare = _with_group(bare, event, group)
    return bare


def without_entries(text: str) -> str | Refusal | None:
    """The settings without our entries; None if nothing is left of a file that we made."""
    held = _held(text)
    if isinstance(held, Refusal):
        return held
    rest: str | None = text
    while rest is not None and (path := next(_paths(rest), None)):
        rest = taken(rest, path)
    return rest


def _wanted(agent: str) -> dict[str, Plain]:
    return {
        entry.event: {"hooks": [{"type": "command", "command": command(agent, entry.hook), "timeout": entry.seconds}]}
        for entry in _ENTRIES[agent]
    }


def _held(text: str) -> dict[str, list[object]] | Refusal:
    """The groups with an entry of ours, by event."""
    settings = parsed(text)
    if isinstance(settings, Fault):
        place = "" if settings.line is None else f"line {settings.line}: "
        return _refusal(f"it is no JSON: {place}{settings.message}")
    if not isinstance(settings, dict):
        return _refusal("it holds no JSON object")
    events = settings.get("hooks", {})
    if not isinstance(events, dict):
        return _refusal("its hooks are no object")
    found: dict[str, list[object]] = {}
    for event, groups in events.items():
        if not isinstance(groups, list):
            return _refusal(f"its hooks of {event[:80]} are no list")
        ours = [group for group in groups if any(_is_ours(handler) for handler in _handlers(group))]
        if ours:
            found[event] = ours
    return found


def _handlers(group: object) -> list[object]:
    handlers = group.get("hooks") if isinstance(group, dict) else None
    return handlers if isinstance(handlers, list) else []


def _is_ours(handler: object) -> bool:
    line = handler.get("command") if isinstance(handler, dict) else None
    return isinstance(line, str) and _OURS.search(line) is not None


def _with_group(text: str, event: str, group: Plain) -> str:
    whole = root(text)
    hooks = whole.member("hooks")
    if hooks is None:
        return added(text, whole, "hooks", {event: [group]})
    events = outline(text, hooks.value)
    groups = events.member(event)
    if groups is None:
        return added(text, events, event, [group])
    return added(text, outline(text, groups.value), None, group)


def _paths(text: str) -> Iterator[list[tuple[Container, int]]]:
    """The way to each entry of ours, or to its group where the group has no other."""
    whole = root(text)
    for top, hooks in enumerate(whole.items):
        if hooks.key != "hooks":
            continue
        events = outline(text, hooks.value)
        for which, event in enumerate(events.items):
            groups = outline(text, event.value)
            above = [(whole, top), (events, which)]
            for number, group in enumerate(groups.items):
                if text[group.value] == "{":
                    yield from _in_group(text, outline(text, group.value), [*above, (groups, number)])


def _in_group(text: str, group: Container, above: list[tuple[Container, int]]) -> Iterator[list[tuple[Container, int]]]:
    member = group.member("hooks")
    if member is None or text[member.value] != "[":
        return
    handlers = outline(text, member.value)
    for number, item in enumerate(handlers.items):
        if _is_ours(parsed(text[item.value : item.end])):
            yield above if len(handlers.items) == 1 else [*above, (handlers, number)]


def _refusal(message: str) -> Refusal:
    return Refusal("settings-unreadable", message, "mend it by hand, or move it away, and run this again")
