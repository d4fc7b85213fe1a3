// tokenizer_bench TOKENIZER TEXT: how fast one thread turns a file into token ids.
//
// Prints a line of JSON: bytes, tokens, the best run's MB per second of this thread's CPU time, and
// the XXH3-128 hash of the ids (32 bits each, little-endian) to compare with another program's.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "engine/base/hash.h"
#include "engine/tokenizer.h"
#include "tests/bench/best_time.h"

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: tokenizer_bench TOKENIZER TEXT\n"), 2;
  const auto tokenizer = engine::Tokenizer::open(argv[1]);
  if (!tokenizer) return std::fprintf(stderr, "%s\n", tokenizer.error().message.c_str()), 1;
  std::ostringstream bytes;
  bytes << std::ifstream(argv[2], std::ios::binary).rdbuf();
  const std::string text = bytes.str();

  std::vector<base::TokenId> ids;
  const double seconds = bench::fastest([&] { ids = (*tokenizer)->encodeText(text); });
  std::printf("{\"bytes\": %zu, \"tokens\": %zu, \"mb_per_s\": %.2f, \"ids\": \"%s\"}\n",
              text.size(), ids.size(), static_cast<double>(text.size()) * 1e-6 / seconds,
              base::hashBytes(std::as_bytes(std::span(ids))).hex().c_str());
}
