// attend_bench: how fast attention is, in GFLOP/s of one thread's CPU time and as a share of what
// its float32 multiply-adds could do. Not run by CTest; ninja attend_bench, then bin/attend_bench.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <random>
#include <vector>

#include "kernels/attend_sparse/attend_sparse.h"
#include "kernels/machine_peak/machine_peak.h"
#include "tests/bench/best_time.h"

using namespace kernels;

namespace {

constexpr std::int64_t kWindow = 128;

struct Shape {
  const char* name;
  std::int64_t n_heads, head_dim;
};
constexpr Shape kShapes[] = {{"mini 4x192", 4, 192}, {"tiny 8x512", 8, 512},
                             {"flash 64x512", 64, 512}};

// Window rows, compressed rows and queries; every value is on the bf16 grid.
class Work {
 public:
  Work(const Shape& shape, std::int64_t n, std::int64_t n_compressed, std::int64_t n_selected)
      : n_compressed_(n_compressed) {
    args_.n = n;
    args_.n_heads = shape.n_heads;
    args_.format.head_dim = shape.head_dim;
    args_.scale = 1.0f / std::sqrt(static_cast<float>(shape.head_dim));
    args_.start = 1000;
    args_.window_first = args_.start - kWindow + 1;
    args_.window_size = kWindow;
    q_ = values(n * shape.n_heads * shape.head_dim);
    sink_ = values(shape.n_heads);
    o_.resize(q_.size());
    window_ = packed(n + kWindow);
    compressed_ = packed(n_compressed);
    page_ = compressed_.data();
    args_.q = q_.data();
    args_.sink = sink_.data();
    args_.o = o_.data();
    args_.window = window_.data();
    args_.compressed = {&page_, std::max<std::int64_t>(n_compressed, 1), args_.format.rowBytes()};
    if (n_selected > 0) {
      for (std::int64_t i = 0; i < n * n_selected; ++i)
        selected_.push_back(static_cast<std::int32_t>(random_() % n_compressed));
      args_.selected = selected_.data();
      args_.n_selected = n_selected;
    } else {
      visible_.assign(static_cast<std::size_t>(n), n_compressed);
      args_.n_visible = visible_.data();
    }
  }

  const AttendArgs& args() const { return args_; }
  double flops() const {  // q·k and P·v
    const double rows = static_cast<double>(
        kWindow + (args_.selected != nullptr ? args_.n_selected : n_compressed_));
    return 4.0 * rows * static_cast<double>(args_.n * args_.n_heads * args_.format.head_dim);
  }

 private:
  std::vector<float> values(std::int64_t n) {
    std::vector<float> all(static_cast<std::size_t>(n));
    for (float& value : all)
      value = roundBf16(static_cast<float>(random_() % 4001) / 2000.0f - 1.0f);
    return all;
  }
  std::vector<std::byte> packed(std::int64_t n) {
    const auto row = values(args_.format.head_dim * 64);
    std::vector<std::byte> bytes(static_cast<std::size_t>(n * args_.format.rowBytes()));
    for (std::int64_t i = 0; i < n; ++i)
      packKvRow(args_.format, row.data() + i % 64 * args_.format.head_dim,
                bytes.data() + i * args_.format.rowBytes());
    return bytes;
  }

  std::mt19937 random_{1};
  AttendArgs args_;
  std::int64_t n_compressed_;
  std::vector<float> q_, sink_, o_;
  std::vector<std::byte> window_, compressed_;
  const std::byte* page_ = nullptr;
  std::vector<std::int32_t> selected_;
  std::vector<std::int64_t> visible_;
};

void report(const Shape& shape, std::int64_t n, std::int64_t n_compressed,
            std::int64_t n_selected, double peak) {
  const Work work(shape, n, n_compressed, n_selected);
  ThreadPool pool(1);
  const double seconds = bench::fastest([&] { attendSparseCpu(work.args(), pool); });
  const double speed = work.flops() / seconds * 1e-9;
  std::printf("%-13s n %4lld  %s %5lld  %9.1f us/query  %7.1f GFLOP/s  %5.1f %% of peak\n",
              shape.name, static_cast<long long>(n), n_selected > 0 ? "CSA" : "HCA",
              static_cast<long long>(n_selected > 0 ? n_selected : n_compressed),
              seconds / static_cast<double>(n) * 1e6, speed, 100 * speed / peak);
}

}  // namespace

int main() {
  ThreadPool one(1);
  const double peak = measureFmaPeak(one) * 1e-9;
  std::printf("float32 multiply-adds: %.1f GFLOP/s\n", peak);
  for (const Shape& shape : kShapes)
    for (const std::int64_t n : {256, 1}) {
      for (const std::int64_t rows : {0, 512, 8192}) report(shape, n, rows, 0, peak);
      for (const std::int64_t rows : {128, 512}) report(shape, n, 65536, rows, peak);
    }
}
