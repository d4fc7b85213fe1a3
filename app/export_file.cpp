#include "app/export_file.h"

#include <algorithm>
#include <fstream>
#include <system_error>

#include "app/json_fields.h"
#include "engine/base/hash.h"
#include "storage/bundle_file.h"

namespace app {

using base::ErrorCode;
using base::failure;
using base::Result;
using engine::Json;

namespace {

// What is read takes at most about four times its text and 130 bytes a value: 2 GiB at these two.
// A context of a million tokens comes to some 20 MiB and a million values.
constexpr std::int64_t kTextBytesMax = std::int64_t{256} << 20, kValuesMax = 8'000'000;
constexpr int kDepthMax = 32;
constexpr const char* kSeal = "seal";
constexpr const char* kHint = "`lectern export` writes such files.";

base::Hash128 sealOf(const Json& without_seal) { return base::hashText(dumpJson(without_seal)); }

// What a text of JSON becomes in memory, before it does. What is inside strings does not count.
struct JsonSize {
  int depth = 0;  // brackets open at once
  std::int64_t n_values = 1;
};

JsonSize sizeOf(std::string_view text) {
  JsonSize size;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') ++i;
    if (in_string) continue;
    if (c == '[' || c == '{') size.depth = std::max(size.depth, ++depth);
    if (c == ']' || c == '}') --depth;
    // Each value but the first of all follows one of these.
    if (c == '[' || c == ',' || c == ':') ++size.n_values;
  }
  return size;
}

tl::unexpected<base::Error> tooLarge() {
  return failure(ErrorCode::kTooLarge, "the file is larger than any export of a session", kHint);
}

Result<Json> parseChecked(const std::string& text) {
  const JsonSize size = sizeOf(text);
  if (size.depth > kDepthMax)
    return failure(ErrorCode::kInvalidInput, "the file is nested too deeply for an export", kHint);
  if (size.n_values > kValuesMax) return tooLarge();
  return engine::parseJson(text, "the export", engine::DuplicateKeys::kRefuse, kHint);
}

Result<std::string> textOf(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    return failure(ErrorCode::kNotFound, "cannot read " + file.string(), "Check the path.");
  const std::uintmax_t n_bytes = std::filesystem::file_size(file, error);
  if (error || n_bytes > static_cast<std::uintmax_t>(kTextBytesMax)) return tooLarge();
  std::ifstream in(file, std::ios::binary);
  std::string text(n_bytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(n_bytes));
  if (!in) return failure(ErrorCode::kNotFound, "cannot read " + file.string(), "Check the path.");
  return text;
}

Result<std::string> textInBundle(const std::filesystem::path& file, bool& has_kv) {
  TRY_ASSIGN(auto bundle, storage::BundleFile::read(file));
  TRY_ASSIGN(has_kv, bundle.has(kKvPart));
  auto part = bundle.part(kSessionPart, kTextBytesMax);
  if (!part && part.error().code == ErrorCode::kNotFound)
    return failure(ErrorCode::kInvalidInput, "the bundle holds no session", kHint);
  if (!part) return tl::make_unexpected(part.error());
  return std::string(reinterpret_cast<const char*>(part->data()), part->size());
}

}  // namespace

Json sealed(Json exported) {
  exported.erase(kSeal);
  exported[kSeal] = sealOf(exported).hex();
  return exported;
}

Result<ExportFile> readExportFile(const std::filesystem::path& file) {
  ExportFile read;
  {
    TRY_ASSIGN(const std::string text,
               storage::BundleFile::isOne(file) ? textInBundle(file, read.has_kv) : textOf(file));
    TRY_ASSIGN(read.exported, parseChecked(text));
  }
  base::Hash128 seal;
  JsonFields fields(read.exported);
  fields.need(kSeal, seal);
  if (!fields.status()) return read;
  const Json written = read.exported[kSeal];
  read.exported.erase(kSeal);
  read.intact = sealOf(read.exported) == seal;
  read.exported[kSeal] = written;
  return read;
}

Result<std::string> exportText(const Json& exported) {
  std::string text = dumpJson(exported);
  if (static_cast<std::int64_t>(text.size()) <= kTextBytesMax &&
      sizeOf(text).n_values <= kValuesMax)
    return text;
  return failure(ErrorCode::kTooLarge, "the session is larger than an export may be",
                 "Export it before more is read into it, or leave sources out.");
}

}  // namespace app
