// A scanner of our own rather than a parser with a tree: the place of every string in the file is
// what makes a quote's line the line of the file.
#include "ingest/notebook_text.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ingest/clean_text.h"

namespace ingest {
namespace {

constexpr std::size_t kDepthMax = 64;
// A notebook written by Jupyter has a line per line of source; packed JSON has next to none.
constexpr std::size_t kPackedLineBytes = 2000;

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Scanner {
 public:
  explicit Scanner(std::string_view json) : json_(json) {
    std::size_t n_lines = 1;
    for (const char c : json) n_lines += c == '\n';
    out_.lines_kept = json.size() / n_lines < kPackedLineBytes;
  }

  std::optional<NotebookText> run() {
    while (at_ < json_.size())
      if (!step()) return std::nullopt;
    if (!levels_.empty() || !begun_) return std::nullopt;
    return std::move(out_);
  }

 private:
  struct Level {
    bool object = false;
    bool key_next = false;  // of an object: a string here is a key
    std::string key;
  };

  bool step() {
    const char c = json_[at_];
    switch (c) {
      case '\n':
        if (out_.lines_kept) out_.text += '\n';
        break;
      case '{':
      case '[':
        if (levels_.size() == kDepthMax || (levels_.empty() && begun_)) return false;
        begun_ = true;
        levels_.push_back({c == '{', c == '{', {}});
        break;
      case '}':
      case ']':
        if (levels_.empty() || levels_.back().object != (c == '}')) return false;
        levels_.pop_back();
        break;
      case ',':
        if (levels_.empty()) return false;
        levels_.back().key_next = levels_.back().object;
        break;
      case '"': return readString();
      default: break;
    }
    ++at_;
    return true;
  }

  bool readString() {
    std::string value;
    std::size_t at = at_ + 1;
    while (at < json_.size() && json_[at] != '"') {
      if (json_[at] == '\n') return false;
      if (json_[at] != '\\') {
        value += json_[at++];
        continue;
      }
      if (!appendEscape(at, value)) return false;
    }
    if (at >= json_.size() || levels_.empty()) return false;
    at_ = at + 1;
    Level& level = levels_.back();
    if (level.object && level.key_next) {
      level.key = std::move(value);
      level.key_next = false;
    } else {
      show(value);
    }
    return true;
  }

  bool appendEscape(std::size_t& at, std::string& value) const {
    if (at + 1 >= json_.size()) return false;
    const char c = json_[at + 1];
    at += 2;
    switch (c) {
      case 'n': value += '\n'; return true;
      case 't': value += '\t'; return true;
      case 'r': case 'b': case 'f': value += ' '; return true;
      case '"': case '\\': case '/': value += c; return true;
      case 'u': break;
      default: return false;
    }
    std::uint32_t unit = 0;
    if (!readUnit(at, unit)) return false;
    std::size_t behind = at + 2;
    std::uint32_t second = 0;
    if (unit >= 0xD800 && unit < 0xDC00 && json_.substr(at, 2) == "\\u" &&
        readUnit(behind, second) && second >= 0xDC00 && second < 0xE000) {
      unit = 0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
      at = behind;
    }
    const auto character = static_cast<char32_t>(unit);
    const bool shown = character == '\n' || character == '\t' || isCleanCharacter(character);
    appendUtf8(value, shown ? character : U'\uFFFD');
    return true;
  }

  bool readUnit(std::size_t& at, std::uint32_t& unit) const {
    if (at + 4 > json_.size()) return false;
    unit = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = hexDigit(json_[at++]);
      if (digit < 0) return false;
      unit = unit << 4 | static_cast<std::uint32_t>(digit);
    }
    return true;
  }

  // The key whose value this is, behind arrays: {"source": ["a", "b"]}.
  std::string_view keyHere() const {
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level)
      if (level->object) return level->key;
    return {};
  }

  void show(const std::string& value) {
    const std::string_view key = keyHere();
    if (key == "cell_type") return put("## " + value + " cell");
    if (key == "source" || key == "text" || key == "text/plain" || key == "evalue") put(value);
  }

  void put(std::string piece) {
    if (!out_.lines_kept) {
      out_.text += piece;
      if (levels_.back().object) out_.text += '\n';
      return;
    }
    if (piece.ends_with('\n')) piece.pop_back();
    std::replace(piece.begin(), piece.end(), '\n', ' ');  // several lines on one line of the file
    if (!out_.text.empty() && out_.text.back() != '\n' && !piece.empty()) out_.text += ' ';
    out_.text += piece;
  }

  const std::string_view json_;
  std::size_t at_ = 0;
  bool begun_ = false;
  std::vector<Level> levels_;
  NotebookText out_;
};

}  // namespace

bool isNotebook(std::string_view name, std::string_view head) {
  const std::size_t begin = head.find_first_not_of(" \t\r\n");
  return name.ends_with(".ipynb") && begin != std::string_view::npos && head[begin] == '{';
}

std::optional<NotebookText> notebookText(std::string_view json) { return Scanner(json).run(); }

}  // namespace ingest
