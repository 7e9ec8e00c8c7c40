"""Hypothesis strategies for what the domain holds: shared by the tests of the ledger, the domain and the reports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st

from tallybook.clock import timestamp
from tallybook.domain.events import (
    BackfilledPart,
    BackfilledSession,
    Body,
    BudgetSet,
    Event,
    GoalContinued,
    GoalCorrected,
    GoalFinished,
    GoalLinked,
    GoalsMerged,
    GoalStarted,
    GoalUpdated,
    NewEvent,
    SessionRef,
    StageMarked,
    UsageBackfilled,
    UsageManual,
    UsageSnapshot,
)
from tallybook.domain.goal import FAILURE_REASONS, KINDS, LARGEST_COUNT, OUTCOMES, RESULT_FITS
from tallybook.domain.quality import Quality
from tallybook.domain.sizes import CONTEXT_BANDS
from tallybook.domain.tokens import COMPONENTS, TokenVector
from tallybook.domain.usage import (
    ClassUsage,
    PriceClass,
    SessionUsage,
    SnapshotReason,
    merge_classes,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
HEX = "0123456789abcdef"

texts = st.text(max_size=30)
"""Any text that is Unicode, control characters and quotes too."""
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-./", min_size=1, max_size=12)
counts = st.one_of(st.integers(0, 5), st.integers(0, 200_000), st.integers(0, LARGEST_COUNT // 16))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
iso_times = moments.map(datetime.isoformat)
days = st.dates(datetime(2026, 1, 1).date(), datetime(2026, 12, 31).date()).map(str)  # noqa: DTZ001
goal_ids = st.builds("g{:%y%m%d}-{}".format, moments, st.text(CROCKFORD, min_size=8, max_size=8))
few_goal_ids = st.sampled_from([f"g261122-{digit * 8}" for digit in "0abc"])
"""From a small pool, so that events meet."""
writers = st.text(HEX, min_size=8, max_size=8).map("w-{}".format)
event_ids = st.uuids(version=4).map(lambda value: f"{str(value)[:14]}7{str(value)[15:]}")
hlcs = st.builds("{:013d}-{:04x}".format, st.integers(0, 9_999_999_999_999), st.integers(0, 0xFFFF))


def maybe(strategy: SearchStrategy[T]) -> SearchStrategy[T | None]:
    """The strategy's values, or None."""
    return st.none() | strategy


def several(strategy: SearchStrategy[T], most: int = 3) -> SearchStrategy[tuple[T, ...]]:
    """Tuples of up to ``most`` values."""
    return st.lists(strategy, max_size=most).map(tuple)


vectors = st.builds(TokenVector, *(counts for _ in COMPONENTS))
price_classes = st.builds(
    PriceClass,
    names,
    st.sampled_from(["standard", "flex"]),
    st.sampled_from(["≤200k", "≤272k", *CONTEXT_BANDS]),
    days,
)
class_usages = st.builds(ClassUsage, price_classes, counts, vectors, maybe(counts))
session_usages = st.builds(
    SessionUsage,
    agent=names,
    session=names,
    classes=several(class_usages, 4).map(merge_classes),
    quality=st.sampled_from(Quality),
    parent=maybe(names),
    born_after_start=st.booleans(),
    pending=st.booleans(),
    high_water=maybe(texts),
    pending_call=maybe(texts),
    unreported=several(st.sampled_from(COMPONENTS)),
)
session_refs = st.builds(SessionRef, names, names, st.sampled_from(["flag", "environment", "process"]))

goals_started = st.builds(
    GoalStarted,
    title=texts,
    kind=st.sampled_from(KINDS),
    started_at=iso_times,
    worktree=maybe(names),
    session=maybe(session_refs),
    untracked=st.booleans(),
    agent=maybe(names),
    model=maybe(names),
    notes=maybe(texts),
    refs=several(texts),
    supersedes=maybe(goal_ids),
    inputs=several(goal_ids),
    input_sources=several(texts),
    source_id=maybe(texts),
    pass_number=maybe(counts),
    branch=maybe(texts),
    head=maybe(names),
)
goals_continued = st.builds(
    GoalContinued, iso_times, maybe(st.sampled_from(FAILURE_REASONS)), maybe(texts), maybe(session_refs)
)
goals_finished = st.builds(
    GoalFinished,
    status=st.sampled_from(OUTCOMES),
    finished_at=iso_times,
    failure_reason=maybe(st.sampled_from(FAILURE_REASONS)),
    result_fit=maybe(st.sampled_from(RESULT_FITS)),
    notes=maybe(texts),
    session=maybe(session_refs),
    head=maybe(names),
    dirty=maybe(names),
)
goals_corrected = st.builds(
    GoalCorrected,
    status=st.sampled_from(OUTCOMES),
    finished_at=iso_times,
    failure_reason=maybe(st.sampled_from(FAILURE_REASONS)),
    result_fit=maybe(st.sampled_from(RESULT_FITS)),
    notes=maybe(texts),
    reason=maybe(texts),
)
goals_updated = st.builds(
    GoalUpdated,
    title=maybe(texts),
    notes=maybe(texts),
    result_fit=maybe(st.sampled_from(RESULT_FITS)),
    model=maybe(names),
    refs=several(texts),
    inputs=several(goal_ids),
    input_sources=several(texts),
    claims_extracted=maybe(counts),
    claims_updated=maybe(counts),
)
goals_merged = st.builds(GoalsMerged, few_goal_ids)
stages_marked = st.builds(StageMarked, names, iso_times, maybe(texts), maybe(names))
snapshots = st.builds(UsageSnapshot, st.sampled_from(SnapshotReason), several(session_usages), texts, maybe(event_ids))
backfilled_sessions = st.builds(
    BackfilledSession,
    st.sampled_from(["session", "worktree", "repository", "time"]),
    session_usages,
    several(st.builds(BackfilledPart, counts, counts, session_usages)),
)
usages_backfilled = st.builds(UsageBackfilled, iso_times, iso_times, several(backfilled_sessions), texts)
usages_manual = st.builds(UsageManual, vectors, several(st.sampled_from(COMPONENTS)), maybe(names))
goals_linked = st.builds(GoalLinked, st.sampled_from(["commit", "branch", "pr", "ref"]), texts, names)
budgets_set = st.builds(BudgetSet, maybe(counts), maybe(counts), maybe(names))

bodies: SearchStrategy[Body] = st.one_of(
    goals_started,
    goals_continued,
    goals_finished,
    goals_corrected,
    goals_updated,
    goals_merged,
    stages_marked,
    snapshots,
    usages_backfilled,
    usages_manual,
    goals_linked,
    budgets_set,
)
"""One of every type that this version writes."""
new_events = st.builds(NewEvent, few_goal_ids, bodies)
events = st.builds(
    Event, event_ids, writers, st.integers(1, 10**15 - 1), moments.map(timestamp), hlcs, few_goal_ids, bodies
)
