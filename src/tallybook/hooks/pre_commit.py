"""``pre-commit``: the published copy of this clone's own events goes into the commit.

Standard library only. It never fails a commit, and it stages no other file.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from tallybook.ledger.publish import publish
from tallybook.repo.git import GitFault

if TYPE_CHECKING:
    from tallybook.hooks.surroundings import Surroundings


def publish_and_stage(around: Surroundings) -> str:
    """Bring the copy up to date and stage it; what is to be said on stderr.

    Nothing happens in a rebase, cherry-pick or revert, where today's events would collide with older ones, nor in a
    commit of named paths: git has laid its real index aside by then, and would count the copy as deleted afterwards.

    Raises:
        OSError: the copy can't be written.
    """
    directory = around.published()
    partial = PurePath(around.environ.get("GIT_INDEX_FILE", "")).name.startswith("next-index-")
    if directory is None or partial or around.operation() not in {None, "merge"}:
        return ""
    names = []
    for writer in sorted(around.writers()):
        publish(around.ledger, writer, directory)
        if (directory / f"{writer}.ndjson").is_file():
            names.append(f"{around.settings.ledger_publish}/{writer}.ndjson")
    if not names:
        return ""
    done = around.repository.git.write("update-index", "--add", "--", *names)
    return f"warning: the ledger can't be staged: {done.message}" if isinstance(done, GitFault) else ""
