-- Two-factor codes that were sent and not used, each known by a keyed digest alone. `attempts` counts wrong guesses.
CREATE TABLE passcode (
    key      INTEGER PRIMARY KEY,
    account  TEXT NOT NULL,
    msisdn   TEXT NOT NULL,
    mark     BLOB NOT NULL,
    created  INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    attempts INTEGER NOT NULL
) STRICT;

CREATE INDEX passcode_phone ON passcode (account, msisdn);
CREATE INDEX passcode_expiry ON passcode (expires);

-- What an account has set of its codes; null where it has not.
CREATE TABLE passcode_settings (
    account    TEXT PRIMARY KEY,
    concurrent INTEGER,
    sender     TEXT,
    format     TEXT,
    length     INTEGER,
    lifetime   INTEGER,
    numeric    INTEGER
) STRICT, WITHOUT ROWID;

-- Texts that hold a secret, sealed; erased once they have left. The batch shows another text in their place.
CREATE TABLE hidden (
    batch  INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT;
