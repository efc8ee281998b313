-- One address book, which REST v1 sees as contacts, groups and memberships, and REST v2 as contacts with labels: a group's
-- name is the label, a membership is its being on a contact. Keys are v1's ids, and are never given out twice.
CREATE TABLE contact (
    key        INTEGER PRIMARY KEY AUTOINCREMENT,
    account    TEXT NOT NULL,
    created    INTEGER NOT NULL,
    modified   INTEGER NOT NULL,
    properties TEXT NOT NULL,
    metadata   TEXT NOT NULL
) STRICT;

CREATE INDEX contact_listing ON contact (account, key);

CREATE TABLE label (
    key      INTEGER PRIMARY KEY AUTOINCREMENT,
    account  TEXT NOT NULL,
    created  INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    name     TEXT NOT NULL,
    color    TEXT,
    UNIQUE (account, name)
) STRICT;

CREATE TABLE membership (
    key     INTEGER PRIMARY KEY AUTOINCREMENT,
    created INTEGER NOT NULL,
    contact INTEGER NOT NULL,
    label   INTEGER NOT NULL,
    UNIQUE (contact, label)
) STRICT;

CREATE INDEX membership_of_label ON membership (label);
