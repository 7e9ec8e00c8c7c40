"""`tally import` of other systems' ledgers: once however often, whatever a union merge has made of the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from commands.bench import Bench, Json, Said

FIRST, SECOND, THIRD = "2026-01-05-001", "2026-01-05-002", "2026-01-06-001"


def record(identity: str = FIRST, **members: object) -> dict[str, Any]:
    """A goal as that system has it."""
    return {
        "goal_id": identity, "title": "Fix the sum", "goal_type": "product", "supersedes_goal_id": None,
        "status": "in_progress", "attempts": 1, "started_at": "2026-01-05T10:00:00+00:00", "finished_at": None,
        "cost_usd": None, "input_tokens": None, "cached_input_tokens": None, "output_tokens": None,
        "tokens_total": None, "failure_reason": None, "notes": None, "agent_name": "codex", "result_fit": None,
        "model": "gpt-5", **members,
    }  # fmt: skip


def ended(identity: str = FIRST, **members: object) -> dict[str, Any]:
    """The same, closed well."""
    return record(identity, **{"status": "success", "finished_at": "2026-01-05T12:00:00+00:00", **members})


def event(kind: str, goal: dict[str, Any], number: int = 1, **members: object) -> str:
    """One line."""
    at = f"2026-01-05T10:00:{number % 60:02}Z"
    return json.dumps({"event_id": f"e{number}", "event_type": kind, "ts": at, "goal": goal, **members})


def put(bench: Bench, *lines: str, name: str = "events.ndjson") -> None:
    """Write a file."""
    (bench.repo / name).write_text("\n".join(lines) + "\n")


def taken(bench: Bench, *words: str, name: str = "events.ndjson", code: int = 0) -> Json:
    """What an import says."""
    said = bench.tally("import", name, "--json", *words)
    assert said.code == code, said
    told: Json = said.json
    return told


def shown(bench: Bench, identity: str = FIRST) -> Json:
    """A goal by its id in the other system."""
    goal: Json = bench.ok("show", identity, "--json").json["goal"]
    return goal


def texts(told: Json, what: str = "changed") -> str:
    """All notes in one text."""
    return "\n".join(note["message"] for note in told[what])


def test_a_life_in_the_other_system(bench: Bench) -> None:
    """Attempts, outcome, tokens, agent and model; a second import, and one after a dry run, change nothing."""
    entries = [
        {"entry_id": f"{FIRST}-attempt-001", "status": "fail", "failure_reason": "model_mistake",
         "started_at": "2026-01-05T10:00:00+00:00", "finished_at": "2026-01-05T11:00:00+00:00"},
        {"entry_id": f"{FIRST}-attempt-002", "status": "success", "started_at": "2026-01-05T11:00:00+00:00"},
    ]  # fmt: skip
    put(
        bench,
        event("goal_started", record(), 1),
        event("goal_continued", record(attempts=2), 2, entries=entries[:1]),
        event("goal_finished", ended(attempts=2, result_fit="exact_fit", input_tokens=100, cached_input_tokens=40,
                                     output_tokens=7, tokens_total=147), 3, entries=entries),
    )  # fmt: skip
    assert len(taken(bench, "--dry-run")["new"]) == 1
    assert bench.ok("show", "--json").json["goals"] == []
    told = taken(bench)
    assert (told["format"], told["files"], len(told["new"]), told["changed"], told["refused"]) == (
        "events",
        1,
        1,
        [],
        [],
    )
    goal = shown(bench)
    assert (goal["title"], goal["status"], goal["result_fit"], goal["kind"]) == (
        "Fix the sum",
        "success",
        "exact_fit",
        "product",
    )
    assert (goal["started_at"], goal["finished_at"]) == ("2026-01-05T10:00:00.000000Z", "2026-01-05T12:00:00.000000Z")
    assert [(one["status"], one["failure_reason"]) for one in goal["attempts"]] == [
        ("fail", "model_mistake"),
        ("success", None),
    ]
    assert (goal["tokens"]["input"], goal["tokens"]["cache_read"], goal["tokens"]["total"]) == (100, 40, 147)
    assert (goal["mode"], goal["model"], goal["agent"]) == ("manual", "gpt-5", "codex")
    before = bench.lines()
    told = taken(bench)
    assert (told["new"], told["grown"], told["known"], told["events"], bench.lines()) == ([], [], 1, 0, before)
    assert bench.tally("verify").code == 0


def test_a_file_that_has_grown_brings_what_is_new(bench: Bench) -> None:
    """An open goal is closed, a closed one corrected; what was changed here since stays as long as its record does."""
    put(bench, event("goal_started", record(), 1), event("goal_started", ended(SECOND), 2))
    taken(bench)
    bench.ok("update", shown(bench, SECOND)["id"], "--title", "Our own title")
    assert taken(bench)["events"] == 0
    put(
        bench, event("goal_started", record(), 1), event("goal_started", ended(SECOND), 2),
        event("goal_finished", record(status="fail", failure_reason="other", finished_at="2026-01-05T12:00:00+00:00",
                                      notes="no luck", output_tokens=3), 3),
    )  # fmt: skip
    told = taken(bench)
    assert (len(told["grown"]), told["known"]) == (1, 1)
    goal = shown(bench)
    assert (goal["status"], goal["failure_reason"], goal["notes"], goal["tokens"]["output"]) == (
        "fail",
        "other",
        "no luck",
        3,
    )
    assert shown(bench, SECOND)["title"] == "Our own title"
    put(bench, event("goal_updated", ended(result_fit="partial_fit"), 4))
    taken(bench)
    assert (shown(bench)["status"], shown(bench)["result_fit"]) == ("success", "partial_fit")
    assert taken(bench)["events"] == 0


def test_what_a_union_merge_has_made_of_the_file(bench: Bench) -> None:
    """Glued lines, half lines, lines twice, another order, blanks and marks: all that is whole is taken, once."""
    one, two = event("goal_started", record(), 1), event("goal_started", record(SECOND), 2)
    three = event("goal_finished", ended(), 3)
    put(bench, "\ufeff" + three, one + two, two, '{"event_type": "goal_st', "<<<<<<< HEAD", one[:40] + two, "", "[1]",
        event("something_else", record(), 9), event("goal_started", {"goal_id": "x"}, 8))  # fmt: skip
    told = taken(bench, code=1)
    assert len(told["new"]) == 2
    assert shown(bench)["status"] == "success"
    lines = [note["where"]["line"] for note in told["refused"]]
    assert lines == [4, 5, 6, 8, 9, 10]
    assert all(note["where"]["file"] == "events.ndjson" for note in told["refused"])
    assert taken(bench, code=1)["events"] == 0


@pytest.mark.parametrize(
    ("members", "wanted", "note"),
    [
        ({"status": "fail"}, {"failure_reason": "other"}, "no reason that is told"),
        ({"status": "fail", "failure_reason": "bad luck"}, {"failure_reason": "other"}, "none of ours"),
        ({"failure_reason": "other"}, {"failure_reason": None}, "a success has no failure reason"),
        (
            {"finished_at": "2026-01-01T00:00:00+00:00"},
            {"finished_at": "2026-01-05T10:00:00.000000Z"},
            "before it began",
        ),
        ({"finished_at": None}, {"finished_at": "2026-01-05T10:00:00.000000Z"}, "no end"),
        ({"started_at": "2026-01-05T10:00:00"}, {"started_at": "2026-01-05T10:00:00.000000Z"}, "no zone"),
        ({"started_at": None}, {"started_at": "2026-01-05T00:00:00.000000Z"}, "no start"),
        ({"started_at": "yesterday"}, {"started_at": "2026-01-05T00:00:00.000000Z"}, "is no time"),
        ({"started_at": "0001-01-01T00:00:00+09:00"}, {"started_at": "2026-01-05T00:00:00.000000Z"}, "in no year"),
        ({"goal_type": "epic"}, {"kind": "meta"}, "no kind of goal"),
        ({"goal_type": "retro", "result_fit": "exact_fit"}, {"result_fit": None, "kind": "retro"}, "does not go with"),
        ({"result_fit": "miss"}, {"result_fit": None}, "does not go with"),
        ({"title": ""}, {"title": FIRST}, "has no title"),
        ({"title": "a\nb\x1b[31m"}, {"title": "a b [31m"}, "control characters"),
        ({"title": "x" * 3000}, {}, "was cut"),
        ({"notes": ["a"]}, {"notes": None}, "is no text"),
        ({"notes": "token = AKIA" + "ABCDEFGH" * 2}, {"notes": None}, "looks like a secret"),
        ({"supersedes_goal_id": SECOND}, {"supersedes": None}, "left out: it is not here"),
        ({"output_tokens": -5}, {"tokens": None}, "is no count"),
        ({"output_tokens": 1.5}, {"tokens": None}, "is no count"),
        ({"cost_usd": 1.25}, {"cost": None}, "costs here follow"),
        ({"attempts": 10**9}, {}, "attempts 1000 were taken"),
    ],
)
def test_what_our_rules_do_not_allow_is_changed_and_told(
    bench: Bench, members: dict[str, Any], wanted: dict[str, Any], note: str
) -> None:
    """By a rule for each, with the record and its place."""
    put(bench, event("goal_finished", ended(**members)))
    told = taken(bench)
    assert note in texts(told)
    assert {(one["id"], one["where"]["line"]) for one in told["changed"]} == {(FIRST, 1)}
    goal = shown(bench)
    wanted.pop("cost", None)
    assert {name: goal[name] for name in wanted} == wanted
    assert bench.tally("verify").code == 0
    assert taken(bench)["events"] == 0


@pytest.mark.parametrize(
    ("members", "note"),
    [
        ({"status": "maybe"}, "status"),
        ({"status": ["success"]}, "status"),
        ({"title": "password=hunter2hunter2"}, "looks like a secret"),
    ],
)
def test_what_is_refused(bench: Bench, members: dict[str, Any], note: str) -> None:
    """Exit 1, with the reason and the place; nothing of the record is written, and the others are."""
    put(bench, event("goal_finished", ended(**members), 1), event("goal_started", record(SECOND), 2))
    told = taken(bench, code=1)
    assert note in texts(told, "refused")
    assert [one["id"] for one in told["refused"]] == [FIRST]
    assert len(told["new"]) == 1
    assert b"hunter2" not in b"".join(path.read_bytes() for path in bench.ledger.glob("*"))
    if "title" in members:
        assert len(taken(bench, "--allow-secret-like")["new"]) == 1


@pytest.mark.parametrize(
    ("counts", "vector", "note"),
    [
        ((100, 40, 7, 147), (100, 40, 7), ""),
        ((100, 40, 7, 107), (60, 40, 7), ""),
        ((100, None, 7, 107), (100, 0, 7), ""),
        ((100, 40, 7, None), (60, 40, 7), "taken for a part of the input"),
        ((10, 40, 7, None), (10, 40, 7), "taken for beside the input"),
        ((100, 0, 7, 999), (100, 0, 7), "is not the sum of its parts"),
        ((None, None, None, 50), (50, 0, 0), "only the total"),
        ((None, None, 7, None), (0, 0, 7), ""),
    ],
)
def test_whether_cached_input_is_part_of_the_input(
    bench: Bench, counts: tuple[int | None, ...], vector: tuple[int, ...], note: str
) -> None:
    """The sums tell; where they don't, what was taken is said."""
    names = ("input_tokens", "cached_input_tokens", "output_tokens", "tokens_total")
    put(bench, event("goal_finished", ended(FIRST, **dict(zip(names, counts, strict=True)))))
    told = taken(bench)
    assert note in texts(told)
    assert bool(note) == bool(told["changed"])
    goal = shown(bench)
    assert (goal["tokens"]["input"], goal["tokens"]["cache_read"], goal["tokens"]["output"]) == vector
    assert {"cache_write_5m", "reasoning"} <= set(goal["unreported"])


