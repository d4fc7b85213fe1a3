// storage.h: what Lectern remembers between runs.
//
// Two SQLite files in one folder, one owning process each: session.db belongs to lectern
// (workspaces, documents, sessions, messages, citations, jobs), snapshots.db to lectern-engine
// (KV blocks and boundary states). Knows tables and bytes; does not know what is inside a block,
// how tokens are made, and never sees a PDF. Nothing here is thread-safe: an object is used by one
// thread at a time. When a writing function returns, its transaction is on the disk.
#pragma once

#include "storage/block_database.h"    // KV blocks, boundary states, pins, budget
#include "storage/bundle_file.h"       // a session and its KV as one portable file
#include "storage/library_store.h"     // documents, sources, receipts
#include "storage/message_store.h"     // branches, messages, citations
#include "storage/session_database.h"  // session.db and its three stores
#include "storage/session_store.h"     // workspaces, sessions, jobs, search
