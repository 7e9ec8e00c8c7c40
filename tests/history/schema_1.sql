-- What agents' logs held, and what it adds up to: numbers, ids and names, never the text of a conversation.
-- Moments are microseconds since the epoch, UTC.

CREATE TABLE agent (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    unreported TEXT NOT NULL,         -- components of the token vector that it never logs, by spaces
    usage_since INTEGER               -- sessions born earlier may hold answers without any usage
) STRICT;

CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;   -- models, tiers, qualities

CREATE TABLE source (                 -- one log, wherever it lies now
    id INTEGER PRIMARY KEY,
    agent INTEGER NOT NULL REFERENCES agent,
    key TEXT NOT NULL,
    path BLOB NOT NULL,
    compressed INTEGER NOT NULL,
    dev INTEGER NOT NULL, ino INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    reader TEXT NOT NULL,             -- version of the reader that read it
    revision INTEGER NOT NULL,        -- grows with every write, so that two writers see each other
    cursor INTEGER NOT NULL,          -- behind the last complete line read (decompressed bytes)
    head_size INTEGER NOT NULL, head BLOB NOT NULL,   -- hash of the first bytes
    tail BLOB,                        -- hash of the last bytes before the cursor; none for a compressed log
    state BLOB NOT NULL,
    pending_call TEXT, pending_session TEXT,
    bad_lines INTEGER NOT NULL, unknown_records INTEGER NOT NULL,
    gone INTEGER NOT NULL,            -- the log has vanished; its facts stay
    UNIQUE (agent, key)
) STRICT;

CREATE TABLE grp (
    id INTEGER PRIMARY KEY,
    agent INTEGER NOT NULL REFERENCES agent,
    name TEXT NOT NULL,
    UNIQUE (name, agent)
) STRICT;

CREATE TABLE occurrence (             -- one fact at one place of one log; ids grow in the order of its bytes
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source,
    grp INTEGER NOT NULL REFERENCES grp,
    offset INTEGER NOT NULL,
    at INTEGER,
    data BLOB NOT NULL
) STRICT;
CREATE INDEX occurrence_grp ON occurrence (grp);
CREATE INDEX occurrence_source ON occurrence (source);

CREATE TABLE link (                   -- groups that are counted together; every pair both ways round
    a INTEGER NOT NULL REFERENCES grp,
    b INTEGER NOT NULL REFERENCES grp,
    source INTEGER NOT NULL REFERENCES source,
    PRIMARY KEY (a, b, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_source ON link (source);

CREATE TABLE session (                -- all that its facts say, joined in an order that no scan can change
    id INTEGER PRIMARY KEY,
    agent INTEGER NOT NULL REFERENCES agent,
    name TEXT NOT NULL,
    parent TEXT, forked_from TEXT, born_at INTEGER, last_at INTEGER, cwd TEXT, model TEXT,
    origin TEXT NOT NULL DEFAULT 'main',
    UNIQUE (name, agent)
) STRICT;
CREATE INDEX session_parent ON session (agent, parent) WHERE parent IS NOT NULL;
CREATE INDEX session_last ON session (last_at);

CREATE TABLE fact (                   -- what one log says of one session
    source INTEGER NOT NULL REFERENCES source,
    session INTEGER NOT NULL REFERENCES session,
    parent TEXT, forked_from TEXT, born_at INTEGER, last_at INTEGER, cwd TEXT, model TEXT,
    origin TEXT NOT NULL,
    PRIMARY KEY (source, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX fact_session ON fact (session);

CREATE TABLE response (               -- every response once
    id INTEGER PRIMARY KEY,
    grp INTEGER NOT NULL REFERENCES grp,              -- stands for the unit that it was derived from
    key TEXT NOT NULL,
    session INTEGER NOT NULL REFERENCES session,
    source INTEGER NOT NULL REFERENCES source,
    offset INTEGER NOT NULL,
    at INTEGER,
    model INTEGER NOT NULL REFERENCES word,
    tier INTEGER NOT NULL REFERENCES word,
    input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL, cache_write_unknown INTEGER NOT NULL,
    output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
    quality INTEGER NOT NULL REFERENCES word,
    final INTEGER NOT NULL,
    calls TEXT NOT NULL               -- ids of its tool calls, one per line
) STRICT;
CREATE INDEX response_grp ON response (grp);
CREATE INDEX response_moment ON response (session, at);
CREATE INDEX response_place ON response (source, offset);
