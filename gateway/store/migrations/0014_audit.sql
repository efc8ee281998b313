-- What operations have done, and how it ended. Both are only ever added to; an act without an end was cut off.
CREATE TABLE act (
    key    INTEGER PRIMARY KEY,
    moment INTEGER NOT NULL,
    who    TEXT NOT NULL,
    what   TEXT NOT NULL,
    about  TEXT NOT NULL
) STRICT;

CREATE TABLE outcome (
    act    INTEGER PRIMARY KEY REFERENCES act,
    moment INTEGER NOT NULL,
    said   TEXT NOT NULL
) STRICT;

CREATE TRIGGER act_is_kept BEFORE DELETE ON act
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER act_is_final BEFORE UPDATE ON act
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER outcome_is_kept BEFORE DELETE ON outcome
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER outcome_is_final BEFORE UPDATE ON outcome
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
