-- How far each account's conversations have come: the last message that is in them, by its batch's ordinal and by its
-- number, and the last key of an incoming message. By account, for several gateways store batches in an order of their
-- own: only an account's ordinals tell it.
CREATE TABLE filing (
    account  TEXT PRIMARY KEY,
    ordinal  INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    incoming INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO filing
SELECT account, MAX(ordinal), (SELECT upto FROM filed WHERE side = 1), (SELECT upto FROM filed WHERE side = 2)
FROM batch WHERE key <= (SELECT upto FROM filed WHERE side = 1) GROUP BY account;

INSERT INTO filing
SELECT account, 0, 0, (SELECT upto FROM filed WHERE side = 2)
FROM incoming WHERE key <= (SELECT upto FROM filed WHERE side = 2) AND account NOT IN (SELECT account FROM filing)
GROUP BY account;

DROP TABLE filed;
ALTER TABLE filing RENAME TO filed;
