"""Where each agent looks for hooks, skills and instructions, in a repository and in its own configuration.

These are the places that real builds of the agents were seen to read; Claude Code reads a repository's hooks only
where it is started, Codex in every directory from the top level down.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tallybook.domain.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallybook.usecases.workspace import Workspace

_HOOKS: Final = {"claude": "settings.json", "codex": "hooks.json"}
_INSTRUCTIONS: Final = {"claude": "CLAUDE.md", "codex": "AGENTS.md"}
_SKILL: Final = Path("skills", "tallybook", "SKILL.md")
_TRUST: Final = (
    "Codex runs hooks only after you have trusted them: start codex here, open /hooks and trust those of tallybook"
)
NEEDS: Final = {
    ("claude", "project"): "Claude Code runs these hooks when it is started in this very directory, not below it",
    ("claude", "user"): "Claude Code runs these hooks from its next start on",
    ("codex", "project"): f"{_TRUST}; the project itself must be trusted too",
    ("codex", "user"): _TRUST,
}
"""What the user must know or do after an installation, by agent and scope."""


class Places(msgspec.Struct, frozen=True):
    """The files of one agent in one scope."""

    agent: str
    scope: str
    """``project`` or ``user``."""
    limit: Path
    """The directory that is never removed, nor anything above it."""
    hooks: Path
    skill: Path
    instructions: Path


def places_of(workspace: Workspace, agent: str, *, user: bool) -> Places | Refusal:
    """The files in the agent's own configuration, or in the repository around the workspace."""
    if user:
        found = user_places(agent, workspace.environ)
        return found or Refusal("no-home", "no home directory is known", "set HOME and run this again")
    if workspace.repository is None:
        hint = "run it inside a repository, or give --user for all that you do with this agent"
        return Refusal("no-work-tree", "there is no git work tree here", hint)
    return project_places(agent, workspace.repository.toplevel)


def project_places(agent: str, toplevel: Path) -> Places:
    """The files in a repository."""
    own = toplevel / f".{agent}"
    return Places(agent, "project", toplevel, own / _HOOKS[agent], own / _SKILL, toplevel / _INSTRUCTIONS[agent])


def user_places(agent: str, environ: Mapping[str, str]) -> Places | None:
    """The files in the agent's own configuration; None where the environment names no home."""
    own = _configuration(agent, environ)
    if own is None:
        return None
    return Places(agent, "user", own.parent, own / _HOOKS[agent], own / _SKILL, own / _INSTRUCTIONS[agent])


def _configuration(agent: str, environ: Mapping[str, str]) -> Path | None:
    named = environ.get("CODEX_HOME" if agent == "codex" else "CLAUDE_CONFIG_DIR", "").partition(",")[0].strip()
    home = environ.get("HOME", "")
    if named:
        return Path(home, named[2:]).absolute() if home and named.startswith("~/") else Path(named).absolute()
    return Path(home, f".{agent}").absolute() if home else None