def test_links_between_goals(bench: Bench) -> None:
    """Successors and merges, in any order of records; circles are cut."""
    put(
        bench,
        event("goal_finished", ended(THIRD, supersedes_goal_id=FIRST, started_at="2026-01-04T10:00:00Z"), 1),
        event("goal_finished", ended(FIRST, supersedes_goal_id=THIRD), 2),
        event("goal_finished", ended(SECOND), 3),
        event("goals_merged", ended(FIRST, supersedes_goal_id=THIRD), 4, dropped_goal_id=SECOND),
    )
    told = taken(bench)
    assert "left out" in texts(told)
    assert shown(bench, SECOND)["merged_into"] == shown(bench)["id"]
    chain = [shown(bench, name)["supersedes"] for name in (FIRST, THIRD)]
    assert sorted(link is None for link in chain) == [False, True]
    assert bench.tally("verify").code == 0
    assert taken(bench)["events"] == 0


ANALYSES = """
- id: ANALYSIS-2026-001
  source_id: paper-7
  pass: 2
  status: completed
  tool: codex
  model: gpt-5
  started_at: 2026-02-01T10:00:00Z
  completed_at: 2026-02-01T11:00:00Z
  tokens_in: 900
  tokens_out: 100
  tokens_total: 1000
  stages_json: '[{"stage": "read", "timestamp": "2026-02-01T10:20:00Z", "tokens_cumulative": 400, "tokens_delta": 400},
    {"stage": "write", "timestamp": "2026-02-01T10:50:00Z", "tokens_delta": 600, "notes": "slow"}]'
  usage_provider: codex
  usage_session_id: 0199a213-81c0-7800-8aa1-bbab2a035a53
  inputs_source_ids: [paper-1, paper-2]
  claims_extracted: 4
  claims_updated: 1
- id: ANALYSIS-2026-002
  source_id: paper-8
  status: failed
  inputs_analysis_ids: [ANALYSIS-2026-001, ANALYSIS-2026-009]
  tokens_baseline: 100
  tokens_final: 350
- id: nonsense
"""


