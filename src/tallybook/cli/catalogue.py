"""The commands by name, in the order of a task's life, and the modules that they are in."""

from __future__ import annotations

from typing import Final

COMMANDS: Final = {
    "init": "init",
    "start-task": "start_task",
    "continue-task": "continue_task",
    "mark": "mark",
    "finish-task": "finish_task",
    "update": "update",
    "merge-tasks": "merge_tasks",
    "run": "run",
    "ensure-active-task": "ensure_active_task",
    "budget": "budget",
    "check": "check",
    "settle": "settle",
    "backfill": "backfill",
    "sessions": "sessions",
    "usage": "usage",
    "why": "why",
    "limits": "limits",
    "prices": "prices",
    "cost-audit": "cost_audit",
    "import": "import_ledger",
    "reconcile": "reconcile",
    "history": "history",
    "show": "show",
    "log": "log",
    "report": "report",
    "verify": "verify",
    "repair": "repair",
    "sync": "sync",
    "doctor": "doctor",
    "scan": "scan",
    "hooks": "hooks",
    "check-commits": "check_commits",
    "cost": "cost",
    "receipt": "receipt",
    "outcome": "outcome",
    "agent": "agent",
    "completion": "completion",
    "hook": "hook",
}
PLAIN: Final = frozenset({"start-task", "continue-task", "mark", "finish-task", "show", "sessions", "usage"})
"""Commands that agents wait for: functions in modules that do without the parser library."""
