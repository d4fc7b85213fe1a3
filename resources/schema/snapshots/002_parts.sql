-- Payloads are read in parts: every part has a hash of its own, and may be packed with zstd.
-- What version 1 wrote stays as it is, to be read whole.
ALTER TABLE chunk RENAME TO chunk_v1;

CREATE TABLE chunk (
  id INTEGER PRIMARY KEY,
  payload_id INTEGER NOT NULL REFERENCES payload (id),
  position INTEGER NOT NULL,
  n_bytes INTEGER NOT NULL,             -- of the payload that lie here
  part_bytes INTEGER NOT NULL,          -- in a part; the last one may be shorter
  parts BLOB NOT NULL,                  -- 12 bytes each: hash of the stored bytes, their number
  hash INTEGER NOT NULL,                -- of n_bytes, part_bytes and parts
  bytes BLOB NOT NULL,                  -- the parts as stored, one behind the other
  UNIQUE (payload_id, position)
) STRICT;
