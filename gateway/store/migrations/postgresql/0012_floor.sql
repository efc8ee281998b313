-- Numbers up to this one are never given out: a restored store may have given them out after its backup was made.
CREATE TABLE floor (
    number BIGINT NOT NULL
);

INSERT INTO floor VALUES (0);
