#include <QTest>
#include <cstring>
#include <functional>
#include <random>

#include "kernels/kernels.h"
#include "tests/support/test_main.h"

using namespace kernels;

namespace {

constexpr std::int64_t kRows = 37;  // no multiple of any block size
constexpr std::uint32_t kSeed = 20261124;

// Inputs of every operation, the same in every run.
struct Inputs {
  std::mt19937 random{kSeed};

  std::vector<float> floats(std::int64_t n, float largest = 2.0f) {
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& value : values) {
      const auto step = static_cast<float>(random() % 4001) - 2000.0f;
      value = roundBf16(step / 2000.0f * largest);
    }
    return values;
  }
  std::vector<std::uint8_t> bytes(std::int64_t n, std::uint8_t mask, std::uint8_t base = 0) {
    std::vector<std::uint8_t> values(static_cast<std::size_t>(n));
    for (auto& value : values) value = static_cast<std::uint8_t>((random() & mask) + base);
    return values;
  }
};

// A random matrix with its storage.
struct Matrix {
  std::vector<std::uint8_t> codes, scales;
  MatrixView view;

  Matrix(Inputs& inputs, WeightType type, std::int64_t out, std::int64_t in) {
    view.type = type;
    view.out = out;
    view.in = in;
    if (type == WeightType::kF32 || type == WeightType::kBf16) {
      const auto values = inputs.floats(out * in);
      const std::size_t width = type == WeightType::kF32 ? 4 : 2;
      codes.resize(values.size() * width);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const std::uint16_t half = floatToBf16(values[i]);
        std::memcpy(&codes[i * width], width == 4 ? static_cast<const void*>(&values[i]) : &half,
                    width);
      }
    } else if (type == WeightType::kF16) {
      // Exponents around that of 1, so that no value is infinite.
      for (std::int64_t i = 0; i < out * in; ++i) {
        const auto low = inputs.bytes(1, 0xff)[0], high = inputs.bytes(1, 0x87, 0x38)[0];
        codes.insert(codes.end(), {low, high});
      }
    } else if (type == WeightType::kQ8_0 || type == WeightType::kMxfp4) {
      for (std::int64_t i = 0; i < out * in / 32; ++i) {
        if (type == WeightType::kQ8_0) codes.push_back(inputs.bytes(1, 0xff)[0]);
        codes.push_back(inputs.bytes(1, 3, type == WeightType::kQ8_0 ? 0x20 : 118)[0]);
        const auto block = inputs.bytes(type == WeightType::kQ8_0 ? 32 : 16, 0xff);
        codes.insert(codes.end(), block.begin(), block.end());
      }
    } else {
      const bool fp8 = type == WeightType::kFp8;
      codes = inputs.bytes(fp8 ? out * in : out * in / 2, fp8 ? 0xb7 : 0xff);
      scales = inputs.bytes(out * ((in + 31) / 32), 3, 118);
    }
    view.data = reinterpret_cast<const std::byte*>(codes.data());
    view.scale = scales.data();
  }
};

// Rows [first, first + n) of an operation's result on the inputs of `kSeed`.
using Operation = std::function<std::vector<float>(ThreadPool&, std::int64_t, std::int64_t)>;

std::vector<float> linear(WeightType type, LinearInput input, std::int64_t in, ThreadPool& pool,
                          std::int64_t first, std::int64_t n) {
  Inputs inputs;
  const auto x = inputs.floats(kRows * in);
  const Matrix w(inputs, type, 83, in);
  LinearArgs args;
  args.x = x.data() + first * in;
  args.w = w.view;
  args.n = n;
  args.input = input;
  args.rounding = Rounding::kNone;
  std::vector<float> y(static_cast<std::size_t>(n * 83));
  args.y = y.data();
  linearCpu(args, pool);
  return y;
}

std::vector<float> groupedOut(ThreadPool& pool, std::int64_t first, std::int64_t n) {
  Inputs inputs;
  const auto o = inputs.floats(kRows * 512);
  const Matrix w(inputs, WeightType::kFp8, 128, 256);
  std::vector<float> z(static_cast<std::size_t>(n * 128));
  groupedOutCpu({o.data() + first * 512, w.view, z.data(), n, 2, Rounding::kNone}, pool);
  return z;
}

