#include "ingest/code_outline.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace ingest {
namespace {

// Longer lines are data, or were written by a program.
constexpr std::size_t kLineBytesMax = 300;
// A statement whose brackets close later than this is data as well.
constexpr std::size_t kStatementLinesMax = 24;

bool isWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string_view firstWord(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && isWord(text[n])) ++n;
  return text.substr(0, n);
}

template <std::size_t n>
bool contains(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What begins with one of these is done, not declared.
constexpr std::array<std::string_view, 45> kDoing = {
    "if",    "else",    "elif",  "elsif",    "elseif", "for",    "foreach", "while",   "switch",
    "case",  "default", "do",    "done",     "try",    "except", "catch",   "finally", "return",
    "when",  "match",   "loop",  "unless",   "until",  "begin",  "end",     "rescue",  "ensure",
    "then",  "fi",      "esac",  "select",   "go",     "defer",  "yield",   "await",   "raise",
    "throw", "goto",    "break", "continue", "repeat", "pass",   "import",  "from",    "use"};
// Their bodies hold declarations, where those of functions hold statements.
constexpr std::array<std::string_view, 16> kHolders = {
    "class",  "struct",  "enum",   "union",    "interface", "namespace", "trait",  "impl",
    "module", "package", "object", "protocol", "extension", "extern",    "record", "mod"};

bool holdsDeclarations(std::string_view statement) {
  std::size_t at = 0;
  while (at < statement.size()) {
    const std::string_view word = firstWord(statement.substr(at));
    if (contains(kHolders, word)) return true;
    // Words before the name: "public static final class".
    at += word.size();
    while (at < statement.size() && statement[at] == ' ') ++at;
    if (word.empty()) return false;
  }
  return false;
}

// The end of the statement that begins in line i: where its round and square brackets are closed.
struct Statement {
  std::size_t last = 0;
  bool closed = false;
};
Statement statementAt(std::span<const TextLine> lines, std::size_t i) {
  int depth = 0;
  const std::size_t end = std::min(lines.size(), i + kStatementLinesMax);
  for (std::size_t k = i; k < end; ++k) {
    char quote = 0;
    for (std::size_t at = 0; at < lines[k].text.size(); ++at) {
      const char c = lines[k].text[at];
      if (quote) {
        if (c == '\\')
          ++at;
        else if (c == quote)
          quote = 0;
      } else if (c == '"') {
        quote = c;
      } else if (c == '(' || c == '[') {
        ++depth;
      } else if (c == ')' || c == ']') {
        --depth;
      }
    }
    if (depth <= 0) return {k, true};
  }
  return {i, false};
}

class Outline {
 public:
  explicit Outline(std::span<const TextLine> lines) : lines_(lines) {}

  std::vector<std::size_t> run() {
    while (i_ < lines_.size()) step();
    return std::move(kept_);
  }

 private:
  void step() {
    const std::string_view text = lines_[i_].text;
    if (text.empty() || text.size() > kLineBytesMax) {
      ++i_;
    } else if (text.starts_with("/*")) {
      skipPast("*/", 2);
    } else if (text.starts_with("\"\"\"") || text.starts_with("'''")) {
      skipPast(text.substr(0, 3), 3);
    } else if (text[0] == '#' && !text.starts_with("#define") && !text.starts_with("#[")) {
      skipDirective();
    } else if (text.starts_with("//") || text.starts_with("--") || !beginsDeclaration(text)) {
      ++i_;
    } else {
      takeStatement();
    }
  }

  static bool beginsDeclaration(std::string_view text) {
    const char c = text[0];
    if (!isWord(c) && c != '@' && c != '#' && c != '~' && c != '$' && c != '<' && c != '[')
      return false;
    return !contains(kDoing, firstWord(text));
  }

  // To the line behind the one that holds `mark`; the first may hold it `from` bytes on.
  void skipPast(std::string_view mark, std::size_t from) {
    const bool looked_for = std::find(missing_.begin(), missing_.end(), mark) != missing_.end();
    for (std::size_t k = i_; k < lines_.size() && !looked_for; ++k) {
      if (lines_[k].text.find(mark, k == i_ ? from : 0) != std::string_view::npos) {
        i_ = k + 1;
        return;
      }
    }
    if (!looked_for) missing_.push_back(mark);
    ++i_;  // never closed: perhaps no comment at all
  }

  void skipDirective() {
    while (i_ < lines_.size() && lines_[i_].text.ends_with('\\')) ++i_;
    ++i_;
  }

  void takeStatement() {
    const Statement statement = statementAt(lines_, i_);
    if (!statement.closed) {
      kept_.push_back(i_++);
      return;
    }
    const std::size_t first = i_;
    for (; i_ <= statement.last; ++i_) kept_.push_back(i_);
    if (lines_[first].text.starts_with("#define")) {
      --i_;
      skipDirective();
      return;
    }
    std::string words;
    for (std::size_t k = first; k <= statement.last; ++k)
      words += std::string(lines_[k].text) + ' ';
    skipBody(lines_[first].indent, lines_[statement.last].text, words);
  }

  void skipBody(int indent, std::string_view tail, std::string_view statement) {
    std::size_t next = i_;
    while (next < lines_.size() && lines_[next].text.empty()) ++next;
    if (next == lines_.size()) return;
    const bool brace = tail.ends_with('{') || tail.ends_with('[');
    const bool brace_below = lines_[next].text.starts_with('{') && lines_[next].indent <= indent;
    const bool indented = lines_[next].indent > indent && !tail.ends_with(';');
    if (!brace && !brace_below && !indented) return;
    if (holdsDeclarations(statement)) return;
    const bool computes = statement.find('(') != std::string_view::npos ||
                          statement.find('=') != std::string_view::npos;
    if (!computes) return;  // "var (", "jobs:", "type X {": what is inside is declared
    if (brace_below) i_ = next + 1;
    const auto isBody = [&](const TextLine& line) {
      if (line.text.empty() || line.indent > indent) return true;
      if (!brace && !brace_below) return false;
      return line.text[0] != '}' && line.text[0] != ']';
    };
    while (i_ < lines_.size() && isBody(lines_[i_])) ++i_;
    if ((brace || brace_below) && i_ < lines_.size()) ++i_;
  }

  std::span<const TextLine> lines_;
  std::size_t i_ = 0;
  std::vector<std::size_t> kept_;
  std::vector<std::string_view> missing_;  // marks that stand nowhere from here on
};

}  // namespace

std::vector<std::size_t> codeOutline(std::span<const TextLine> lines) {
  return Outline(lines).run();
}

}  // namespace ingest
