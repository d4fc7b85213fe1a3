// unicode_classes.h: the character classes of the tokenizer's splits, by the data of Unicode 16.0.
// The platform's own tables are older and must not be used: ids would differ.
#pragma once

#include <array>
#include <cstdint>

namespace engine {

enum UnicodeClass : std::uint8_t {
  kOther = 0,
  kLetter = 1,       // \p{L}
  kMark = 2,         // \p{M}
  kNumber = 3,       // \p{N}
  kPunctuation = 4,  // \p{P}
  kSymbol = 5,       // \p{S}
  kWhiteSpace = 6,   // \s: the 25 code points of White_Space
  kClassMask = 7,
  kCjkSplit = 8,  // flag: [一-龥぀-ゟ゠-ヿ]
};

// Two stages: the block of each 256 code points, and the classes of each block. Block 0 is the
// first, so classes of code points below 256 stand at their own index.
extern const std::array<std::uint8_t, 4352> kUnicodeBlocks;
extern const std::array<std::uint8_t, 39424> kUnicodeClasses;

// Class and flag of a code point up to U+10FFFF.
inline std::uint8_t unicodeClass(char32_t code_point) {
  return kUnicodeClasses[kUnicodeBlocks[code_point >> 8] * std::size_t{256} + (code_point & 255)];
}

}  // namespace engine
