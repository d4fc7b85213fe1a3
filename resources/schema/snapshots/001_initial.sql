-- snapshots.db: KV blocks and boundary states. Everything here can be computed again.
-- complete = 1: visible. complete = 0: forgotten; its rows are removed in bounded steps, and a crash
-- in between leaves only invisible rows for the next start.

-- The bytes of one block or boundary state, cut into chunks.
CREATE TABLE payload (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  n_bytes INTEGER NOT NULL,
  n_chunks INTEGER NOT NULL,
  chunks_hash INTEGER NOT NULL          -- hash over the hashes of its chunks, in order
) STRICT;

CREATE TABLE chunk (
  id INTEGER PRIMARY KEY,
  payload_id INTEGER NOT NULL REFERENCES payload (id),
  position INTEGER NOT NULL,
  hash INTEGER NOT NULL,                -- of `bytes`, checked at every read
  bytes BLOB NOT NULL,
  UNIQUE (payload_id, position)
) STRICT;

-- row_hash covers all columns that never change, so that a damaged row is not believed.
CREATE TABLE block (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key BLOB NOT NULL,
  parent BLOB NOT NULL,                 -- key of the block before; a first block names the root key
  position_end INTEGER NOT NULL,
  payload_id INTEGER NOT NULL REFERENCES payload (id),
  n_bytes INTEGER NOT NULL,
  row_hash INTEGER NOT NULL,
  complete INTEGER NOT NULL,
  used INTEGER NOT NULL                 -- counts up with every use of the database
) STRICT;

CREATE UNIQUE INDEX block_by_key ON block (key) WHERE complete = 1;
CREATE INDEX block_by_parent ON block (parent) WHERE complete = 1;
CREATE INDEX block_forgotten ON block (id) WHERE complete = 0;
CREATE INDEX block_by_payload ON block (payload_id);

CREATE TABLE boundary (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key BLOB NOT NULL,
  block_key BLOB NOT NULL,              -- last whole block before it, or the root key
  position INTEGER NOT NULL,
  keep TEXT NOT NULL CHECK (keep IN ('newest', 'turn_end', 'document_end', 'interval')),
  payload_id INTEGER NOT NULL REFERENCES payload (id),
  n_bytes INTEGER NOT NULL,
  row_hash INTEGER NOT NULL,
  complete INTEGER NOT NULL,
  used INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX boundary_by_key ON boundary (key) WHERE complete = 1;
CREATE INDEX boundary_by_block ON boundary (block_key) WHERE complete = 1;
CREATE INDEX boundary_forgotten ON boundary (id) WHERE complete = 0;
CREATE INDEX boundary_by_payload ON boundary (payload_id);

-- A saved session holds its newest boundary state and every block it ever came through, and knows
-- its earlier boundary states, which the budget may take.
CREATE TABLE pin (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_key TEXT NOT NULL UNIQUE,
  boundary_key BLOB NOT NULL,
  boundary_id INTEGER REFERENCES boundary (id) ON DELETE SET NULL,
  n_tokens INTEGER NOT NULL
) STRICT;

CREATE INDEX pin_by_boundary ON pin (boundary_id);

CREATE TABLE pin_boundary (
  pin_id INTEGER NOT NULL REFERENCES pin (id) ON DELETE CASCADE,
  boundary_id INTEGER NOT NULL REFERENCES boundary (id) ON DELETE CASCADE,
  PRIMARY KEY (pin_id, boundary_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX pin_boundary_by_boundary ON pin_boundary (boundary_id);

CREATE TABLE pin_block (
  pin_id INTEGER NOT NULL REFERENCES pin (id) ON DELETE CASCADE,
  block_id INTEGER NOT NULL REFERENCES block (id) ON DELETE CASCADE,
  PRIMARY KEY (pin_id, block_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX pin_block_by_block ON pin_block (block_id);
