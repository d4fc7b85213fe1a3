// kernels_bench [THREADS] [NAME]: how fast the products and the small operations around them are,
// and how much of the machine that is: the share of the measured peak of multiply-adds for chunks
// of tokens, of the measured read bandwidth for single ones. Each line is the best of many rounds;
// one thread is measured in its own processor time, so other programs matter little.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/machine_peak/machine_peak.h"

using namespace kernels;

namespace {

double now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Bench {
  ThreadPool pool;
  std::string only;
  double flops = 0, bandwidth = 0;

  // One line: `work` does that many operations and reads that many bytes of weights and rows.
  void line(const std::string& name, double operations, double bytes,
            const std::function<void()>& work) {
    if (name.find(only) == std::string::npos) return;
    const clockid_t clock = pool.size() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    double best = 1e9, total = 0;
    for (int round = 0; round < 3 || (total < 0.3 && round < 20000); ++round) {
      const double begin = now(clock);
      work();
      const double seconds = now(clock) - begin;
      best = std::min(best, seconds);
      total += seconds;
    }
    std::printf("%-44s %10.1f us  %7.1f GFLOP/s %4.0f %%  %7.1f GB/s %4.0f %%\n", name.c_str(),
                best * 1e6, operations / best * 1e-9, 100 * operations / best / flops,
                bytes / best * 1e-9, 100 * bytes / best / bandwidth);
    std::fflush(stdout);
  }
};

std::vector<float> floats(std::int64_t n) {
  static std::mt19937 random(1);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& value : values)
    value = roundBf16(static_cast<float>(static_cast<int>(random() % 4001) - 2000) / 1000.0f);
  return values;
}

// A matrix of random finite values of any type, with its storage.
struct Matrix {
  std::vector<std::uint8_t> codes, scales;
  MatrixView view;

  Matrix(WeightType type, std::int64_t out, std::int64_t in) {
    view.type = type;
    view.out = out;
    view.in = in;
    codes.resize(static_cast<std::size_t>(out * view.rowBytes()));
    std::mt19937 random(2);
    // Bytes of small numbers in every type: bit 6 of each is 0.
    for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>((random() & 0xbf) | 8);
    scales.assign(static_cast<std::size_t>(out * ((in + 31) / 32)), 120);
    view.data = reinterpret_cast<const std::byte*>(codes.data());
    view.scale = scales.data();
  }
  double bytes() const { return static_cast<double>(codes.size()); }
};

// Rows of a matrix that no cache holds.
std::int64_t rowsFromMemory(WeightType type, std::int64_t in) {
  MatrixView view;
  view.type = type;
  view.in = in;
  return (std::int64_t{160} << 20) / view.rowBytes() / 1024 * 1024;
}

const char* nameOf(WeightType type) {
  switch (type) {
    case WeightType::kF32:
      return "f32";
    case WeightType::kBf16:
      return "bf16";
    case WeightType::kFp8:
      return "fp8";
    case WeightType::kFp4:
      return "fp4";
    case WeightType::kF16:
      return "f16";
    case WeightType::kQ8_0:
      return "q8_0";
    case WeightType::kMxfp4:
      return "mxfp4";
  }
  return "";
}

void benchLinear(Bench& bench, WeightType type, std::int64_t out, std::int64_t in, std::int64_t n) {
  const Matrix w(type, out, in);
  const auto x = floats(n * in);
  std::vector<float> y(static_cast<std::size_t>(n * out));
  LinearArgs args;
  args.x = x.data();
  args.w = w.view;
  args.y = y.data();
  args.n = n;
  args.input = LinearInput::kBf16;
  const std::string name = std::string("linear ") + nameOf(type) + " " + std::to_string(out) +
                           " x " + std::to_string(in) + ", " + std::to_string(n) + " tokens";
  bench.line(name, 2.0 * static_cast<double>(n * out * in), w.bytes(),
             [&] { linearCpu(args, bench.pool); });
}

void benchExperts(Bench& bench, std::int64_t n_experts, std::int64_t top_k, std::int64_t dim,
                  std::int64_t inter, std::int64_t n) {
  std::vector<Matrix> matrices;
  for (std::int64_t e = 0; e <= n_experts; ++e) {
    const WeightType type = e < n_experts ? WeightType::kFp4 : WeightType::kFp8;
    matrices.emplace_back(type, inter, dim);
    matrices.emplace_back(type, dim, inter);
    matrices.emplace_back(type, inter, dim);
  }
  std::vector<ExpertWeights> experts;
  for (std::size_t i = 0; i < matrices.size(); i += 3)
    experts.push_back({matrices[i].view, matrices[i + 1].view, matrices[i + 2].view});
  std::vector<std::int32_t> chosen;
  for (std::int64_t i = 0; i < n * top_k; ++i)
    chosen.push_back(static_cast<std::int32_t>(i % n_experts));
  const auto x = floats(n * dim);
  const std::vector<float> weights(static_cast<std::size_t>(n * top_k), 0.5f);
  std::vector<float> y(static_cast<std::size_t>(n * dim));
  ExpertsArgs args;
  args.x = x.data();
  args.experts = experts.data();
  args.shared = experts.back();
  args.chosen = chosen.data();
  args.weights = weights.data();
  args.y = y.data();
  args.n = n;
  args.n_experts = n_experts;
  args.top_k = top_k;
  const double n_read = static_cast<double>(std::min(n_experts, n * top_k));
  const double bytes = n_read * 3 * matrices[0].bytes() + 3 * matrices.back().bytes();
  const std::string name = "experts " + std::to_string(top_k) + " of " + std::to_string(n_experts) +
                           " fp4 " + std::to_string(inter) + " x " + std::to_string(dim) + ", " +
                           std::to_string(n) + " tokens";
  bench.line(name, 6.0 * static_cast<double>(n * (top_k + 1) * dim * inter), bytes,
             [&] { expertsCpu(args, bench.pool); });
}

