-- Single messages of several batches may leave in one request, under the reference of the first of them: the others name
-- that one from before the request leaves. Whoever left alone, or first, names nobody.
ALTER TABLE dispatch ADD COLUMN leader BIGINT;

-- Reports name the first, and mean any of them.
CREATE INDEX dispatch_led ON dispatch (leader) WHERE leader IS NOT NULL;
