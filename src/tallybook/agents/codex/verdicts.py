"""What became of each line of Codex's logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.codex import facts
from tallybook.agents.codex.counting import Claim, Left, Passed, account_of, identity_of, identity_of_record
from tallybook.agents.codex.steps import Passed as Counter
from tallybook.agents.codex.steps import steps_of
from tallybook.agents.verdicts import Verdict, What

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallybook.agents.codex.counting import Account
    from tallybook.agents.codex.steps import Content
    from tallybook.agents.codex.threads import Thread
    from tallybook.agents.port import SourceRows

_RECORD: Final = "a usage record"
_COUNTER: Final = "the counter has moved"
_TWIN: Final = "a usage record tells of the same response"
_AGAIN: Final = "the same response stands in this log once more"
_COPY: Final = "another log has it as well"
_REASONS: Final = {
    Counter.REPEATED: What.REPEATED,
    Counter.ESTIMATE: What.ESTIMATE,
    Counter.FILLED: What.ESTIMATE,
    Counter.IMPOSSIBLE: What.BAD,
    Counter.NOTHING: What.NO_USAGE,
}
_KINDS: Final[dict[type[facts.AnyFact], str]] = {
    facts.Meta: "who a thread is",
    facts.Turn: "a turn begins",
    facts.Context: "what a turn runs with",
    facts.Settings: "settings of the thread",
    facts.Window: "the size of the context",
    facts.Search: "a search of the web",
    facts.Call: "a tool call",
    facts.Stop: "a turn ends",
    facts.Compacted: "a compaction",
    facts.Review: "review mode is entered or left",
}


def explain(unit: Sequence[SourceRows]) -> Iterator[Verdict]:
    """The verdict on every occurrence."""
    account = account_of(unit)
    claimed = {(one.source, one.nth) if isinstance(one, Passed) else one.place: one for one in account.claims}
    names = _Names(account)
    for thread in account.family.threads:
        passed: dict[int, Counter] = {}
        for _ in steps_of(thread.facts, passed):
            pass
        for index, fact in enumerate(thread.facts):
            claim = claimed.get((thread.key, index))
            if isinstance(claim, Claim):
                yield _claimed(claim, _RECORD if isinstance(fact, facts.Record) else _COUNTER, account)
            elif claim is not None:
                yield _left(claim, thread, names)
            elif index in thread.covered:
                yield _twin(thread, index, names)
            elif index in passed:
                yield Verdict(thread.key, index, _REASONS[passed[index]], passed[index], thread.id)
            else:
                yield Verdict(thread.key, index, What.NO_USAGE, _KINDS.get(type(fact), "nothing"))


def _claimed(claim: Claim, why: str, account: Account) -> Verdict:
    source, index = claim.place
    best = account.best.get(claim.identity)
    if best is None:
        return Verdict(source, index, What.TWIN, _TWIN, claim.response.session)
    response = best.response
    keys = (response.key,)
    if best.place == claim.place:
        return Verdict(source, index, What.COUNTED, why, response.session, keys)
    if response.source == source:
        return Verdict(source, index, What.REPEATED, _AGAIN, response.session, keys)
    return Verdict(source, index, What.COPY, _COPY, response.session, keys)


def _twin(thread: Thread, index: int, names: _Names) -> Verdict:
    key = names.of_record(thread.facts[thread.matching.records[index]])
    return Verdict(thread.key, index, What.TWIN, _TWIN, key.partition(":")[0], (key,))


def _left(passed: Passed, thread: Thread, names: _Names) -> Verdict:
    what = What.COPY if passed.why is Left.FORWARDED else What.BEFORE_FORK
    owners = thread.lineage or thread.relatives
    further = tuple(owner for ancestor in names.ancestors(thread) for owner in ancestor.lineage)
    others = tuple(one.id for one in names.threads if one.id != thread.id) if what is What.COPY else ()
    for owner in dict.fromkeys((*owners, *further, *others)):
        key = names.of(owner).get(passed.step.content)
        if key is not None:
            return Verdict(thread.key, passed.nth, what, passed.why, key.partition(":")[0], (key,))
    return Verdict(thread.key, passed.nth, what, passed.why, next(iter(owners), thread.id))


class _Names:
    """The keys of what threads count, by content."""

    def __init__(self, account: Account) -> None:
        self.threads = account.family.threads
        self._family = account.family
        self._counted = {claim.response.key for claim in account.best.values()}
        self._best = account.best
        self._found: dict[str, dict[Content, str]] = {}

    def ancestors(self, thread: Thread) -> Sequence[Thread]:
        """The logs of all threads that one descends from."""
        return self._family.ancestors(thread)

    def of(self, owner: str) -> dict[Content, str]:
        """Those of one thread; without a log of its own it has what others have copied from it."""
        if owner not in self._found:
            found: dict[Content, str] = {}
            for thread in self._family.sources(owner) or self.threads:
                for step in thread.steps:
                    record = thread.matching.records.get(step.index)
                    key = f"{owner}:{identity_of(step)}" if record is None else self.of_record(thread.facts[record])
                    if key in self._counted:
                        found.setdefault(step.content, key)
            self._found[owner] = found
        return self._found[owner]

    def of_record(self, record: facts.AnyFact) -> str:
        """The key of the response that a record tells of."""
        claim = self._best.get(identity_of_record(record)) if isinstance(record, facts.Record) else None
        return "" if claim is None else claim.response.key
