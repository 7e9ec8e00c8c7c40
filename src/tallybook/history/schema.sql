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
CREATE INDEX IF NOT EXISTS source_pending ON source (agent, pending_session) WHERE pending_call IS NOT NULL;

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

CREATE TABLE response_context (       -- what many responses of one session in one log share; none is empty
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES session,
    source INTEGER NOT NULL REFERENCES source,
    model INTEGER NOT NULL REFERENCES word,
    tier INTEGER NOT NULL REFERENCES word,
    quality INTEGER NOT NULL REFERENCES word,
    final INTEGER NOT NULL,
    effort INTEGER REFERENCES word,
    branch INTEGER REFERENCES word, cwd INTEGER REFERENCES word, provider INTEGER REFERENCES word,  -- not the session's
    window INTEGER,                   -- of context, in tokens
    web_searches INTEGER NOT NULL,
    unit INTEGER NOT NULL,            -- of steps, in microseconds: 1000 where no moment is finer; 0 for no moments
    base INTEGER,                     -- the moment that steps are counted from
    first INTEGER, latest INTEGER,    -- moments
    last INTEGER NOT NULL             -- the response with the greatest offset
) STRICT;
CREATE INDEX response_session ON response_context (session);
CREATE INDEX response_source ON response_context (source);
CREATE INDEX response_undated ON response_context (session) WHERE unit = 0;

CREATE TABLE response_own (           -- what each response has for itself; history/contexts.py writes both
    id INTEGER PRIMARY KEY,           -- 65536 times its context, and its number there
    offset INTEGER NOT NULL,
    step INTEGER NOT NULL,
    input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL, cache_write_unknown INTEGER NOT NULL,
    output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
    turn INTEGER,                     -- 64-bit hash of the agent and the turn's id
    calls BLOB NOT NULL,              -- its tool calls, eight bytes of hash each
    key BLOB NOT NULL                 -- without what its session or its kind tells: history/response_keys.py
) STRICT;

CREATE VIEW response AS               -- every response once, context by context
SELECT p.id, p.key, c.session, c.source, p.offset, c.base + p.step * c.unit AS at, c.model, c.tier,
    p.input, p.cache_read, p.cache_write_5m, p.cache_write_1h, p.cache_write_unknown, p.output, p.reasoning,
    c.quality, c.final, p.calls, c.effort, c.branch, c.cwd, c.provider, p.turn, c.window, c.web_searches, c.unit
FROM response_context c CROSS JOIN response_own p ON p.id BETWEEN c.id << 16 AND (c.id << 16) + 65535;

CREATE VIEW undated AS SELECT * FROM response WHERE unit = 0;    -- those whose moment no log tells

CREATE VIEW numbered AS               -- the same as response, for those who ask by numbers
SELECT p.id, p.key, c.session, c.source, p.offset, c.base + p.step * c.unit AS at, c.model, c.tier,
    p.input, p.cache_read, p.cache_write_5m, p.cache_write_1h, p.cache_write_unknown, p.output, p.reasoning,
    c.quality, c.final, p.calls, c.effort, c.branch, c.cwd, c.provider, p.turn, c.window, c.web_searches, c.unit
FROM response_own p CROSS JOIN response_context c ON c.id = p.id >> 16;