// All four experts at once, or in calls that end at the given ids.
std::vector<float> experts(const std::vector<std::int64_t>& ends, ThreadPool& pool,
                           std::int64_t first, std::int64_t n) {
  Inputs inputs;
  const auto x = inputs.floats(kRows * 128), weights = inputs.floats(kRows * 2);
  std::vector<Matrix> matrices;
  for (int i = 0; i < 15; ++i)
    matrices.emplace_back(inputs, i < 12 ? WeightType::kFp4 : WeightType::kFp8, 128, 128);
  std::vector<ExpertWeights> all;
  for (int e = 0; e < 5; ++e)
    all.push_back({matrices[3 * e].view, matrices[3 * e + 1].view, matrices[3 * e + 2].view});
  std::vector<std::int32_t> chosen;
  for (int t = 0; t < kRows; ++t) chosen.insert(chosen.end(), {t % 4, (t + 1) % 4});
  ExpertsArgs args;
  args.x = x.data() + first * 128;
  args.experts = all.data();
  args.shared = all[4];
  args.chosen = chosen.data() + first * 2;
  args.weights = weights.data() + first * 2;
  args.n = n;
  args.n_experts = 4;
  args.top_k = 2;
  args.rounding = Rounding::kNone;
  std::vector<float> y(static_cast<std::size_t>(n * 128));
  args.y = y.data();
  if (ends.empty()) return expertsCpu(args, pool), y;
  std::vector<float> sum(y.size());
  args.sum = sum.data();
  for (std::size_t i = 0; i < ends.size(); ++i) {
    args.end_expert = ends[i];
    args.finish = i + 1 == ends.size();
    expertsCpu(args, pool);
    args.first_expert = ends[i];
  }
  return y;
}

// Window of 16, then either four selected rows or a growing number of visible ones.
std::vector<float> attend(bool selected, ThreadPool& pool, std::int64_t first, std::int64_t n) {
  constexpr std::int64_t kHeads = 3, kDim = 128, kCompressed = 40, kBefore = 20;
  Inputs inputs;
  const auto q = inputs.floats(kRows * kHeads * kDim), sink = inputs.floats(kHeads);
  const KvRowFormat format{.head_dim = kDim};
  const auto packed = [&](std::int64_t n_rows) {
    const auto rows = inputs.floats(n_rows * kDim);
    std::vector<std::byte> bytes(static_cast<std::size_t>(n_rows * format.rowBytes()));
    for (std::int64_t i = 0; i < n_rows; ++i)
      packKvRow(format, rows.data() + i * kDim, bytes.data() + i * format.rowBytes());
    return bytes;
  };
  const auto window = packed(kBefore + kRows), compressed = packed(kCompressed);
  const std::byte* page = compressed.data();
  std::vector<std::int32_t> picks;
  std::vector<std::int64_t> n_visible;
  for (std::int32_t t = 0; t < kRows; ++t) {
    picks.insert(picks.end(), {t, -1, (t * 7) % 40, 3});
    n_visible.push_back(t);
  }
  AttendArgs args;
  args.q = q.data() + first * kHeads * kDim;
  args.sink = sink.data();
  args.n = n;
  args.n_heads = kHeads;
  args.format = format;
  args.scale = 0.088f;
  args.window = window.data();
  args.window_size = 16;
  args.start = kBefore + first;
  args.compressed = {&page, kCompressed, format.rowBytes()};
  args.rounding = Rounding::kNone;
  args.n_visible = n_visible.data() + first;
  if (selected) {
    args.selected = picks.data() + first * 4;
    args.n_selected = 4;
  }
  std::vector<float> o(static_cast<std::size_t>(n * kHeads * kDim));
  args.o = o.data();
  attendSparseCpu(args, pool);
  return o;
}