def test_analyses_become_checks(bench: Bench) -> None:
    """In YAML: source, pass, stages with what was told of them, inputs, claims, tokens."""
    (bench.repo / "log.yaml").write_text(ANALYSES)
    told = taken(bench, name="log.yaml", code=1)
    assert (told["format"], len(told["new"])) == ("analyses", 2)
    assert [note["where"]["line"] for note in told["refused"]] == [26]
    one, two = shown(bench, "ANALYSIS-2026-001"), shown(bench, "ANALYSIS-2026-002")
    assert (one["kind"], one["source_id"], one["pass"], one["status"]) == ("check", "paper-7", 2, "success")
    assert [(stage["name"], stage["notes"]) for stage in one["stages"] if stage["name"]] == [
        ("read", "told: 400 tokens of it, 400 tokens up to it"), ("write", "slow; told: 600 tokens of it"),
    ]  # fmt: skip
    assert (one["tokens"]["input"], one["tokens"]["output"], one["agent"], one["model"]) == (900, 100, "codex", "gpt-5")
    assert one["sessions"] == []
    assert (two["status"], two["failure_reason"], two["links"]["inputs"]) == ("fail", "other", [one["id"]])
    assert two["tokens"]["input"] == 250
    assert "ANALYSIS-2026-009 was left out" in texts(told)
    assert taken(bench, name="log.yaml", code=1)["events"] == 0
    listed = bench.ok("check", "list", "--json").json["checks"]
    assert {check["source_id"] for check in listed} == {"paper-7", "paper-8"}