CREATE TABLE derived (                -- which responses a unit has come to: runs of their numbers
    grp INTEGER NOT NULL,             -- hash of the group that stands for the unit
    first INTEGER NOT NULL REFERENCES response_own,
    size INTEGER NOT NULL,            -- of the run; responses with these numbers are of no other unit
    PRIMARY KEY (grp, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup (                 -- dated responses added up; history/rollup.py keeps it
    session INTEGER NOT NULL REFERENCES session,
    quarter INTEGER NOT NULL,         -- since the epoch, the first of its hour or part of one: history/grain.py
    model INTEGER NOT NULL, tier INTEGER NOT NULL, quality INTEGER NOT NULL,        -- words; 0 for none
    effort INTEGER NOT NULL, branch INTEGER NOT NULL, cwd INTEGER NOT NULL, provider INTEGER NOT NULL,
    band INTEGER NOT NULL,            -- of the size of the single request: history/bands.py
    responses INTEGER NOT NULL,
    input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL, cache_write_unknown INTEGER NOT NULL,
    output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
    web_searches INTEGER NOT NULL,
    PRIMARY KEY (session, quarter, model, tier, quality, effort, branch, cwd, provider, band)
) STRICT, WITHOUT ROWID;

CREATE TABLE whole (                  -- the sum of the rollup
    id INTEGER PRIMARY KEY CHECK (id = 1),
    responses INTEGER NOT NULL,
    input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL, cache_write_unknown INTEGER NOT NULL,
    output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
    web_searches INTEGER NOT NULL
) STRICT;

-- What happened besides responses. Each block holds items of one log in the order of its bytes; items.py reads them.
CREATE TABLE IF NOT EXISTS item_block (
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source,
    size INTEGER NOT NULL,            -- number of items
    names BLOB NOT NULL,              -- sessions, and kinds with their names, that the rest has by their places here
    keys BLOB NOT NULL,               -- hashes of agent, kind and key: the same in every copy of an item
    data BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS item_block_source ON item_block (source);

CREATE TABLE IF NOT EXISTS what (     -- kinds of items and their names
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (kind, name)
) STRICT;

CREATE TABLE IF NOT EXISTS limit_sample (   -- how much of an allowance was used; only changes are told
    source INTEGER NOT NULL REFERENCES source,
    session INTEGER NOT NULL REFERENCES session,
    slot INTEGER NOT NULL,            -- five minutes, of which the last word is kept
    at INTEGER NOT NULL,
    name TEXT NOT NULL,
    minutes INTEGER NOT NULL,         -- the length of its window; 0 where it has none
    used INTEGER,                     -- hundredths of a percent
    resets_at INTEGER,
    plan TEXT,
    credits TEXT,
    PRIMARY KEY (source, session, name, minutes, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS limit_sample_moment ON limit_sample (name, minutes, at);

CREATE TABLE IF NOT EXISTS own_counter (    -- what an agent says that a session has used; never added to responses
    source INTEGER NOT NULL REFERENCES source,
    session INTEGER NOT NULL REFERENCES session,
    scope TEXT NOT NULL,
    model TEXT NOT NULL,              -- empty where it is not told by model
    at INTEGER,
    input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL, cache_write_unknown INTEGER NOT NULL,
    output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
    unreported TEXT NOT NULL,         -- components that it does not tell, by spaces
    PRIMARY KEY (source, session, scope, model)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS own_counter_session ON own_counter (session);

CREATE TABLE IF NOT EXISTS imported (       -- sums that another tool has told, of logs that may be gone; imported.py
    view TEXT NOT NULL,               -- daily, weekly or monthly
    period TEXT NOT NULL,
    agents TEXT NOT NULL,             -- by commas; empty where the report does not say
    model TEXT NOT NULL,
    input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL, output INTEGER NOT NULL,
    nano_usd INTEGER,                 -- as it was told
    report TEXT NOT NULL,             -- hash of the file that told the most
    PRIMARY KEY (view, period, agents, model)
) STRICT, WITHOUT ROWID;

-- What follows from the above; made anew at any time.
CREATE TABLE IF NOT EXISTS stage (    -- which version of a stage has run, and over what
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    input BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS activity_source (
    source INTEGER PRIMARY KEY REFERENCES source,
    last INTEGER NOT NULL             -- its last block when it was counted; -1 if blocks have gone since
) STRICT;

CREATE TABLE IF NOT EXISTS activity_copy (   -- logs that hold copies of each other's items, both ways round
    source INTEGER NOT NULL REFERENCES source,
    other INTEGER NOT NULL REFERENCES source,
    PRIMARY KEY (source, other)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS activity (  -- items, each once, by session and quarter of an hour
    source INTEGER NOT NULL REFERENCES source,
    session INTEGER NOT NULL REFERENCES session,
    slot INTEGER NOT NULL,            -- quarters of an hour since the epoch; -1 for items without a time
    what INTEGER NOT NULL REFERENCES what,
    count INTEGER NOT NULL,
    measured INTEGER NOT NULL,        -- how many of them have an amount
    amount INTEGER NOT NULL,          -- its sum
    greatest INTEGER,
    PRIMARY KEY (source, session, slot, what)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS activity_session ON activity (session);

CREATE TABLE IF NOT EXISTS session_class (
    session INTEGER PRIMARY KEY REFERENCES session,
    kind TEXT NOT NULL,               -- main, subagent, review, compaction and so on; docs/reference lists them
    human INTEGER NOT NULL,           -- turns that a person, or a program in a person's place, began
    agent INTEGER NOT NULL,           -- turns that another session began
    injected INTEGER NOT NULL         -- messages that the program put in
) STRICT;

CREATE TABLE IF NOT EXISTS thread (   -- each session in its tree, with its own sums and those of all below it
    session INTEGER PRIMARY KEY REFERENCES session,
    root INTEGER NOT NULL REFERENCES session,
    parent INTEGER REFERENCES session,
    depth INTEGER NOT NULL,
    own BLOB NOT NULL,                -- responses, then the token vector
    tree BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS thread_root ON thread (root);

CREATE TABLE IF NOT EXISTS attempt (  -- tool calls and calls of the service by how they went
    session INTEGER PRIMARY KEY REFERENCES session,
    calls INTEGER NOT NULL, failed INTEGER NOT NULL, retries INTEGER NOT NULL, recovered INTEGER NOT NULL,
    service_failed INTEGER NOT NULL, service_retries INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS directory (   -- what git said of a directory when it was looked at
    cwd TEXT PRIMARY KEY,
    common TEXT,                      -- the git directory that all worktrees of its repository share
    top TEXT,                         -- the worktree that it is in
    gone INTEGER NOT NULL,
    project TEXT NOT NULL             -- that git directory, or else a path
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS directory_project ON directory (project);
