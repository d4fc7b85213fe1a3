// json_lines.h: the rows of a golden .jsonl file.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/json.h"

namespace support {

inline std::vector<engine::Json> jsonLines(const std::filesystem::path& path) {
  std::vector<engine::Json> rows;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);)
    if (!line.empty()) rows.push_back(engine::Json::parse(line));
  return rows;
}

inline std::string fileText(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace support
