-- What accounts have registered: the senders that they use, and the numbers that nothing may be sent to.
CREATE TABLE sender (
    account TEXT NOT NULL,
    name    TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

-- The key is what REST v1 calls its ID; it is never given out twice.
CREATE TABLE blocked (
    key     INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    msisdn  TEXT NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (account, msisdn)
) STRICT;
