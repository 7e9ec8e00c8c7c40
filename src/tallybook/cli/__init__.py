"""The command line: arguments in, text or JSON out."""

import sys
from contextlib import suppress

_SLOW = "typing_extensions"


def _import_msgspec() -> None:
    """Import msgspec with what ``typing`` offers since Python 3.11, as where ``typing_extensions`` is not installed.

    It looks for that first, and would import inspect, ast and tokenize with it: as long as bare Python takes to start.
    """
    if {"msgspec", _SLOW} & sys.modules.keys():
        return
    sys.modules[_SLOW] = None  # type: ignore[assignment]  # this is how one says that there is none
    try:
        with suppress(ImportError):  # a msgspec that can't do without: then it is imported as usual, later
            import msgspec  # noqa: F401
    finally:
        del sys.modules[_SLOW]


_import_msgspec()
