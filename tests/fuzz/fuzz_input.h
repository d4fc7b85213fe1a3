// fuzz_input.h: stored inputs, and what a careless or hostile writer makes of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace fuzz {

// Every regular file below tests/golden/fuzz/`folder`, sorted by path. Never empty: a corpus that
// is missing ends the process.
std::vector<std::string> corpus(const std::string& folder);
// The same with the paths, relative to `folder`.
struct Part {
  std::string path, bytes;
};
std::vector<Part> corpusParts(const std::string& folder);

// Changes inputs at random. Same seed, same changes.
class Mutator {
 public:
  // `corpus` is where pieces to insert come from.
  Mutator(std::uint64_t seed, std::vector<std::string> corpus);

  // One of the corpus, changed.
  std::string next();
  // 1 to 16 changes: bytes flipped, pieces removed, repeated, exchanged or taken from another
  // input, numbers made absurd, ends cut off.
  std::string changed(std::string input);

  // 0 to n - 1.
  std::size_t below(std::size_t n) { return n < 2 ? 0 : random_() % n; }
  double real(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random_);
  }

 private:
  void change(std::string& input);

  std::mt19937_64 random_;
  const std::vector<std::string> corpus_;
};

// Calls `once` with a mutator over and over, for LECTERN_FUZZ_SECONDS (30 in CI, else 3). The seed
// is printed; LECTERN_SEED repeats it. Ends early when `once` returns false.
void repeat(const char* what, std::vector<std::string> corpus, bool (*once)(Mutator&));

// What is not UTF-8 becomes the replacement character.
std::string repaired(const std::string& bytes);

}  // namespace fuzz
