"""Reads a file that should hold a report of ccusage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.domain.problems import Refusal
from tallybook.history.ccusage import LARGEST, NotAReport, Report, report_of

if TYPE_CHECKING:
    from pathlib import Path

_HINT: Final = "such as `ccusage daily --json > FILE`"


def read_report(path: Path) -> Report | Refusal:
    """The report in the file."""
    try:
        if not path.is_file():
            what = "it is no regular file" if path.exists() else "there is no such file"
            return Refusal("no-report", f"{path}: {what}", _HINT, usage=True)
        if path.stat().st_size > LARGEST:
            return Refusal("no-report", f"{path}: it is longer than {LARGEST:,} bytes", _HINT)
        return report_of(path.read_bytes())
    except NotAReport as error:
        return Refusal("no-report", f"{path}: {error}", _HINT)
    except OSError as error:
        return Refusal("no-report", f"{path}: {error.strerror or error}", _HINT)
