"""How the findings of `scan` are shown; a secret is never among what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.cli.render import document, line, say, warn
from tallybook.domain.problems import Problem, Refusal, Where
from tallybook.repo.scanning.telling import finding_line
from tallybook.reports import contract
from tallybook.reports.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallybook.repo.scanning.kinds import Kind
    from tallybook.repo.scanning.rules import BadRules
    from tallybook.repo.scanning.scan import Finding, Scan
    from tallybook.reports.vectors import Json
    from tallybook.usecases.scanning import Scanned, SelfTested

_MOST_FAULTS: Final = 10


def show_scan(kind: Kind, scanned: Scanned, problems: Sequence[Problem], *, json: bool) -> int:
    """Tell what was found and return the exit code."""
    scan = scanned.scan
    everything = (*problems, *_problems(scan))
    if json:
        content: dict[str, Json] = {
            "kind": kind,
            "rules": scanned.rules,
            "files": scan.files,
            "findings": [_finding(one) for one in scan.findings],
            "allowed": scan.allowed,
            "unused": [{"rule": one.rule, "file": one.file, "line": one.line} for one in scan.unused],
            "unseen": [{"file": one.file, "why": one.why} for one in scan.unseen],
            "problems": contract.problems(everything),
        }
        document("scan", content)
    else:
        for one in scan.findings:
            line(finding_line(one))
        allowed = f", {scan.allowed:,} allowed" if scan.allowed else ""
        found = counted(len(scan.findings), "finding") if scan.findings else "clean"
        line(f"{counted(scan.files, 'file')}: {found}{allowed}")
    warn(everything)
    if scan.findings and not json:
        say(f"  what is none after all: a comment tally:allow {scan.findings[0].rule} <reason> on the line or above it")
    return 1 if scan.findings else 0


def show_self_test(kind: Kind, tested: SelfTested, *, json: bool) -> int:
    """Tell how the rules did and return the exit code."""
    if json:
        faults: list[Json] = [{"rule": one.rule, "message": one.message} for one in tested.faults]
        content: dict[str, Json] = {"kind": kind, "rules": tested.rules, "tried": tested.tried, "faults": faults}
        document("scan-self-test", {**content, "problems": []})
    else:
        for one in tested.faults:
            line(str(one))
        told = counted(len(tested.faults), "fault") if tested.faults else "all keep what their examples promise"
        line(f"{counted(tested.tried, 'rule')} of {tested.rules}: {told}")
    return 1 if tested.faults else 0


def bad_rules(bad: BadRules) -> Refusal:
    """All that is wrong with the rules, the first with its remedy."""
    first = bad.faults[0]
    return Refusal(
        "bad-rules", "\n".join(map(str, bad.faults)), first.hint or "mend the file and scan again", usage=True
    )


def _finding(found: Finding) -> Json:
    at = found.place
    return {
        "rule": found.rule,
        "message": found.message,
        "file": found.file,
        "line": at.line,
        "column": at.column,
        "byte": at.byte if found.is_inside else None,
        "commit": found.commit,
        "shown": found.shown,
        "length": found.length,
        "note": found.note,
    }


def _problems(scan: Scan) -> list[Problem]:
    unseen = [Problem("unseen", f"not looked into: {one.why}", Where(one.file)) for one in scan.unseen]
    hint = "take it out, so that it doesn't allow what comes there later"
    unused = [
        Problem(
            "unused-allowance", f"this allows {one.rule}, which is not found there", Where(one.file, one.line), hint
        )
        for one in scan.unused
    ]
    return [*unseen, *unused]
