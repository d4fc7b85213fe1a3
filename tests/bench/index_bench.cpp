// index_bench: how fast the indexer scans packed keys, in CPU cycles' worth of one thread: billions
// of multiply-adds a second. Not run by CTest; ninja index_bench, then bin/index_bench.
#include <cstdio>
#include <random>
#include <vector>

#include "kernels/index_select/index_select.h"
#include "tests/bench/best_time.h"

using namespace kernels;

namespace {

struct Shape {
  const char* name;
  std::int64_t n_heads, k;
  int n_negative;  // heads of negative weight
};
constexpr Shape kShapes[] = {{"mini, 4 heads, none negative", 4, 128, 0},
                             {"mini, 4 heads, 1 negative", 4, 128, 1},
                             {"mini, 4 heads, 2 negative", 4, 128, 2},
                             {"flash, 64 heads, none negative", 64, 512, 0},
                             {"flash, 64 heads, half negative", 64, 512, 32}};

// Normal values as the rotation makes them.
std::vector<std::byte> packedRows(const IndexRowFormat& format, std::int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::byte> bytes(static_cast<std::size_t>(n * format.rowBytes()));
  std::vector<float> row(static_cast<std::size_t>(format.dim));
  for (std::int64_t i = 0; i < n; ++i) {
    for (float& value : row) value = normal(random);
    packIndexRow(format, row.data(), bytes.data() + i * format.rowBytes());
  }
  return bytes;
}

void report(const Shape& shape, std::int64_t n, std::int64_t n_keys) {
  const IndexRowFormat format{.dim = 128, .packing = RowPacking::kPacked};
  const auto keys = packedRows(format, n_keys, 1), q = packedRows(format, n * shape.n_heads, 2);
  const std::byte* page = keys.data();
  std::vector<float> weights;
  for (std::int64_t i = 0; i < n * shape.n_heads; ++i)
    weights.push_back(i % shape.n_heads < shape.n_negative ? -0.05f : 0.05f);
  const std::vector<std::int64_t> n_visible(static_cast<std::size_t>(n), n_keys);
  std::vector<std::int32_t> indices(static_cast<std::size_t>(n * shape.k));
  ThreadPool one(1);
  const double seconds = bench::fastest([&] {
    indexSelectCpu({.q = q.data(),
                    .weights = weights.data(),
                    .n_visible = n_visible.data(),
                    .keys = {&page, n_keys, format.rowBytes()},
                    .format = format,
                    .indices = indices.data(),
                    .n = n,
                    .n_heads = shape.n_heads,
                    .k = shape.k},
                   one);
  });
  const double products = static_cast<double>(n * n_keys * shape.n_heads * format.dim);
  std::printf("%-31s n %3lld keys %6lld  %9.1f us/query  %6.0f G multiply-adds/s\n", shape.name,
              static_cast<long long>(n), static_cast<long long>(n_keys),
              seconds / static_cast<double>(n) * 1e6, products / seconds * 1e-9);
}

}  // namespace

int main() {
  for (const Shape& shape : kShapes) {
    report(shape, 128, 16384);
    report(shape, shape.n_heads > 4 ? 16 : 256, 262144);
    report(shape, 1, 262144);
  }
}
