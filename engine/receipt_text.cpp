#include "engine/receipt_text.h"

#include <array>
#include <cstdio>
#include <map>

#include "engine/utf8.h"

namespace engine {
namespace {

constexpr std::size_t kLineBytesMax = 300;

// Code points that end a line, move the cursor or turn the reading direction somewhere, and the
// invisible letters of tags (U+E0000 ff.).
bool isControl(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0x61C ||
         (c >= 0x200E && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069) || (c >= 0xE0000 && c <= 0xE007F);
}

std::string shortLine(std::string_view text) {
  std::string line = oneLine(text);
  if (line.size() <= kLineBytesMax) return line;
  std::size_t n = kLineBytesMax;
  while ((line[n] & 0xC0) == 0x80) --n;
  return line.substr(0, n) + "…";
}

// "too_large" reads as "too large".
std::string words(std::string_view code) {
  std::string text = oneLine(code);
  for (char& c : text)
    if (c == '_') c = ' ';
  return text;
}

}  // namespace

std::string oneLine(std::string_view text) {
  const std::string valid = repairUtf8(text);
  std::string line;
  for (std::size_t at = 0; at < valid.size();) {
    const std::size_t begin = at;
    const char32_t c = nextCodePoint(valid, at);
    if (c == '\\') {
      line += "\\\\";
    } else if (c == '\n') {
      line += "\\n";
    } else if (isControl(c)) {
      std::array<char, 16> escape;
      std::snprintf(escape.data(), escape.size(), "\\u{%x}", static_cast<unsigned>(c));
      line += escape.data();
    } else {
      line += valid.substr(begin, at - begin);
    }
  }
  return line;
}

std::string receiptText(std::span<const base::ReceiptEntry> entries,
                        std::span<const ReceiptNote> notes, int n_lines_max) {
  std::vector<std::string> lines;
  std::map<std::string, int> unnamed;  // files without a line of their own, by reason
  const auto add = [&](const std::string& reason, std::string line) {
    if (static_cast<int>(lines.size()) < n_lines_max) {
      lines.push_back(std::move(line));
    } else {
      ++unnamed[reason];
    }
  };
  for (const ReceiptNote& note : notes) {
    for (const base::Diagnostic& diagnostic : note.diagnostics) {
      std::string line = shortLine(note.path);
      if (diagnostic.page > 0) line += ", page " + std::to_string(diagnostic.page);
      add(words(diagnostic.code), line + ": " + shortLine(diagnostic.message));
    }
  }
  std::map<base::DetailLevel, int> shortened;  // each says so itself, where it stands
  for (const base::ReceiptEntry& entry : entries) {
    if (entry.read && entry.reason.empty()) continue;
    if (entry.detailLevel() != base::DetailLevel::kFull) {
      ++shortened[entry.detailLevel()];
      continue;
    }
    std::string line = shortLine(entry.path) + (entry.read ? " (read, " : " (not read, ") +
                       words(entry.reason) + ")";
    if (!entry.detail.empty()) line += ": " + shortLine(entry.detail);
    add(words(entry.reason), std::move(line));
  }
  if (lines.empty() && shortened.empty()) return {};

  std::string text = "=== not in this text, or uncertain ===\n";
  for (const std::string& line : lines) text += line + "\n";
  for (const auto& [level, n] : shortened)
    text += std::to_string(n) + " read: " + words(base::detailLevelName(level)) + "\n";
  for (const auto& [reason, n] : unnamed)
    text += "and " + std::to_string(n) + " more: " + reason + "\n";
  return text;
}

}  // namespace engine