def test_a_directory_and_json(bench: Bench) -> None:
    """Each file an analysis of its own, or all in one; what is no such file is passed over."""
    (bench.repo / "logs").mkdir()
    base = {"source_id": "s", "status": "completed", "started_at": "2026-02-01T10:00:00Z"}
    for number in (1, 2):
        (bench.repo / "logs" / f"{number}.json").write_text(json.dumps({"id": f"ANALYSIS-2026-00{number}", **base}))
    (bench.repo / "logs" / "readme.txt").write_text("hello")
    (bench.repo / "logs" / "3.yml").write_text("id: ANALYSIS-2026-003\nsource_id: s\nstatus: started\n---\nid: x\n")
    told = taken(bench, name="logs", code=1)
    assert (told["files"], len(told["new"])) == (3, 3)
    whole = {"analyses": [{"id": "ANALYSIS-2026-004", **base, "stages_json": "nonsense"}]}
    (bench.repo / "all.json").write_text(json.dumps(whole))
    assert "stages_json is no JSON" in texts(taken(bench, name="all.json"))


@pytest.mark.parametrize("wrong", [["goal_started"], {"a": 1}, 5, None, 1.5])
def test_values_of_another_kind(bench: Bench, wrong: object) -> None:
    """A type or a status that is no text is refused like any unknown one."""
    put(bench, event("goal_started", record()), json.dumps({"event_type": wrong, "goal": record(SECOND)}))
    told = taken(bench, code=1)
    assert ("the type of the event" in texts(told, "refused"), len(told["new"])) == (True, 1)
    (bench.repo / "one.json").write_text(json.dumps([{"id": "ANALYSIS-2026-001", "source_id": "s", "status": wrong}]))
    assert "the status" in texts(taken(bench, name="one.json", code=1), "refused")


