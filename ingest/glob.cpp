#include "ingest/glob.h"

#include <cctype>
#include <cstdint>
#include <string>

namespace ingest {
namespace {

char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::size_t indexOf(char c) { return static_cast<std::uint8_t>(c); }

// Adds the bytes of [:name:]; false if there is no such class. ASCII only, whatever the locale.
bool addNamedClass(std::string_view name, std::bitset<256>& bytes) {
  static constexpr struct {
    std::string_view name;
    int (*contains)(int);
  } kClasses[] = {{"alnum", std::isalnum}, {"alpha", std::isalpha}, {"blank", std::isblank},
                  {"cntrl", std::iscntrl}, {"digit", std::isdigit}, {"graph", std::isgraph},
                  {"lower", std::islower}, {"print", std::isprint}, {"punct", std::ispunct},
                  {"space", std::isspace}, {"upper", std::isupper}, {"xdigit", std::isxdigit}};
  for (const auto& candidate : kClasses) {
    if (candidate.name != name) continue;
    for (int c = 0; c < 128; ++c)
      if (candidate.contains(c)) bytes.set(static_cast<std::size_t>(c));
    return true;
  }
  return false;
}

}  // namespace

Glob::Glob(std::string_view pattern, SlashMode slash, CaseMode letters) : letters_(letters) {
  compile(pattern, slash);
}

void Glob::compile(std::string_view pattern, SlashMode slash) {
  const auto literal = [&](char c) {
    Token token{Kind::kClass, {}};
    token.bytes.set(indexOf(letters_ == CaseMode::kFolded ? folded(c) : c));
    tokens_.push_back(token);
  };
  for (std::size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    if (c == '\\') {
      if (at + 1 == pattern.size()) {
        impossible_ = true;
        return;
      }
      literal(pattern[at + 1]);
      at += 2;
    } else if (c == '?') {
      Token token{Kind::kClass, {}};
      token.bytes.set();
      if (slash == SlashMode::kSeparates) token.bytes.reset(indexOf('/'));
      tokens_.push_back(token);
      ++at;
    } else if (c == '[') {
      Token token{Kind::kClass, {}};
      at = readClass(pattern, at + 1, letters_, token);
      if (at == std::string_view::npos) {
        impossible_ = true;
        return;
      }
      if (slash == SlashMode::kSeparates) token.bytes.reset(indexOf('/'));
      tokens_.push_back(token);
    } else if (c == '*') {
      const std::size_t first = at;
      while (at < pattern.size() && pattern[at] == '*') ++at;
      const std::string_view rest = pattern.substr(at);
      const bool begins = first == 0 || pattern[first - 1] == '/';
      const bool ends = rest.empty() || rest[0] == '/' || rest.starts_with("\\/");
      if (slash == SlashMode::kOrdinary) {
        tokens_.push_back({Kind::kAnything, {}});
      } else if (at - first == 1 || !begins || !ends) {
        tokens_.push_back({Kind::kStar, {}});
      } else if (rest.starts_with('/')) {
        tokens_.push_back({Kind::kAnythingSlash, {}});
        ++at;
      } else {
        tokens_.push_back({Kind::kAnything, {}});
      }
    } else {
      literal(c);
      ++at;
    }
  }
}

std::size_t Glob::readClass(std::string_view pattern, std::size_t at, CaseMode letters,
                            Token& token) {
  constexpr auto kNoEnd = std::string_view::npos;
  bool negated = false;
  if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) {
    negated = true;
    ++at;
  }
  // When letters are folded, ranges and named classes are, single characters are not: git's rule.
  const auto foldRange = [&](const std::bitset<256>& added) {
    for (char upper = 'A'; letters == CaseMode::kFolded && upper <= 'Z'; ++upper)
      if (added[indexOf(upper)]) token.bytes.set(indexOf(folded(upper)));
    token.bytes |= added;
  };
  int previous = -1;  // the byte a range may begin with
  for (bool first = true;; first = false) {
    if (at >= pattern.size()) return kNoEnd;
    char c = pattern[at];
    if (c == ']' && !first) break;
    if (c == '-' && previous >= 0 && at + 1 < pattern.size() && pattern[at + 1] != ']') {
      c = pattern[++at];
      if (c == '\\') {
        if (++at >= pattern.size()) return kNoEnd;
        c = pattern[at];
      }
      std::bitset<256> range;
      for (int byte = previous; byte <= static_cast<int>(indexOf(c)); ++byte)
        range.set(static_cast<std::size_t>(byte));
      foldRange(range);
      previous = -1;
      ++at;
      continue;
    }
    if (c == '[' && pattern.substr(at).starts_with("[:")) {
      const std::size_t close = pattern.find(']', at + 2);
      if (close == kNoEnd) return kNoEnd;
      // Without ":]" this is an ordinary '['.
      if (close > at + 2 && pattern[close - 1] == ':') {
        std::bitset<256> named;
        if (!addNamedClass(pattern.substr(at + 2, close - at - 3), named)) return kNoEnd;
        foldRange(named);
        previous = -1;
        at = close + 1;
        continue;
      }
    }
    if (c == '\\') {
      if (++at >= pattern.size()) return kNoEnd;
      c = pattern[at];
    }
    token.bytes.set(indexOf(c));
    previous = static_cast<int>(indexOf(c));
    ++at;
  }
  if (negated) token.bytes.flip();
  return at + 1;
}

bool Glob::matches(std::string_view text) const {
  if (impossible_) return false;
  // state[i]: the tokens before i match the text read so far.
  std::vector<bool> state(tokens_.size() + 1, false), next(tokens_.size() + 1, false);
  const auto skipOptional = [&](std::vector<bool>& states) {
    for (std::size_t i = 0; i < tokens_.size(); ++i)
      if (states[i] && tokens_[i].kind != Kind::kClass) states[i + 1] = true;
  };
  // "**/" may stand for nothing only where it begins; once it took a byte it needs its slash.
  // `inside[i]` says that it did.
  std::vector<bool> inside(tokens_.size(), false);
  state[0] = true;
  skipOptional(state);
  for (char c : text) {
    if (letters_ == CaseMode::kFolded) c = folded(c);
    next.assign(next.size(), false);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (token.kind == Kind::kAnythingSlash) {
        if (!state[i] && !inside[i]) continue;
        inside[i] = true;
        if (c == '/') next[i + 1] = true;
        continue;
      }
      if (!state[i]) continue;
      if (token.kind == Kind::kClass) {
        if (token.bytes[indexOf(c)]) next[i + 1] = true;
      } else if (token.kind == Kind::kAnything || c != '/') {
        next[i] = true;
      }
    }
    skipOptional(next);
    std::swap(state, next);
  }
  return state[tokens_.size()];
}

}  // namespace ingest
