#include "ingest/html_entity.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "ingest/clean_text.h"

namespace ingest {
namespace {

struct Named {
  std::string_view name;
  char32_t character;
};
// Sorted by name. Those that pages in Western languages use; others stay as they are written.
constexpr Named kNamed[] = {
    {"AElig", 0xC6},    {"Aacute", 0xC1},  {"Agrave", 0xC0},  {"Aring", 0xC5},   {"Auml", 0xC4},
    {"Ccedil", 0xC7},   {"Eacute", 0xC9},  {"Egrave", 0xC8},  {"Ntilde", 0xD1},  {"Oslash", 0xD8},
    {"Ouml", 0xD6},     {"Uuml", 0xDC},    {"aacute", 0xE1},  {"acirc", 0xE2},   {"aelig", 0xE6},
    {"agrave", 0xE0},   {"alpha", 0x3B1},  {"amp", '&'},      {"apos", '\''},    {"aring", 0xE5},
    {"atilde", 0xE3},   {"auml", 0xE4},    {"beta", 0x3B2},   {"bull", 0x2022},  {"ccedil", 0xE7},
    {"cent", 0xA2},     {"copy", 0xA9},    {"darr", 0x2193},  {"deg", 0xB0},     {"delta", 0x3B4},
    {"divide", 0xF7},   {"eacute", 0xE9},  {"ecirc", 0xEA},   {"egrave", 0xE8},  {"emsp", ' '},
    {"ensp", ' '},      {"epsilon", 0x3B5}, {"euml", 0xEB},   {"euro", 0x20AC},  {"frac12", 0xBD},
    {"gamma", 0x3B3},   {"ge", 0x2265},    {"gt", '>'},       {"hellip", 0x2026}, {"iacute", 0xED},
    {"icirc", 0xEE},    {"igrave", 0xEC},  {"infin", 0x221E}, {"iuml", 0xEF},    {"lambda", 0x3BB},
    {"laquo", 0xAB},    {"larr", 0x2190},  {"ldquo", 0x201C}, {"le", 0x2264},    {"lsquo", 0x2018},
    {"lt", '<'},        {"mdash", 0x2014}, {"micro", 0xB5},   {"middot", 0xB7},  {"minus", 0x2212},
    {"mu", 0x3BC},      {"nbsp", ' '},     {"ndash", 0x2013}, {"ne", 0x2260},    {"ntilde", 0xF1},
    {"oacute", 0xF3},   {"ocirc", 0xF4},   {"ograve", 0xF2},  {"omega", 0x3C9},  {"oslash", 0xF8},
    {"otilde", 0xF5},   {"ouml", 0xF6},    {"para", 0xB6},    {"pi", 0x3C0},     {"plusmn", 0xB1},
    {"pound", 0xA3},    {"quot", '"'},     {"raquo", 0xBB},   {"rarr", 0x2192},  {"rdquo", 0x201D},
    {"reg", 0xAE},      {"rsquo", 0x2019}, {"sect", 0xA7},    {"sigma", 0x3C3},  {"szlig", 0xDF},
    {"thinsp", ' '},    {"times", 0xD7},   {"trade", 0x2122}, {"uacute", 0xFA},  {"uarr", 0x2191},
    {"ucirc", 0xFB},    {"ugrave", 0xF9},  {"uuml", 0xFC},    {"yen", 0xA5}};
static_assert(std::is_sorted(std::begin(kNamed), std::end(kNamed),
                             [](const Named& a, const Named& b) { return a.name < b.name; }));

void appendCharacter(char32_t c, std::string& into) {
  const bool kept = c == '\t' || c == ' ' || isCleanCharacter(c);
  appendUtf8(into, c == '\n' || c == '\r' ? U' ' : kept ? c : U'\uFFFD');
}

std::size_t appendNumber(std::string_view text, std::string& into) {
  const bool hex = text.size() > 2 && (text[2] == 'x' || text[2] == 'X');
  std::size_t at = hex ? 3 : 2;
  const std::size_t begin = at;
  std::uint32_t number = 0;
  for (; at < text.size() && at - begin < 8; ++at) {
    const char c = text[at];
    const int digit = c >= '0' && c <= '9'          ? c - '0'
                      : hex && c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : hex && c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                    : -1;
    if (digit < 0) break;
    number = number * (hex ? 16 : 10) + static_cast<std::uint32_t>(digit);
  }
  if (at == begin) {
    into += '&';
    return 1;
  }
  appendCharacter(number > 0x10FFFF ? U'\uFFFD' : static_cast<char32_t>(number), into);
  return at < text.size() && text[at] == ';' ? at + 1 : at;
}

}  // namespace

std::size_t appendEntity(std::string_view text, std::string& into) {
  if (text.size() > 1 && text[1] == '#') return appendNumber(text, into);
  std::size_t n = 1;
  while (n < text.size() && n < 12 &&
         ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z') ||
          (text[n] >= '0' && text[n] <= '9')))
    ++n;
  const std::string_view name = text.substr(1, n - 1);
  const auto found = std::lower_bound(
      std::begin(kNamed), std::end(kNamed), name,
      [](const Named& named, std::string_view wanted) { return named.name < wanted; });
  if (found == std::end(kNamed) || found->name != name || n >= text.size() || text[n] != ';') {
    into += '&';
    return 1;
  }
  appendCharacter(found->character, into);
  return n + 1;
}

}  // namespace ingest
