-- The outbox has a queue for each caller, so that one whose server is slow keeps nobody waiting, and keeps what was given
-- up where operations see it; `given_up` says when.
ALTER TABLE callback ADD COLUMN caller TEXT NOT NULL DEFAULT '';
ALTER TABLE callback ADD COLUMN given_up INTEGER;

UPDATE callback SET caller = CASE
    WHEN incoming IS NULL
    THEN (SELECT batch.caller FROM batch WHERE batch.key <= callback.number ORDER BY batch.key DESC LIMIT 1)
    ELSE (SELECT incoming.caller FROM incoming WHERE incoming.key = callback.incoming)
END;

DROP INDEX callback_due;
CREATE INDEX callback_turn ON callback (caller, run_at) WHERE given_up IS NULL;
CREATE INDEX callback_given_up ON callback (given_up) WHERE given_up IS NOT NULL;
