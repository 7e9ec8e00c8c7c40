"""What git and agents run: ``tally hook NAME ARGS``; closed when the rule is broken, open when tallybook is.

Standard library only, so that nobody waits. A fault of ours is one line on stderr and never blocks a commit or an
agent. Of an agent's hooks ``session-start`` alone comes here; ``session-end`` reads logs and takes another path.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallybook.hooks.surroundings import Surroundings

NOTHING_YET = frozenset(
    {
        "applypatch-msg",
        "fsmonitor-watchman",
        "p4-changelist",
        "p4-post-changelist",
        "p4-pre-submit",
        "p4-prepare-changelist",
        "post-applypatch",
        "post-checkout",
        "post-commit",
        "post-index-change",
        "post-receive",
        "post-rewrite",
        "post-update",
        "pre-applypatch",
        "pre-auto-gc",
        "pre-merge-commit",
        "pre-rebase",
        "pre-receive",
        "proc-receive",
        "push-to-checkout",
        "reference-transaction",
        "sendemail-validate",
        "update",
    }
)
"""Hooks of git that are accepted and do nothing."""
_USAGE = {
    "commit-msg": (1, 1, "FILE"),
    "prepare-commit-msg": (1, 3, "FILE [SOURCE [SHA]]"),
    "pre-commit": (0, 0, ""),
    "pre-push": (0, 2, "[REMOTE [URL]]"),
    "post-merge": (0, 1, "[SQUASH]"),
}


def main(argv: Sequence[str], environ: Mapping[str, str], cwd: Path | None = None) -> int:
    """Run the hook ``argv[0]`` with git's arguments; the exit status for git.

    Returns:
        0 if git may go on, 1 if the commit is refused, 2 if this is no hook of git or has the wrong arguments. An
        agent's hook returns 0 whatever happens: agents take 2 for an order.
    """
    name, arguments = (argv[0], argv[1:]) if argv else ("", ())
    if name == "session-start":
        return _session_start("".join(arguments[:1]), environ)
    if name in NOTHING_YET:
        return 0
    if name not in _USAGE:
        say(
            f"there is no hook {name!a}; git calls commit-msg, prepare-commit-msg, pre-commit, pre-push and "
            "post-merge, agents call session-start and session-end"
        )
        return 2
    least, most, usage = _USAGE[name]
    if not least <= len(arguments) <= most:
        say(f"usage: tally hook {name} {usage}".rstrip())
        return 2
    try:
        return _run(name, arguments, environ, cwd)
    except Exception as error:  # noqa: BLE001 - a commit is never blocked by a fault of ours
        say(fault(name, error))
        return 0


def _session_start(agent: str, environ: Mapping[str, str]) -> int:
    try:
        from tallybook.hooks.sessions import started  # noqa: PLC0415 - a fault in it is caught

        say(started(agent, getattr(sys.stdin, "buffer", None), environ))
    except Exception as error:  # noqa: BLE001 - an agent never fails by a fault of ours
        say(fault("session-start", error))
    return 0


def fault(name: str, error: Exception) -> str:
    """What is said of a fault of ours."""
    return f"warning: {name} did nothing: {type(error).__name__}: {ascii(str(error))[1:-1][:200]}"


def _run(name: str, arguments: Sequence[str], environ: Mapping[str, str], cwd: Path | None) -> int:
    from tallybook.hooks.surroundings import Surroundings, surroundings  # noqa: PLC0415 - a fault in it is caught

    here = Path.cwd() if cwd is None else cwd
    around = surroundings(here, environ)
    if not isinstance(around, Surroundings):
        say(f"warning: {name} did nothing: {around.message}")
        return 0
    if name in {"pre-commit", "pre-push"} and not _is_clean(name, arguments, around):
        return 1
    if name == "pre-commit":
        from tallybook.hooks.pre_commit import publish_and_stage  # noqa: PLC0415 - each hook imports its own

        say(publish_and_stage(around))
        return 0
    if name in {"pre-push", "post-merge"}:
        from tallybook.hooks.auto_sync import synchronise  # noqa: PLC0415 - each hook imports its own

        say(synchronise(around, arguments if name == "pre-push" else ()))
        return 0
    path = here / arguments[0]
    if name == "prepare-commit-msg":
        from tallybook.hooks.prepare_commit_msg import prepare  # noqa: PLC0415 - each hook imports its own

        say(prepare(around, path, "".join(arguments[1:2])))
        return 0
    from tallybook.hooks.commit_msg import check  # noqa: PLC0415 - each hook imports its own

    for problem in around.problems:
        say(f"warning: {problem.file}: {problem.message}")
    verdict = check(around, path)
    say(verdict.text)
    return 0 if verdict.accepted else 1


def _is_clean(name: str, arguments: Sequence[str], around: Surroundings) -> bool:
    """Whether the scan lets git go on; a fault in it keeps the hook from nothing else."""
    try:
        if not around.scans():
            return True
        from tallybook.hooks.scanning import scan_pushed, scan_staged  # noqa: PLC0415 - a fault in it is caught

        if name == "pre-commit":
            found = scan_staged(around)
        else:
            remote = "" if arguments[:1] == arguments[1:2] else "".join(arguments[:1])
            told = None if sys.stdin is None or sys.stdin.isatty() else getattr(sys.stdin, "buffer", None)
            found = scan_pushed(around, remote, b"" if told is None else told.read())
    except Exception as error:  # noqa: BLE001 - a commit is never blocked by a fault of ours
        say(fault(f"the scan of {name}", error))
        return True
    say(found.text)
    return found.accepted


def say(text: str) -> None:
    """Talk goes to stderr; a closed one is no reason to fail."""
    try:
        if text:
            sys.stderr.write(f"tallybook: {text}\n")
            sys.stderr.flush()
    except (OSError, ValueError):
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
