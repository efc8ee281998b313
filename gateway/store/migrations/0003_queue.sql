-- What an upstream has to do is shared out between callers, and between priorities: each has a queue of its own, found
-- and counted by the index alone. Finished dispatches leave it, as they left the one before.
ALTER TABLE dispatch ADD COLUMN caller TEXT NOT NULL DEFAULT '';
ALTER TABLE dispatch ADD COLUMN priority INTEGER NOT NULL DEFAULT 1;

-- When it was first tried at its upstream: what is held, paused or kept for the morning has not been tried.
ALTER TABLE dispatch ADD COLUMN began INTEGER;

UPDATE dispatch
SET (caller, priority) = (
    SELECT batch.caller, COALESCE(json_extract(batch.content, '$.priority'), 1) FROM batch WHERE batch.key = dispatch.batch
)
WHERE state <= 3 OR state >= 6;

DROP INDEX dispatch_due;
CREATE INDEX dispatch_due ON dispatch (upstream, state, priority, caller, run_at) WHERE state <= 3;

-- What waits for a person: unknown (6) and held (7).
CREATE INDEX dispatch_asks ON dispatch (upstream, state) WHERE state >= 6;

-- The upstreams that operations have stopped.
CREATE TABLE pause (
    upstream TEXT PRIMARY KEY,
    since    INTEGER NOT NULL,
    reason   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
