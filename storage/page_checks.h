// page_checks.h: a 64-bit hash at the end of every page of a database, kept below SQLite.
//
// SQLite does not notice a flipped bit in a value, and rows with hashes of their own do not notice
// that a row, an index entry or a title is another. Every page is hashed with its number when it is
// written into the file and compared when it is read. A page that does not fit is counted and
// handed out: most of a damaged file is whole, and texts and documents have hashes that say which.
//
// A page stays counted when it is written again: what the damage left in it is still there. Only
// where a run is killed between changing such a page and copying it out of the write-ahead log does
// the next run take it for whole.
//
// SQLite leaves the room (reserved bytes); the header of the file says so, and a file without it is
// read and written as it is. Pages in the write-ahead log have SQLite's own checksums.
#pragma once

#include <cstdint>

struct sqlite3;

namespace storage {

inline constexpr int kPageCheckBytes = 8;

// The name to open connections with; registered at the first call.
const char* pageChecksVfs();

// Pages that this connection, or one before it, read and found not as they were written, each
// counted once; 0 without the checks.
std::int64_t damagedPages(sqlite3* connection);

}  // namespace storage
