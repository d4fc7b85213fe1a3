#include "tests/fuzz/fuzz_input.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include "ingest/clean_text.h"
#include "ingest/utf8.h"

namespace fuzz {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kInputBytesMax = 64 << 10;
constexpr std::size_t kRepeatsMax = 2000;

constexpr const char* kNumbers[] = {"0",  "-1", "1e308", "99999999999999999999", "4294967296",
                                    "-0", "7",  "2147483648", "0x7fffffff", "1e-320"};

std::int64_t secondsToRun() {
  if (const char* given = std::getenv("LECTERN_FUZZ_SECONDS")) return std::atoll(given);
  return std::getenv("CI") != nullptr ? 30 : 3;
}

bool isDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::vector<Part> corpusParts(const std::string& folder) {
  static std::map<std::string, std::vector<Part>> known;
  std::vector<Part>& parts = known[folder];
  if (!parts.empty()) return parts;
  const fs::path root = fs::path(LECTERN_SOURCE_DIR) / "tests/golden/fuzz" / folder;
  std::map<std::string, std::string> sorted;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(root, error)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    sorted[fs::relative(entry.path(), root).string()] =
        std::string(std::istreambuf_iterator<char>(file), {});
  }
  if (sorted.empty()) {
    std::fprintf(stderr, "no corpus in %s\n", root.c_str());
    std::abort();
  }
  for (auto& [path, bytes] : sorted) parts.push_back({path, std::move(bytes)});
  return parts;
}

std::vector<std::string> corpus(const std::string& folder) {
  std::vector<std::string> inputs;
  for (Part& part : corpusParts(folder)) inputs.push_back(std::move(part.bytes));
  return inputs;
}

Mutator::Mutator(std::uint64_t seed, std::vector<std::string> corpus)
    : random_(seed), corpus_(std::move(corpus)) {}

std::string Mutator::next() { return changed(corpus_.at(below(corpus_.size()))); }

std::string Mutator::changed(std::string input) {
  for (std::size_t n = std::size_t{1} << below(5); n > 0; --n) change(input);
  if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
  return input;
}

void Mutator::change(std::string& input) {
  const std::size_t at = below(input.size() + 1);
  const std::size_t n = std::min(input.size() - at, std::size_t{1} << below(8));
  switch (below(9)) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(below(256));
      return;
    case 1:
      input.erase(at, n);
      return;
    case 2: {
      const std::string piece = input.substr(at, n);
      const std::size_t n_times = below(8) == 0 ? below(kRepeatsMax) : below(4);
      std::string many;
      for (std::size_t i = 0; i < n_times && many.size() < kInputBytesMax; ++i) many += piece;
      input.insert(at, many);
      return;
    }
    case 3: {
      const std::string piece = input.substr(at, n);
      input.erase(at, n);
      input.insert(below(input.size() + 1), piece);
      return;
    }
    case 4:
    case 5: {
      const std::string& other = corpus_.at(below(corpus_.size()));
      const std::size_t begin = below(other.size() + 1);
      input.insert(at, other, begin, std::size_t{1} << below(9));
      return;
    }
    case 6: {
      const auto digit = std::find_if(input.begin() + static_cast<std::ptrdiff_t>(at), input.end(),
                                      isDigit);
      const auto end = std::find_if_not(digit, input.end(), isDigit);
      const std::string number = kNumbers[below(std::size(kNumbers))];
      input.replace(digit, end, number);
      return;
    }
    case 7:
      input.resize(at);
      return;
    default:
      input.insert(at, 1, static_cast<char>(below(256)));
  }
}

void repeat(const char* what, std::vector<std::string> corpus, bool (*once)(Mutator&)) {
  const char* given = std::getenv("LECTERN_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("%s: LECTERN_SEED=%llu\n", what, static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  Mutator mutator(seed, std::move(corpus));
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(secondsToRun());
  std::uint64_t n_inputs = 0;
  bool fine = true;
  while (fine && (n_inputs == 0 || Clock::now() < end)) {
    fine = once(mutator);
    ++n_inputs;
  }
  std::printf("%s: %llu inputs\n", what, static_cast<unsigned long long>(n_inputs));
}

std::string repaired(const std::string& bytes) {
  std::string text;
  for (std::string_view rest = bytes; !rest.empty();) {
    const ingest::Utf8Step step = ingest::nextUtf8(rest);
    ingest::appendUtf8(text, step.character.value_or(U'\uFFFD'));
    rest.remove_prefix(step.n_bytes);
  }
  return text;
}

}  // namespace fuzz
