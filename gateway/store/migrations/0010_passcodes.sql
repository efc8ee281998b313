-- Codes that were sent to prove that somebody holds a phone; only a slow hash of each, until it is used or has expired.
CREATE TABLE passcode (
    key      INTEGER PRIMARY KEY,
    account  TEXT NOT NULL,
    phone    TEXT NOT NULL,
    hash     TEXT NOT NULL,
    expires  INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    message  INTEGER NOT NULL
) STRICT;

CREATE INDEX passcode_of_phone ON passcode (account, phone);
CREATE INDEX passcode_age ON passcode (expires);

-- What an account has set for its codes, as JSON.
CREATE TABLE passcode_settings (
    account  TEXT PRIMARY KEY,
    settings TEXT NOT NULL
) STRICT, WITHOUT ROWID;
