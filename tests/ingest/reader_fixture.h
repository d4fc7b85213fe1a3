// reader_fixture.h: lectern-reader beside the tests, and small questions to what it returns.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <QTest>

#include "ingest/reader_client.h"
#include "tests/support/golden.h"

namespace support {

inline std::filesystem::path readerProgram() {
  return std::filesystem::path(LECTERN_BIN_DIR) / "lectern-reader";
}

inline std::filesystem::path goldenPdf(const char* name) {
  return goldenPath(std::string("pdf/") + name + ".pdf");
}

inline base::Result<base::Extracted> read(const char* name) {
  return ingest::readPdf(readerProgram(), goldenPdf(name), "shelf/it.pdf", {});
}

inline std::string pageText(const base::Document& document, int page) {
  const base::ByteRange bytes = document.pages.at(static_cast<std::size_t>(page - 1)).bytes;
  return document.text.substr(bytes.begin, bytes.size());
}

inline bool hasDiagnostic(const base::Extracted& extracted, std::string_view code) {
  for (const base::Diagnostic& diagnostic : extracted.diagnostics)
    if (diagnostic.code == code) return true;
  return false;
}

// Without a display name for Result, a failed test shows at least the code.
inline QString errorOf(const auto& result) {
  if (result) return QStringLiteral("none");
  const std::string_view name = base::errorCodeName(result.error().code);
  return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
}

}  // namespace support
