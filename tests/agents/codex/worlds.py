"""Small worlds of Codex sessions, as Hypothesis draws them."""

from __future__ import annotations

from hypothesis import strategies as st

from loggen.codex import World

STEPS = st.lists(
    st.tuples(st.sampled_from(["turn", "answer", "answer", "record", "compact", "noise", "fork", "spawn", "fresh"]),
              st.integers(0, 7), st.integers(0, 3)),
    max_size=24,
)  # fmt: skip
MODELS = ("gpt-5.5", "gpt-5.5-mini", "house/model", None)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world = World(draw(st.sampled_from(["2025", "legacy", "paginated"])))
    world.begin_turn(world.start(), draw(st.sampled_from(MODELS)))
    for kind, which, detail in draw(STEPS):
        session = world.sessions[which % len(world.sessions)]
        records = world.era != "2025"
        match kind:
            case "turn":
                world.begin_turn(session, MODELS[detail])
            case "answer":
                world.respond(session, detail)
            case "record" if records:
                world.respond(session, detail, recorded=True)
            case "compact" if records:
                world.respond(session, 0, recorded=True, counted=False)
            case "noise":
                world.noise(session, detail)
            case "fork" | "spawn" | "fresh" if len(world.sessions) < 6:
                child = world.fork(session, spawned=kind != "fork", fresh=kind == "fresh")
                world.begin_turn(child, MODELS[detail])
            case _:
                pass
    return world
