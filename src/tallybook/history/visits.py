"""Visits to logs: each is read and worked out by itself, so that other processes can do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tallybook.agents.port import Batch, LogReader
from tallybook.history.contents import Mark, Reading, UnreadableLog, read_log
from tallybook.history.harvest import Harvest, harvest
from tallybook.history.survey import Task

if TYPE_CHECKING:
    from collections.abc import Sequence


class Job(msgspec.Struct, frozen=True):
    """One log that must be opened."""

    task: Task
    known: Mark | None
    """How far it was read before."""


class Visit(msgspec.Struct, frozen=True):
    """What a visit to one log brought."""

    task: Task
    reading: Reading | None = None
    harvest: Harvest | None = None
    fault: str | None = None
    """Why the log could not be read; there is no reading then."""


class _Parcel(msgspec.Struct, array_like=True):
    """A visit as it goes from process to process: without what the other one knows."""

    mark: Mark | None = None
    batch: Batch | None = None
    afresh: bool = False
    overlong: int = 0
    bytes_read: int = 0
    harvest: Harvest | None = None
    fault: str | None = None


_encode: Final = msgspec.msgpack.Encoder().encode


def visit(reader: LogReader, job: Job, key: bytes) -> Visit:
    """Read what is new in one log and work out what it comes to; ``key`` is that of hashes of text."""
    try:
        reading = read_log(reader, job.task.log, job.known)
    except UnreadableLog as error:
        return Visit(job.task, fault=str(error))
    return Visit(job.task, reading, harvest(reader, reading, key))


def pack(visits: Sequence[Visit]) -> bytes:
    """Visits for another process."""
    return _encode([_parcel(one) for one in visits])


def unpack(jobs: Sequence[Job], content: bytes) -> list[Visit]:
    """The visits that ``pack`` was given for these jobs, without occurrences and items in their batches."""
    parcels = msgspec.msgpack.decode(content, type=list[_Parcel])
    return [_unpacked(job, parcel) for job, parcel in zip(jobs, parcels, strict=True)]


def _parcel(one: Visit) -> _Parcel:
    reading = one.reading
    if reading is None or one.harvest is None:
        return _Parcel(fault=one.fault)
    batch = reading.batch and replace(reading.batch, occurrences=(), links=(), items=())
    rows = one.harvest.rows if reading.known else ()
    return _Parcel(
        reading.mark, batch, reading.afresh, reading.overlong, reading.bytes_read, replace(one.harvest, rows=rows)
    )


def _unpacked(job: Job, parcel: _Parcel) -> Visit:
    if parcel.mark is None:
        return Visit(job.task, fault=parcel.fault)
    reading = Reading(
        job.task.log, job.known, parcel.mark, parcel.batch, parcel.afresh, parcel.overlong, parcel.bytes_read
    )
    return Visit(job.task, reading, parcel.harvest)