@pytest.mark.parametrize(
    "stages",
    ["5", "[1]", '[{"stage": ""}]', '[{"stage": "a", "timestamp": "x", "tokens_delta": -1}]', [{"stage": "b"}], {}],
)
def test_odd_stages(bench: Bench, stages: object) -> None:
    """Left out or mended, and told."""
    one = {"id": "ANALYSIS-2026-001", "source_id": "s", "status": "completed", "stages_json": stages}
    (bench.repo / "one.json").write_text(json.dumps([one]))
    taken(bench, name="one.json")
    assert len([stage for stage in shown(bench, "ANALYSIS-2026-001")["stages"] if stage["name"]]) <= 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"a0: &a0 [1]\n"
            + b"".join(b"a%d: &a%d [%s]\n" % (n + 1, n + 1, b",".join([b"*a%d" % n] * 9)) for n in range(9)),
            "far more values",
        ),
        (b"- &a [*a]\n", "contains itself"),
        (b"- " * 3000 + b"x\n", "nested too deep"),
        (b"a: [1\n", "expected"),
        (b"id: \xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b"!!python/object/apply:os.system ['touch x']\n", "constructor"),
    ],
)
def test_what_is_no_log_at_all(bench: Bench, content: bytes, words: str) -> None:
    """A clear word, exit 1, nothing run and nothing written."""
    (bench.repo / "bad.yaml").write_bytes(content)
    said = bench.tally("import", "bad.yaml", "--json")
    assert (said.code, said.error) == (1, "no-ledger-of-another")
    assert words in said.json["error"]["message"]
    assert not (bench.repo / "x").exists()


def test_what_can_not_be_imported(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing files, unknown formats, a report among logs, a file that is far too long."""
    put(bench, event("goal_started", record()))
    (bench.repo / "report.json").write_text('{"daily": []}')

    def refused(*words: str) -> tuple[int, str | None]:
        said: Said = bench.tally("import", *words, "--json")
        return said.code, said.error

    assert refused("missing") == (2, "nothing-to-import")
    assert refused("events.ndjson", "--format", "xml") == (2, "unknown-format")
    assert refused("events.ndjson", "report.json") == (2, "mixed-formats")
    assert refused("missing", "--format", "events") == (2, "nothing-to-import")
    assert refused("events.ndjson", "missing") == (2, "nothing-to-import")
    (bench.repo / "empty").mkdir()
    assert refused("empty", "--format", "events") == (2, "nothing-to-import")
    assert bench.ok("show", "--json").json["goals"] == []
    monkeypatch.setattr("tallybook.usecases.importing.files.LARGEST", 3)
    assert refused("events.ndjson") == (1, "too-large")


def test_people_get_lines(bench: Bench) -> None:
    """How many, and each change with its place."""
    put(bench, event("goal_finished", ended(goal_type="epic")))
    said = bench.ok("import", "events.ndjson")
    assert said.out == "1 goal new, 0 brought up to date, 0 known already\n"
    assert said.err.startswith(f"changed  events.ndjson:1:0: {FIRST}: goal_type 'epic' is no kind of goal")


ids = st.sampled_from([FIRST, SECOND, THIRD])
lives = st.lists(
    st.tuples(ids, st.booleans(), st.integers(1, 3), st.sampled_from([None, FIRST, SECOND])), min_size=1, max_size=6
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lives)
def test_any_file_by_parts_is_the_file_at_once(bench: Bench, told: list[tuple[str, bool, int, str | None]]) -> None:
    """Taken line by line or all at once, twice or once: the same goals, and a ledger that is sound."""
    lines = []
    for number, (identity, done, attempts, before) in enumerate(told):
        make = ended if done else record
        lines.append(event("goal_updated", make(identity, attempts=attempts, supersedes_goal_id=before), number))
    answers = []
    for step in (1, len(lines)):
        ledger = str(bench.repo / f"ledger-{step}-{abs(hash(tuple(lines)))}")
        for end in (*range(step, len(lines) + 1, step), len(lines)):
            put(bench, *lines[:end], name="part.ndjson")
            bench.ok("import", "part.ndjson", "--ledger", ledger)
        goals = bench.ok("show", "--json", "--ledger", ledger).json["goals"]
        answers.append({goal["id"]: goal["title"] for goal in goals})
        assert bench.tally("verify", "--ledger", ledger).code == 0
    assert answers[0] == answers[1]
    assert len(answers[0]) == len({identity for identity, *_ in told})
