// page_checks.h: a 64-bit hash at the end of every page of a database, kept below SQLite.
//
// SQLite does not notice a flipped bit in a value, and rows with hashes of their own do not notice
// that a row, an index entry or a title is another. Every page is hashed with its number when it is
// written into the file and compared when it is read. A page that does not fit is counted and
// handed out: most of a damaged file is whole, and texts and documents have hashes that say which.
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

// Pages read by this connection that are not as they were written; 0 without the checks.
std::int64_t damagedPages(sqlite3* connection);

}  // namespace storage
