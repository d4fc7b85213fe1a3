#include "ingest/random_value.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

namespace ingest {
namespace {

// Inside a value, in lower case: nobody draws these by lot.
constexpr std::string_view kStandIns[] = {
    "example", "xxxx",  "your",   "placeholder", "redacted", "changeme", "change_me", "change-me",
    "dummy",   "sample", "fake",  "insert",      "replace",  "todo",     "secret",    "password",
    "passwd",  "token",  "....",  "****",        "----",     "____",     "0000000",   "1111111",
    "1234567", "7654321", "abcdefg", "aaaaaaa",  "foobar",   "hunter2",  "deadbeef",  "cafebabe",
    "default", "mypass", "testtest", "unittest", "notreal",  "lorem",    "qwerty"};
// At the beginning of a value: it is looked up elsewhere.
constexpr std::string_view kLookUps[] = {"$", "%", "{", "<", "@", "env:", "env.", "vault:", "ssm:",
                                         "arn:", "ref+", "op://", "file:", "process.env",
                                         "os.environ", "secrets.", "var.", "ENC[", "!"};

std::string lowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

struct Sorts {
  int n_lower = 0, n_upper = 0, n_digit = 0, n_other = 0, n_distinct = 0;
  int n_changes = 0;  // between letters and digits
  int count() const { return (n_lower > 0) + (n_upper > 0) + (n_digit > 0) + (n_other > 0); }
};

Sorts sortsOf(std::string_view value) {
  Sorts sorts;
  std::array<bool, 256> seen{};
  int previous = -1;
  for (const char c : value) {
    int sort = 2;
    if (c >= 'a' && c <= 'z') ++sorts.n_lower, sort = 0;
    else if (c >= 'A' && c <= 'Z') ++sorts.n_upper, sort = 0;
    else if (c >= '0' && c <= '9') ++sorts.n_digit, sort = 1;
    else ++sorts.n_other;
    if (previous >= 0 && sort != previous) ++sorts.n_changes;
    previous = sort;
    bool& known = seen[static_cast<unsigned char>(c)];
    sorts.n_distinct += !known;
    known = true;
  }
  return sorts;
}

// Words joined by - _ . /, as in names of settings, routes and files.
bool isJoinedWords(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' ||
           c == '/' || c == ':' || c == ' ';
  });
}

}  // namespace

bool isPlaceholder(std::string_view value) {
  for (const std::string_view begin : kLookUps)
    if (value.starts_with(begin)) return true;
  const std::string lower = lowerCase(value);
  return std::any_of(std::begin(kStandIns), std::end(kStandIns), [&](std::string_view stand_in) {
    return lower.find(stand_in) != std::string::npos;
  });
}

double entropyBits(std::string_view value) {
  std::array<int, 256> counts{};
  for (const char c : value) ++counts[static_cast<unsigned char>(c)];
  double bits = 0;
  const auto n = static_cast<double>(value.size());
  for (const int count : counts)
    if (count > 0) bits -= count / n * std::log2(count / n);
  return bits;
}

bool looksDrawn(std::string_view value) {
  return !isPlaceholder(value) && entropyBits(value) >= (value.size() < 20 ? 2.5 : 2.9);
}

bool looksRandom(std::string_view value) {
  if (value.size() < 12 || isPlaceholder(value) || isJoinedWords(value)) return false;
  const Sorts sorts = sortsOf(value);
  if (sorts.n_digit == 0 || sorts.n_lower + sorts.n_upper == 0) return false;
  // Of 16 sorts of characters 32 draws show about 14; text that counts up or repeats shows fewer.
  if (sorts.n_distinct < 8 || sorts.n_changes < 3) return false;
  return entropyBits(value) >= (value.size() < 20 ? 2.8 : 3.1);
}

bool looksLikePassword(std::string_view value) {
  if (value.size() < 8 || value.size() > 200 || isPlaceholder(value) || isJoinedWords(value))
    return false;
  if (value.find(' ') != std::string_view::npos || value.find("://") != std::string_view::npos)
    return false;
  const Sorts sorts = sortsOf(value);
  return sorts.count() >= 3 && sorts.n_digit > 0 && sorts.n_distinct >= 6;
}

}  // namespace ingest
