"""Counters as counts: whichever way a build spells them, None where it tells nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallybook.agents.copilot_cli import records
from tallybook.agents.copilot_cli.facts import Counts, Sum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAIN: Final = "main"


def receipt_counts(usage: records.Usage) -> Counts:
    """What one response used."""
    return Counts(
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
    )


def compaction_counts(used: records.CompactionUsage) -> Counts:
    """What a compaction used, by new names or by old ones."""
    return Counts(
        used.input if used.input_tokens is None else used.input_tokens,
        used.cached_input if used.cache_read_tokens is None else used.cache_read_tokens,
        used.cache_write_tokens,
        used.output if used.output_tokens is None else used.output_tokens,
        requests=used.request_count,
    )


def sums_of(metrics: records.Metrics) -> tuple[Sum, ...] | None:
    """The counters of a shutdown or a checkpoint, by subagent too where it tells them; None where they are wrong."""
    within = records.readable(metrics.accounting_snapshot, records.metrics) or records.Metrics()
    tellers = (metrics, within)
    told = [records.readable(one.model_metrics, records.models) for one in tellers]
    if told[0] is None and not records.is_absent(metrics.model_metrics):
        return None
    models = told[0] if told[0] is not None else told[1]
    providers = next((found for one in tellers if (found := _by_provider(one))), ())
    whole = tuple(_sums(None, models)) if models is not None else providers
    return (*whole, *next((parts for one in tellers if (parts := _by_agent(one))), ()))


def _by_agent(metrics: records.Metrics) -> tuple[Sum, ...]:
    agents = records.readable(metrics.agent_metrics, records.agents) or {}
    return tuple(
        one for agent, metric in sorted(agents.items()) if agent != _MAIN for one in _sums(agent, metric.model_metrics)
    )


def _by_provider(metrics: records.Metrics) -> tuple[Sum, ...]:
    listed = records.readable(metrics.provider_model_metrics, records.provider_models) or []
    found: dict[str, Counts] = {}
    for entry in listed:
        model, counts = entry.model_id or "unknown", _counts(entry.metrics)
        found[model] = plus(found[model], counts) if model in found else counts
    return tuple(Sum(None, model, counts) for model, counts in sorted(found.items()))


def _sums(agent: str | None, models: Mapping[str, records.Metric]) -> Iterator[Sum]:
    return (Sum(agent, model or "unknown", _counts(metric)) for model, metric in sorted(models.items()))


def _counts(metric: records.Metric) -> Counts:
    usage = metric.usage
    return Counts(
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        metric.requests.count if metric.requests else None,
        apart=_apart(usage, records.readable(metric.token_details, records.details) or {}),
    )


def _apart(usage: records.SumUsage, details: Mapping[str, records.Detail]) -> bool:
    """Whether the tokens that are billed show that the input is told without its caches."""
    billed = {kind: detail.token_count for kind, detail in details.items()}
    cached = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
    same = billed.get("cache_read") == usage.cache_read_tokens and billed.get("input") == usage.input_tokens
    return bool(cached) and same and billed.get("input") is not None


def plus(one: Counts, other: Counts) -> Counts:
    """Both together; what one of them does not tell is taken from the other."""
    return one.joined(other, _sum)


def minus(one: Counts, base: Counts) -> Counts | None:
    """What was added since ``base``; None where anything fell."""
    found = one.joined(base, _difference)
    return None if any(part is not None and part < 0 for part in found.parts) else found


def beyond(one: Counts, other: Counts) -> Counts:
    """What ``one`` has beyond ``other``, which is nothing where it has less."""
    return one.joined(other, _excess)


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def _difference(one: int | None, base: int | None) -> int | None:
    if one is None:
        return -1 if base else None
    return one - (base or 0)


def _excess(one: int | None, other: int | None) -> int | None:
    return None if one is None else max(one - (other or 0), 0)