// The ten best of enough keys that one query's are divided among threads, and their scores.
std::vector<float> index(ThreadPool& pool, std::int64_t first, std::int64_t n) {
  constexpr std::int64_t kHeads = 3, kKeys = 8300, kBest = 10;
  Inputs inputs;
  const IndexRowFormat format;
  const auto packed = [&](std::int64_t n_rows) {
    const auto rows = inputs.floats(n_rows * 128);
    std::vector<std::byte> bytes(static_cast<std::size_t>(n_rows * format.rowBytes()));
    for (std::int64_t i = 0; i < n_rows; ++i)
      packIndexRow(format, rows.data() + i * 128, bytes.data() + i * format.rowBytes());
    return bytes;
  };
  const auto weights = inputs.floats(kRows * kHeads);
  const auto q = packed(kRows * kHeads), keys = packed(kKeys);
  const std::byte* page = keys.data();
  std::vector<std::int64_t> n_visible;
  for (std::int64_t t = 0; t < kRows; ++t) n_visible.push_back(kKeys - kRows + t);
  std::vector<std::int32_t> best(static_cast<std::size_t>(n * kBest));
  std::vector<float> scores(best.size());
  IndexSelectArgs args;
  args.q = q.data() + first * kHeads * format.rowBytes();
  args.weights = weights.data() + first * kHeads;
  args.n_visible = n_visible.data() + first;
  args.keys = {&page, kKeys, format.rowBytes()};
  args.indices = best.data();
  args.scores = scores.data();
  args.n = n;
  args.n_heads = kHeads;
  args.k = kBest;
  indexSelectCpu(args, pool);
  scores.insert(scores.end(), best.begin(), best.end());
  return scores;
}

// hcPre, hcPost with its coefficients, hcHead: one after the other on the same streams.
std::vector<float> hyperConnections(ThreadPool& pool, std::int64_t first, std::int64_t n) {
  constexpr std::int64_t kDim = 100;
  Inputs inputs;
  const auto all = inputs.floats(kRows * 4 * kDim), f = inputs.floats(kRows * kDim);
  const auto fn = inputs.floats(24 * 4 * kDim, 0.1f), base = inputs.floats(24);
  const auto scale = inputs.floats(3);
  std::vector<float> streams(all.begin() + first * 4 * kDim, all.begin() + (first + n) * 4 * kDim);
  std::vector<float> y(static_cast<std::size_t>(n * kDim)), post(static_cast<std::size_t>(n * 4)),
      comb(static_cast<std::size_t>(n * 16)), head(y.size());
  const HcParameters parameters{fn.data(), base.data(), scale.data()};
  const HcShape shape{.dim = kDim};
  const auto rounding = Rounding::kNone;
  hcPreCpu({streams.data(), parameters, shape, y.data(), post.data(), comb.data(), n, rounding},
           pool);
  hcPostCpu({f.data() + first * kDim, post.data(), comb.data(), streams.data(), shape, n, rounding},
            pool);
  hcHeadCpu({streams.data(), parameters, shape, head.data(), n, rounding}, pool);
  std::vector<float> result = y;
  for (const auto* part : {&post, &comb, &streams, &head})
    result.insert(result.end(), part->begin(), part->end());
  return result;
}

// rmsNorm, headNorm and rope on the same rows.
std::vector<float> norms(ThreadPool& pool, std::int64_t first, std::int64_t n) {
  constexpr std::int64_t kDim = 128;
  Inputs inputs;
  const auto x = inputs.floats(kRows * kDim), weight = inputs.floats(kDim);
  const auto cos_sin = inputs.floats(kRows * 64, 1.0f);
  std::vector<float> y(static_cast<std::size_t>(n * kDim));
  rmsNormCpu({x.data() + first * kDim, weight.data(), y.data(), n, kDim}, pool);
  headNormCpu({y.data(), n, kDim}, pool);
  RopeArgs rope;
  rope.x = y.data();
  rope.cos_sin = cos_sin.data() + first * 64;
  rope.n = n;
  rope.head_dim = kDim;
  ropeCpu(rope, pool);
  return y;
}

struct NamedOperation {
  const char* name;
  Operation run;
};

