-- What agents' logs held, and what it adds up to: numbers, ids and names, never the text of a conversation.
-- Moments are microseconds since the epoch, UTC.

CREATE TABLE agent (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    unreported TEXT NOT NULL,         -- components of the token vector that it never logs, by spaces
    usage_since INTEGER               -- sessions born earlier may hold answers without any usage
) STRICT;

CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;   -- models, tiers, branches, directories

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

CREATE TABLE piece (                  -- occurrences of one log, compressed; ids grow in the order of its bytes
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source,
    data BLOB NOT NULL                -- rows, links, and the names of their groups: history/pieces.py
) STRICT;
CREATE INDEX piece_source ON piece (source);

CREATE TABLE place (                  -- which pieces tell of a group
    grp INTEGER NOT NULL,             -- 64-bit hash of the agent and the group's name
    piece INTEGER NOT NULL REFERENCES piece,
    PRIMARY KEY (grp, piece)
) STRICT, WITHOUT ROWID;

CREATE TABLE growth (                 -- long logs that grow: history/growth.py counts them by what is added
    grp INTEGER PRIMARY KEY,          -- hash of a group without links that stands in one log alone
    name TEXT NOT NULL,               -- of the group
    source INTEGER NOT NULL REFERENCES source,
    reader TEXT NOT NULL,             -- version of the reader that kept it
    cursor INTEGER NOT NULL,          -- up to which the log was counted
    kept BLOB NOT NULL                -- what the next rows are counted from, for the reader alone
) STRICT;

CREATE TABLE session (                -- all that its facts say, joined in an order that no scan can change
    id INTEGER PRIMARY KEY,
    agent INTEGER NOT NULL REFERENCES agent,
    name TEXT NOT NULL,
    parent TEXT, forked_from TEXT, born_at INTEGER, last_at INTEGER, cwd TEXT, model TEXT,
    origin TEXT NOT NULL DEFAULT 'main',
    branch TEXT, commit_id TEXT, version TEXT, entry TEXT, provider TEXT,
    UNIQUE (name, agent)
) STRICT;
CREATE INDEX session_parent ON session (agent, parent) WHERE parent IS NOT NULL;
CREATE INDEX session_last ON session (last_at);

CREATE TABLE fact (                   -- what one log says of one session
    source INTEGER NOT NULL REFERENCES source,
    session INTEGER NOT NULL REFERENCES session,
    parent TEXT, forked_from TEXT, born_at INTEGER, last_at INTEGER, cwd TEXT, model TEXT,
    origin TEXT NOT NULL,
    branch TEXT, commit_id TEXT, version TEXT, entry TEXT, provider TEXT,
    PRIMARY KEY (source, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX fact_session ON fact (session);

CREATE TABLE response (               -- every response once
    id INTEGER PRIMARY KEY,
    grp INTEGER NOT NULL,             -- hash of the group that stands for the unit that it was derived from
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
    calls BLOB NOT NULL,              -- its tool calls, eight bytes of hash each
    effort INTEGER REFERENCES word,
    branch INTEGER REFERENCES word, cwd INTEGER REFERENCES word, provider INTEGER REFERENCES word,  -- not the session's
    turn INTEGER,                     -- 64-bit hash of the agent and the turn's id
    window INTEGER,                   -- of context, in tokens
    web_searches INTEGER NOT NULL
) STRICT;
CREATE INDEX response_grp ON response (grp);
CREATE INDEX response_moment ON response (session, at);
CREATE INDEX response_place ON response (source, offset);
CREATE INDEX response_undated ON response (session) WHERE at IS NULL;

CREATE TABLE rollup (                 -- dated responses added up; history/rollup.py keeps it
    session INTEGER NOT NULL REFERENCES session,
    quarter INTEGER NOT NULL,         -- quarters of an hour since the epoch
    model INTEGER NOT NULL, tier INTEGER NOT NULL, quality INTEGER NOT NULL,        -- words; 0 for none
    effort INTEGER NOT NULL, branch INTEGER NOT NULL, cwd INTEGER NOT NULL, provider INTEGER NOT NULL,
    responses INTEGER NOT NULL,
    input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL, cache_write_unknown INTEGER NOT NULL,
    output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
    web_searches INTEGER NOT NULL,
    PRIMARY KEY (session, quarter, model, tier, quality, effort, branch, cwd, provider)
) STRICT, WITHOUT ROWID;
