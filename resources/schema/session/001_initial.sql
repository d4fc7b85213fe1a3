-- session.db: everything the user made or saved, except the KV.
-- Times are Unix milliseconds. AUTOINCREMENT: an id, once seen outside, never means another row.
-- check_hash: 64-bit hash of the row's own bytes; SQLite does not notice a flipped bit in a value.

CREATE TABLE workspace (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL
) STRICT;

INSERT INTO workspace (name, created_ms) VALUES ('default', 0);

CREATE TABLE session (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,             -- random; names the session in snapshots.db and exports
  workspace_id INTEGER NOT NULL REFERENCES workspace (id),
  name TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  model_name TEXT NOT NULL,
  model_fingerprint BLOB NOT NULL,
  created_ms INTEGER NOT NULL,
  used_ms INTEGER NOT NULL,
  pinned INTEGER NOT NULL DEFAULT 0,
  archived INTEGER NOT NULL DEFAULT 0,
  n_context_tokens INTEGER NOT NULL DEFAULT 0,
  branch_id INTEGER REFERENCES branch (id) ON DELETE SET NULL   -- the active one
) STRICT;

CREATE INDEX session_by_use ON session (used_ms);
CREATE INDEX session_by_workspace ON session (workspace_id);
CREATE INDEX session_by_branch ON session (branch_id);

-- Folders, files and repositories of a workspace; sessions over the same folder share its row.
CREATE TABLE source (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  workspace_id INTEGER NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('folder', 'file', 'git')),
  revision TEXT NOT NULL,
  UNIQUE (workspace_id, path, revision)
) STRICT;

CREATE TABLE session_source (
  session_id INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  source_id INTEGER NOT NULL REFERENCES source (id),
  PRIMARY KEY (session_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_source_by_source ON session_source (source_id);

-- One version of one file, as one reader version read it.
CREATE TABLE document (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  path TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('text', 'code', 'markdown', 'pdf')),
  content_hash BLOB NOT NULL,           -- of the file's bytes
  reader_version INTEGER NOT NULL,
  file_bytes INTEGER NOT NULL,
  text_bytes INTEGER NOT NULL,
  n_pages INTEGER NOT NULL,
  read_ms INTEGER NOT NULL,
  check_hash INTEGER NOT NULL,          -- over the blobs below
  pages BLOB NOT NULL,                  -- storage/place_codec.h
  spans BLOB NOT NULL,
  diagnostics BLOB NOT NULL,
  text BLOB NOT NULL,                   -- UTF-8; last, so that lists need not read over it
  UNIQUE (content_hash, path, reader_version)
) STRICT;

-- What a session's context is made of, in order.
CREATE TABLE session_document (
  session_id INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  document_id INTEGER NOT NULL REFERENCES document (id),
  source_id INTEGER REFERENCES source (id) ON DELETE SET NULL,
  n_tokens INTEGER NOT NULL,
  PRIMARY KEY (session_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_document_by_document ON session_document (document_id);
CREATE INDEX session_document_by_source ON session_document (source_id);

-- What happened to every path of the sources: read, cut or skipped, and why.
CREATE TABLE receipt_entry (
  session_id INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  path TEXT NOT NULL,
  is_read INTEGER NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  kind TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (session_id, position)
) STRICT, WITHOUT ROWID;

-- Messages form a tree; a branch names the last message of one line through it.
CREATE TABLE branch (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  parent_id INTEGER REFERENCES branch (id) ON DELETE SET NULL,
  fork_message_id INTEGER REFERENCES message (id) ON DELETE SET NULL,
  head_message_id INTEGER REFERENCES message (id) ON DELETE SET NULL,
  title TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX branch_by_session ON branch (session_id);
CREATE INDEX branch_by_parent ON branch (parent_id);
CREATE INDEX branch_by_fork ON branch (fork_message_id);
CREATE INDEX branch_by_head ON branch (head_message_id);

CREATE TABLE message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  -- Deferred and not cascading: a cascade would go as deep as the conversation is long.
  parent_id INTEGER REFERENCES message (id) DEFERRABLE INITIALLY DEFERRED,
  role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
  status TEXT NOT NULL CHECK (status IN ('streaming', 'complete', 'stopped')),
  finish TEXT NOT NULL CHECK (finish IN ('end', 'length', 'stopped')),
  created_ms INTEGER NOT NULL,
  context_tokens INTEGER NOT NULL DEFAULT 0,
  reused_tokens INTEGER NOT NULL DEFAULT 0,
  prefilled_tokens INTEGER NOT NULL DEFAULT 0,
  decode_tokens INTEGER NOT NULL DEFAULT 0,
  prefill_s REAL NOT NULL DEFAULT 0,
  first_token_s REAL NOT NULL DEFAULT 0,
  decode_tok_s REAL NOT NULL DEFAULT 0,
  check_hash INTEGER NOT NULL,          -- over text, thinking and tokens
  text TEXT NOT NULL,
  thinking TEXT NOT NULL,
  tokens BLOB NOT NULL                  -- int32, little-endian
) STRICT;

CREATE INDEX message_by_session ON message (session_id);
CREATE INDEX message_by_parent ON message (parent_id);
CREATE INDEX message_streaming ON message (id) WHERE status = 'streaming';

CREATE TABLE citation (
  message_id INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  quote TEXT NOT NULL,
  answer_begin INTEGER NOT NULL,
  answer_end INTEGER NOT NULL,
  document_id INTEGER REFERENCES document (id),   -- NULL: the source is not in this database
  path TEXT NOT NULL,
  byte_begin INTEGER NOT NULL,
  byte_end INTEGER NOT NULL,
  line_start INTEGER NOT NULL,
  line_end INTEGER NOT NULL,
  page INTEGER NOT NULL,
  page_label TEXT NOT NULL,
  boxes BLOB NOT NULL,                  -- storage/place_codec.h
  n_places INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('verified', 'unverified', 'older_text')),
  PRIMARY KEY (message_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX citation_by_document ON citation (document_id);

CREATE TABLE job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('ingest')),
  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'done', 'failed')),
  tokens_done INTEGER NOT NULL,
  tokens_total INTEGER NOT NULL,
  error TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX job_by_session ON job (session_id);

CREATE TRIGGER message_frozen BEFORE UPDATE OF text ON message WHEN old.status <> 'streaming' BEGIN
  SELECT RAISE (ABORT, 'a finished message does not change');
END;

-- Search: messages once they no longer grow, and names and titles of sessions. The indexes keep no
-- copy of the text. storage/search_index.cpp keeps them in step: with trusted_schema off a trigger
-- may not write to a virtual table.
CREATE VIRTUAL TABLE message_search USING fts5 (
  text, content = 'message', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2');

CREATE VIRTUAL TABLE session_search USING fts5 (
  name, title, content = 'session', content_rowid = 'id',
  tokenize = 'unicode61 remove_diacritics 2');
