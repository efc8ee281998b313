-- Messages that people sent in (MO). An upstream that tells of one again does not make it another.
CREATE TABLE incoming (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    created     INTEGER NOT NULL,
    account     TEXT NOT NULL,
    caller      TEXT NOT NULL,
    upstream    TEXT NOT NULL,
    upstream_id TEXT NOT NULL,
    sender      TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    body        TEXT NOT NULL,
    segments    INTEGER NOT NULL,
    datacoding  TEXT,
    mcc         TEXT,
    mnc         TEXT,
    UNIQUE (upstream, upstream_id)
) STRICT;

CREATE INDEX incoming_listing ON incoming (account, key);

-- The outbox carries them on to callers, too; then number and step are 0.
ALTER TABLE callback ADD COLUMN incoming INTEGER;

-- What was said between an account and each participant, numbered from 1 without a gap: side 1 is what went out, side 2
-- what came in, side 0 both. Filled behind the accept path, so that this index costs no accept.
CREATE TABLE conversation (
    account     TEXT NOT NULL,
    participant TEXT NOT NULL,
    side        INTEGER NOT NULL,
    ordinal     INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    outgoing    INTEGER NOT NULL,
    key         INTEGER NOT NULL,
    PRIMARY KEY (account, participant, side, ordinal)
) STRICT, WITHOUT ROWID;

-- How far that has come: the last message number (side 1) and the last key of an incoming message (side 2).
CREATE TABLE filed (
    side INTEGER PRIMARY KEY,
    upto INTEGER NOT NULL
) STRICT;

INSERT INTO filed VALUES (1, 0), (2, 0);
