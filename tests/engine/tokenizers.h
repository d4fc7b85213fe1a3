// tokenizers.h: the two vocabularies the tests use; null when the data is not beside the project.
#pragma once

#include <memory>

#include "engine/tokenizer.h"
#include "tests/support/golden.h"

namespace support {

// 129,280 ids; quotes are spelled.
inline std::shared_ptr<const engine::Tokenizer> officialTokenizer() {
  static const auto tokenizer = [] {
    const auto file = goldenPath("tokenizer/tokenizer.json");
    return file.empty() ? nullptr : engine::Tokenizer::open(file).value();
  }();
  return tokenizer;
}

// 8,192 ids; <quote>, </quote> and <none/> are one each.
inline std::shared_ptr<const engine::Tokenizer> miniTokenizer() {
  static const auto tokenizer = [] {
    return engine::Tokenizer::open(std::filesystem::path(LECTERN_SOURCE_DIR) /
                                   "resources/models/lectern-mini")
        .value();
  }();
  return tokenizer;
}

}  // namespace support

// Declares `tokenizer`; without the data the test is skipped, in CI it fails.
#define REQUIRE_TOKENIZER(kind)                                        \
  const auto tokenizer = ::support::kind##Tokenizer();                 \
  if (tokenizer == nullptr) {                                          \
    if (::support::inCi()) QFAIL(#kind " tokenizer is missing in CI"); \
    QSKIP(#kind " tokenizer is not beside the project");               \
  }
