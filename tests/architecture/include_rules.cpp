#include "tests/architecture/include_rules.h"

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace architecture {
namespace {

using Rooms = std::set<std::string, std::less<>>;

// Who may include whom, besides itself. What is not here is forbidden.
const std::map<std::string, Rooms, std::less<>>& arrows() {
  static const std::map<std::string, Rooms, std::less<>> arrows = {
      {"kernels", {}},
      {"engine/base", {}},
      {"engine", {"engine/base", "kernels"}},
      {"ingest", {"engine/base"}},
      {"storage", {"engine/base"}},
      {"ui", {"engine/base"}},
      {"app", {"engine/base", "engine", "ingest", "storage", "ui"}},
      {"tests", {"app", "engine", "engine/base", "ingest", "kernels", "storage", "ui"}},
  };
  return arrows;
}

// An outside library: its headers, and the files that may include them. Tests may include any.
struct Library {
  const char* name;
  std::regex header;
  std::regex user;
};

const std::vector<Library>& libraries() {
  static const std::vector<Library> libraries = {
      {"Qt Widgets, Gui and Svg",
       std::regex("Q(Widget|Application|MainWindow|Painter|Svg|Dialog|Menu|Label|.*View).*"),
       std::regex("(ui|app)/.*|ingest/pdf/.*\\.cpp")},
      {"Qt", std::regex("Q[A-Z].*|Qt.*"), std::regex("(ui|app)/.*|ingest/.*\\.cpp")},
      {"QScintilla", std::regex("Qsci/.*"), std::regex("ui/.*")},
      {"md4c", std::regex("md4c.*"), std::regex("ui/.*")},
      {"Poppler", std::regex("poppler.*"), std::regex("ingest/pdf/(.*\\.cpp|glyph_collector\\.h)")},
      {"libgit2", std::regex("git2.*"), std::regex("ingest/(.*\\.cpp|git_handles\\.h)")},
      {"uchardet", std::regex("uchardet.*"), std::regex("ingest/.*\\.cpp")},
      {"libarchive", std::regex("archive.*"), std::regex("ingest/.*\\.cpp")},
      {"pugixml", std::regex("pugixml.*"), std::regex("ingest/(.*\\.cpp|office/xml\\.h)")},
      {"libseccomp", std::regex("seccomp\\.h"), std::regex("ingest/.*\\.cpp")},
      {"SQLite", std::regex("sqlite3.*"), std::regex("storage/(sqlite|page_checks)\\.(h|cpp)")},
      {"zstd", std::regex("zstd.*"), std::regex("storage/.*\\.cpp")},
      {"nlohmann-json", std::regex("nlohmann/.*"), std::regex("engine/json\\.h")},
      {"spdlog", std::regex("spdlog/.*"), std::regex("engine/base/log\\.cpp")},
      {"tl::expected", std::regex("tl/.*"), std::regex("engine/base/result\\.h")},
      {"xxHash", std::regex("xxhash.*"), std::regex("engine/base/.*\\.cpp")},
      {"Highway", std::regex("hwy/.*"), std::regex("kernels/.*")},
      {"vector instructions that Highway lacks", std::regex("immintrin\\.h"), std::regex("kernels/.*")},
      {"CUDA", std::regex("cuda.*|cublas.*"), std::regex("kernels/.*|engine/(cuda_backend|device)\\..*")},
      {"NCCL", std::regex("nccl.*"), std::regex("engine/[a-z_]+\\.cpp")},
      {"CLI11", std::regex("CLI/.*"), std::regex("app/.*")},
  };
  return libraries;
}

// C++ and the system. Everything else has to be a library above.
bool isStandard(const std::string& header) {
  static const std::regex cpp("[a-z_0-9]+");
  static const std::regex system(
      "(sys|linux|arpa|netinet)/[a-z_0-9]+\\.h|"
      "(unistd|fcntl|iconv|strings|poll|spawn|sched|signal|pthread|dirent|dlfcn|fnmatch|termios|"
      "pwd|pty|getopt|langinfo|locale|time|link|malloc)\\.h");
  return std::regex_match(header, cpp) || std::regex_match(header, system);
}

std::string projectOffence(std::string_view path, const std::string& included) {
  const std::string from = roomOf(path), to = roomOf(included);
  if (from == to) return {};
  const auto allowed = arrows().find(from);
  if (allowed == arrows().end()) return "not a room: " + std::string(path);
  if (allowed->second.count(to) > 0) return {};
  return from + " must not include " + to + ": " + included;
}

std::string outsideOffence(std::string_view path, const std::string& included) {
  for (const Library& library : libraries()) {
    if (!std::regex_match(included, library.header)) continue;
    if (roomOf(path) == "tests" || std::regex_match(std::string(path), library.user)) return {};
    return std::string(library.name) + " must not be included here: <" + included + ">";
  }
  if (isStandard(included)) return {};
  return "no room keeps this library: <" + included + ">";
}

}  // namespace

std::string roomOf(std::string_view path) {
  if (path.substr(0, 12) == "engine/base/") return "engine/base";
  const std::string first(path.substr(0, path.find('/')));
  return path.find('/') != path.npos && arrows().count(first) > 0 ? first : std::string();
}

std::string offence(std::string_view path, std::string_view included, bool in_brackets) {
  const std::string name(included);
  if (!roomOf(name).empty()) return projectOffence(path, name);
  // In quotes: a file beside this one, unless it is a library's name.
  const bool library = std::any_of(
      libraries().begin(), libraries().end(),
      [&](const Library& candidate) { return std::regex_match(name, candidate.header); });
  return in_brackets || library ? outsideOffence(path, name) : std::string();
}

std::vector<std::string> offences(std::string_view path, std::string_view text) {
  static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  std::vector<std::string> found;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (!std::regex_search(line, match, include)) continue;
    const std::string wrong = offence(path, match[2].str(), match[1] == "<");
    if (!wrong.empty()) found.push_back("line " + std::to_string(number) + ": " + wrong);
  }
  return found;
}

}  // namespace architecture
