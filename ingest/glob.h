// glob.h: one pattern of an ignore file against one path, exactly as git's wildmatch answers.
#pragma once

#include <bitset>
#include <string_view>
#include <vector>

namespace ingest {

enum class SlashMode {
  kSeparates,  // '*', '?' and classes stop at '/'; "**" between slashes does not
  kOrdinary,   // '/' is a character like others
};
enum class CaseMode { kExact, kFolded };  // folding is ASCII only, as git's

// Matching takes time proportional to pattern times text, whatever the pattern: a hostile
// "*a*a*a*a*b" costs no more than any other.
class Glob {
 public:
  Glob(std::string_view pattern, SlashMode slash, CaseMode letters);
  bool matches(std::string_view text) const;

 private:
  enum class Kind { kClass, kStar, kAnything, kAnythingSlash };
  struct Token {
    Kind kind;
    std::bitset<256> bytes;  // of kClass: what it accepts
  };

  void compile(std::string_view pattern, SlashMode slash);
  // Reads a class that begins after '['; returns the position behind it, npos if it has no end.
  static std::size_t readClass(std::string_view pattern, std::size_t at, CaseMode letters,
                               Token& token);

  std::vector<Token> tokens_;
  bool impossible_ = false;  // malformed: matches nothing
  CaseMode letters_;
};

}  // namespace ingest
