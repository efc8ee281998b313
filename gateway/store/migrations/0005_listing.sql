-- An account's batches are numbered from 1 without a gap, in the order of their keys: any page of them is found by its
-- numbers, however many there are.
ALTER TABLE batch ADD COLUMN ordinal INTEGER NOT NULL DEFAULT 0;

WITH numbered AS (SELECT key, ROW_NUMBER() OVER (PARTITION BY account ORDER BY key) AS ordinal FROM batch)
UPDATE batch SET ordinal = numbered.ordinal FROM numbered WHERE numbered.key = batch.key;

CREATE UNIQUE INDEX batch_listing ON batch (account, ordinal);
