-- Requests that said by a key of their own that they may be repeated: which batch the first of them became.
CREATE TABLE idempotency (
    account     TEXT NOT NULL,
    key         TEXT NOT NULL,
    created     INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    batch       INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_age ON idempotency (created);