const std::vector<NamedOperation>& operations() {
  using namespace std::placeholders;
  const auto product = [](WeightType type, LinearInput input, std::int64_t in = 256) {
    return std::bind(linear, type, input, in, _1, _2, _3);
  };
  constexpr auto kLong = std::int64_t{2240};  // several segments, the last one short
  static const std::vector<NamedOperation> all = {
      {"linear f32", product(WeightType::kF32, LinearInput::kAsIs)},
      {"linear f16", product(WeightType::kF16, LinearInput::kAsIs)},
      {"linear q8_0", product(WeightType::kQ8_0, LinearInput::kAsIs)},
      {"linear mxfp4", product(WeightType::kMxfp4, LinearInput::kAsIs)},
      {"linear bf16", product(WeightType::kBf16, LinearInput::kAsIs)},
      {"linear fp8", product(WeightType::kFp8, LinearInput::kFp8)},
      {"linear fp4", product(WeightType::kFp4, LinearInput::kFp8)},
      {"linear q8_0 of bf16", product(WeightType::kQ8_0, LinearInput::kBf16, kLong)},
      {"linear mxfp4 of bf16", product(WeightType::kMxfp4, LinearInput::kBf16, kLong)},
      {"linear bf16 of bf16", product(WeightType::kBf16, LinearInput::kBf16, kLong)},
      {"linear fp8 of bf16", product(WeightType::kFp8, LinearInput::kBf16, kLong)},
      {"linear fp4 of bf16", product(WeightType::kFp4, LinearInput::kBf16, kLong)},
      {"grouped out", groupedOut},
      {"experts", std::bind(experts, std::vector<std::int64_t>{}, _1, _2, _3)},
      {"experts in ranges", std::bind(experts, std::vector<std::int64_t>{1, 3, 4}, _1, _2, _3)},
      {"attend selected", std::bind(attend, true, _1, _2, _3)},
      {"attend visible", std::bind(attend, false, _1, _2, _3)},
      {"index", index},
      {"hyper-connections", hyperConnections},
      {"norms", norms},
  };
  return all;
}

bool sameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 4) == 0;
}

void everyOperation() {
  QTest::addColumn<int>("operation");
  for (std::size_t i = 0; i < operations().size(); ++i)
    QTest::newRow(operations()[i].name) << static_cast<int>(i);
}

}  // namespace

// Same build, same machine: neither the number of threads nor the rows computed together show in
// a result.
class DeterminismTest : public QObject {
  Q_OBJECT
 private slots:
  void threadsDoNotChangeABit_data() { everyOperation(); }
  void threadsDoNotChangeABit() {
    QFETCH(const int, operation);
    const Operation& run = operations()[static_cast<std::size_t>(operation)].run;
    ThreadPool one(1), two(2), three(3);
    const auto expected = run(one, 0, kRows);
    QVERIFY(std::any_of(expected.begin(), expected.end(), [](float v) { return v != 0.0f; }));
    for (ThreadPool* pool : {&one, &two, &three})
      for (int repeat = 0; repeat < 3; ++repeat) QVERIFY(sameBits(run(*pool, 0, kRows), expected));
  }

  void rowsDoNotKnowTheirNeighbours_data() { everyOperation(); }
  void rowsDoNotKnowTheirNeighbours() {
    QFETCH(const int, operation);
    const Operation& run = operations()[static_cast<std::size_t>(operation)].run;
    ThreadPool pool(2);
    const auto sorted = [](std::vector<float> values) {  // parts come in another order
      std::sort(values.begin(), values.end());
      return values;
    };
    const auto whole = sorted(run(pool, 0, kRows));
    for (const std::int64_t step : {1, 5, 16}) {
      std::vector<float> parts;
      for (std::int64_t first = 0; first < kRows; first += step) {
        const auto part = run(pool, first, std::min(step, kRows - first));
        parts.insert(parts.end(), part.begin(), part.end());
      }
      QVERIFY(sameBits(sorted(parts), whole));
    }
  }

  void expertsInRangesAreTheSameBits() {
    ThreadPool pool(2);
    const auto whole = experts({}, pool, 0, kRows);
    QVERIFY(sameBits(experts({4}, pool, 0, kRows), whole));
    QVERIFY(sameBits(experts({1, 2, 3, 4}, pool, 0, kRows), whole));
    QVERIFY(sameBits(experts({0, 3, 4}, pool, 0, kRows), whole));
  }
};

LECTERN_TEST(DeterminismTest)
#include "determinism_test.moc"
