#include "app/paths.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <sys/stat.h>

namespace app {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::failure;

fs::path environmentPath(const char* name) {
  const char* value = std::getenv(name);
  // The XDG specification wants relative paths ignored.
  return value != nullptr && value[0] == '/' ? fs::path(value) : fs::path();
}

fs::path programFolder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : self.parent_path();
}

// A folder of resources/: of an installation (bin/ and share/lectern/ side by side), else of the
// source tree this was built from.
fs::path resource(const fs::path& name) {
  std::error_code error;
  for (const fs::path& folder :
       {programFolder() / "../share/lectern", fs::path(LECTERN_RESOURCES_DIR)})
    if (fs::exists(folder / name, error)) return (folder / name).lexically_normal();
  return {};
}

base::Result<fs::path> dataFolder(const fs::path& chosen) {
  if (!chosen.empty()) {
    std::error_code error;
    const fs::path absolute = fs::absolute(chosen, error);
    if (error) return failure(ErrorCode::kIo, "cannot resolve " + chosen.string());
    return absolute.lexically_normal();
  }
  if (const fs::path xdg = environmentPath("XDG_DATA_HOME"); !xdg.empty()) return xdg / "lectern";
  if (const fs::path home = environmentPath("HOME"); !home.empty())
    return home / ".local/share/lectern";
  return failure(ErrorCode::kNotFound, "neither XDG_DATA_HOME nor HOME is set",
                 "Say where Lectern may keep its data with --data DIR.");
}

}  // namespace

fs::path siblingProgram(const std::string& name) { return programFolder() / name; }

fs::path samplesFolder() { return resource("samples"); }

base::Result<Paths> resolvePaths(const PathOptions& options) {
  Paths paths;
  TRY_ASSIGN(paths.data, dataFolder(options.data));
  const fs::path bundled = fs::path("models") / "lectern-mini";
  paths.model = options.model.empty() ? resource(bundled) : options.model;
  if (paths.model.empty()) paths.model = fs::path(LECTERN_RESOURCES_DIR) / bundled;
  paths.log = paths.data / "log";
  paths.engine_program = siblingProgram("lectern-engine");
  paths.reader_program = siblingProgram("lectern-reader");
  return paths;
}

base::Status makeFolders(const Paths& paths) {
  std::error_code error;
  if (const fs::path parent = paths.data.parent_path(); !parent.empty())
    fs::create_directories(parent, error);
  for (const fs::path& folder : {paths.data, paths.log}) {
    if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) continue;
    return failure(ErrorCode::kIo,
                   "cannot make folder " + folder.string() + ": " + std::strerror(errno),
                   "Choose a folder you may write to with --data DIR.");
  }
  if (!fs::is_directory(paths.data, error))
    return failure(ErrorCode::kIo, paths.data.string() + " is not a folder",
                   "Choose another folder with --data DIR.");
  return {};
}

}  // namespace app
