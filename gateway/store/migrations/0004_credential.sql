-- Credentials of callers whose own are used upstream, sealed; erased when nothing of their batch is left to do.
CREATE TABLE credential (
    batch  INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL
) STRICT;
