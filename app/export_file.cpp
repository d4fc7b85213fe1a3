#include "app/export_file.h"

#include <algorithm>
#include <fstream>
#include <sstream>
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

constexpr std::int64_t kTextBytesMax = std::int64_t{1} << 30;
constexpr int kDepthMax = 32;
constexpr const char* kSeal = "seal";
constexpr const char* kHint = "`lectern export` writes such files.";

base::Hash128 sealOf(const Json& without_seal) { return base::hashText(dumpJson(without_seal)); }

// Brackets that are open at once; those inside strings do not count.
int depthOf(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') ++i;
    if (in_string) continue;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

Result<std::string> textOf(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    return failure(ErrorCode::kNotFound, "cannot read " + file.string(), "Check the path.");
  if (std::filesystem::file_size(file, error) > static_cast<std::uintmax_t>(kTextBytesMax) || error)
    return failure(ErrorCode::kTooLarge, "the file is larger than any export of text", kHint);
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return failure(ErrorCode::kNotFound, "cannot read " + file.string(), "Check the path.");
  return std::move(text).str();
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
  TRY_ASSIGN(const std::string text, storage::BundleFile::isOne(file)
                                         ? textInBundle(file, read.has_kv)
                                         : textOf(file));
  if (depthOf(text) > kDepthMax)
    return failure(ErrorCode::kInvalidInput, "the file is nested too deeply for an export", kHint);
  TRY_ASSIGN(read.exported,
             engine::parseJson(text, "the export", engine::DuplicateKeys::kRefuse, kHint));
  base::Hash128 seal;
  JsonFields fields(read.exported);
  fields.need(kSeal, seal);
  if (!fields.status()) return read;
  Json rest = read.exported;
  rest.erase(kSeal);
  read.intact = sealOf(rest) == seal;
  return read;
}

}  // namespace app
