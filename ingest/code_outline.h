// code_outline.h: the lines of code that declare and define.
#pragma once

#include <span>
#include <vector>

#include "ingest/text_line.h"

namespace ingest {

// Indices into `lines`, ascending.
std::vector<std::size_t> codeOutline(std::span<const TextLine> lines);

}  // namespace ingest