void benchHyperConnections(Bench& bench, std::int64_t dim, std::int64_t n) {
  auto streams = floats(n * 4 * dim);
  const auto fn = floats(24 * 4 * dim), base = floats(24), f = floats(n * dim);
  const float scale[3] = {0.01f, 0.01f, 0.01f};
  std::vector<float> y(static_cast<std::size_t>(n * dim)), post(static_cast<std::size_t>(n * 4)),
      comb(static_cast<std::size_t>(n * 16));
  const std::string shape = " " + std::to_string(dim) + ", " + std::to_string(n) + " tokens";
  HcPreArgs pre;
  pre.streams = streams.data();
  pre.parameters = {fn.data(), base.data(), scale};
  pre.shape.dim = dim;
  pre.y = y.data();
  pre.post = post.data();
  pre.comb = comb.data();
  pre.n = n;
  const double values = static_cast<double>(n * dim);
  bench.line("hc_pre" + shape, 2 * 24 * 4 * values, 5 * 4 * values,
             [&] { hcPreCpu(pre, bench.pool); });
  HcPostArgs back;
  back.f = f.data();
  back.post = post.data();
  back.comb = comb.data();
  back.streams = streams.data();
  back.shape.dim = dim;
  back.n = n;
  bench.line("hc_post" + shape, 2 * 20 * values, 9 * 4 * values,
             [&] { hcPostCpu(back, bench.pool); });
}

void benchRows(Bench& bench, std::int64_t dim, std::int64_t n) {
  const auto x = floats(n * dim), weight = floats(dim);
  std::vector<float> y(x.size());
  const std::string shape = " " + std::to_string(dim) + ", " + std::to_string(n) + " tokens";
  const double values = static_cast<double>(n * dim);
  bench.line("rms_norm" + shape, 4 * values, 8 * values, [&] {
    rmsNormCpu({x.data(), weight.data(), y.data(), n, dim, 1e-6f, Rounding::kBf16}, bench.pool);
  });
  bench.line("act_quant" + shape, 4 * values, 8 * values,
             [&] { simulateFp8Cpu(x.data(), n * dim, 128, y.data()); });
}

void benchRoute(Bench& bench, std::int64_t n_experts, std::int64_t top_k, std::int64_t n) {
  const auto logits = floats(n * n_experts), bias = floats(n_experts);
  std::vector<std::int32_t> chosen(static_cast<std::size_t>(n * top_k));
  std::vector<float> weights(chosen.size());
  RouteArgs args;
  args.logits = logits.data();
  args.bias = bias.data();
  args.experts = chosen.data();
  args.weights = weights.data();
  args.n = n;
  args.n_experts = n_experts;
  args.top_k = top_k;
  const double values = static_cast<double>(n * n_experts);
  bench.line("route " + std::to_string(top_k) + " of " + std::to_string(n_experts) + ", " +
                 std::to_string(n) + " tokens",
             values, 4 * values, [&] { route(args); });
}

}  // namespace

int main(int argc, char** argv) {
  Bench bench{ThreadPool(argc > 1 ? std::atoi(argv[1]) : 2), argc > 2 ? argv[2] : ""};
  bench.flops = measureFmaPeak(bench.pool);
  bench.bandwidth = measureReadBandwidth(bench.pool);
  std::printf("%d threads, peak %.1f GFLOP/s, %.1f GB/s\n", bench.pool.size(), bench.flops * 1e-9,
              bench.bandwidth * 1e-9);
  for (const WeightType type :
       {WeightType::kF32, WeightType::kBf16, WeightType::kFp8, WeightType::kFp4, WeightType::kF16,
        WeightType::kQ8_0, WeightType::kMxfp4}) {
    benchLinear(bench, type, 128, 256, 256);
    benchLinear(bench, type, 768, 128, 256);
    benchLinear(bench, type, 1024, 1024, 256);
    benchLinear(bench, type, 4096, 2048, 256);
    benchLinear(bench, type, 1024, 1024, 8);
    benchLinear(bench, type, 768, 128, 1);
    benchLinear(bench, type, 256, 1024, 1);
    for (const std::int64_t in : {1024, 2048, 4096})
      benchLinear(bench, type, rowsFromMemory(type, in), in, 1);
  }
  benchLinear(bench, WeightType::kF32, 24, 1024, 256);
  benchLinear(bench, WeightType::kF32, 24, 1024, 1);
  for (const std::int64_t n : {256, 1}) {
    benchExperts(bench, 8, 2, 256, 128, n);
    benchExperts(bench, 32, 6, 1024, 512, n);
    benchHyperConnections(bench, 256, n);
    benchHyperConnections(bench, 1024, n);
    benchRows(bench, 256, n);
    benchRows(bench, 1024, n);
    benchRoute(bench, 8, 2, n);
    benchRoute(bench, 32, 6, n);
  }
  return 0;
}
