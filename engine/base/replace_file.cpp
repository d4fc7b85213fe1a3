#include "engine/base/replace_file.h"

#include <fstream>

namespace base {

namespace fs = std::filesystem;

Status replaceFile(const fs::path& asked, const std::function<void(std::ostream&)>& write) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(asked, error);
  if (error) path = asked;
  const auto kind = fs::status(path, error).type();
  const bool in_place = kind != fs::file_type::not_found && kind != fs::file_type::regular;
  fs::path fresh = path;
  if (!in_place) fresh += ".new";
  std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
  write(out);
  out.close();
  error.clear();
  if (out && !in_place) fs::rename(fresh, path, error);
  if (out && !error) return {};
  if (!in_place) fs::remove(fresh, error);
  return failure(ErrorCode::kIo, "cannot write " + asked.string(),
                 "Check that the folder exists and the disk has room.");
}

}  // namespace base
