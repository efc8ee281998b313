-- What a route decided beyond the upstream, as JSON; null where it decided nothing more, which is usual.
ALTER TABLE dispatch ADD COLUMN plan TEXT;
