// golden.h: where the reference numbers lie.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <QTest>

namespace support {

// Path of a file of the golden data, e.g. "unit/hc.safetensors": in tests/golden when it is kept
// with the sources, else in ../shared/golden beside the project; empty when it is in neither.
inline std::filesystem::path goldenPath(const std::string& name) {
  const std::filesystem::path sources = LECTERN_SOURCE_DIR;
  for (const auto& folder : {sources / "tests/golden", sources / "../shared/golden"})
    if (std::filesystem::exists(folder / name)) return folder / name;
  return {};
}

// Any file or folder of ../shared, e.g. "corpora/pdf"; empty when absent.
inline std::filesystem::path sharedPath(const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(LECTERN_SOURCE_DIR) / "../shared" / name;
  return std::filesystem::exists(path) ? path : std::filesystem::path();
}

inline bool inCi() { return std::getenv("CI") != nullptr; }

}  // namespace support

// Ends the test: skipped, in CI failed.
#define WITHOUT_DATA(what)                                                                \
  do {                                                                                    \
    if (::support::inCi()) QFAIL("missing in CI: " what);                                 \
    QSKIP("not beside the project: " what);                                               \
  } while (false)

// Declares `variable`; without the data the test is skipped, in CI it fails.
#define REQUIRE_GOLDEN(variable, name)                                                    \
  const std::filesystem::path variable = ::support::goldenPath(name);                     \
  if (variable.empty()) {                                                                 \
    if (::support::inCi()) QFAIL("golden data is missing in CI: " name);                  \
    QSKIP("golden data is not beside the project: " name);                                \
  }
#define REQUIRE_SHARED(variable, name)                                                    \
  const std::filesystem::path variable = ::support::sharedPath(name);                     \
  if (variable.empty()) {                                                                 \
    if (::support::inCi()) QFAIL("shared data is missing in CI: " name);                  \
    QSKIP("shared data is not beside the project: " name);                                \
  }
