// file_inspection.h: whether one file would be read, by its type, size and first bytes.
#pragma once

#include <filesystem>
#include <string>

#include "ingest/source_walk.h"

namespace ingest {

enum class LinkMode { kReport, kFollow };

// Fills everything but `relative` and `file`. `name` is relative to the descriptor `folder` (or
// AT_FDCWD). Opens regular files only. A name that is a folder becomes "unreadable": callers walk
// folders themselves.
void inspectInto(WalkedFile& entry, int folder, const char* name, LinkMode links);

}  // namespace ingest
