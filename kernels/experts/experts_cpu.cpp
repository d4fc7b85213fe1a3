// Every (token, expert) pair is a row, sorted by expert, so that an expert's weights are read once
// per chunk; pieces of an expert's matrices by some of its rows are shared out among the threads:
// first w1, w3 and the SwiGLU, then w2. Every token adds its experts in ascending order. The input
// is quantised once for all experts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/experts/experts_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/act_quant/act_quant.h"
#include "kernels/aligned_buffer.h"
#include "kernels/experts/experts.h"
#include "kernels/formats-inl.h"
#include "kernels/linear/product_bf16.h"
#include "kernels/linear/product_rows.h"

HWY_BEFORE_NAMESPACE();
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// a[i] = rounded(weight · (silu(min(g, limit)) · clamp(u, ±limit))). The exponential e of −|g|
// cannot overflow: silu(g) = g / (1 + e) for g ≥ 0 and g·e / (1 + e) below.
void swigluRow(const float* g, const float* u, std::int64_t n, float limit, float weight,
               Rounding rounding, float* a) {
  const hn::CappedTag<float, 16> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto one = hn::Set(d, 1.0f), high = hn::Set(d, limit), low = hn::Set(d, -limit);
  const auto activated = [&](auto gate, auto up) {
    gate = hn::Min(high, gate);  // in this order a NaN stays one
    up = hn::Max(low, hn::Min(high, up));
    const auto e = hn::Exp(d, hn::Neg(hn::Abs(gate)));
    const auto share = hn::IfThenElse(hn::Lt(gate, hn::Zero(d)), e, one);
    const auto silu = hn::Div(hn::Mul(gate, share), hn::Add(one, e));
    return roundedLanes(d, hn::Mul(hn::Set(d, weight), hn::Mul(silu, up)), rounding);
  };
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(activated(hn::LoadU(d, g + i), hn::LoadU(d, u + i)), d, a + i);
  if (i == n) return;
  float rest[3][16] = {};
  std::copy(g + i, g + n, rest[0]);
  std::copy(u + i, u + n, rest[1]);
  hn::StoreU(activated(hn::LoadU(d, rest[0]), hn::LoadU(d, rest[1])), d, rest[2]);
  std::copy_n(rest[2], n - i, a + i);
}

// y = start + the rows of `values` in their order, −1 standing for none; then, unless `last` is
// null, rounded(y + last). `start` null: zeros; it may be y.
void sumOfRows(const float* values, const std::int64_t* rows, std::int64_t n_rows,
               const float* start, const float* last, std::int64_t dim, Rounding rounding,
               float* y) {
  const hn::CappedTag<float, 16> d;
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= dim; i += lanes) {
    auto sum = start != nullptr ? hn::LoadU(d, start + i) : hn::Zero(d);
    for (std::int64_t r = 0; r < n_rows; ++r)
      if (rows[r] >= 0) sum = hn::Add(sum, hn::LoadU(d, values + rows[r] * dim + i));
    if (last != nullptr) sum = roundedLanes(d, hn::Add(sum, hn::LoadU(d, last + i)), rounding);
    hn::StoreU(sum, d, y + i);
  }
  for (; i < dim; ++i) {
    float sum = start != nullptr ? start[i] : 0.0f;
    for (std::int64_t r = 0; r < n_rows; ++r)
      if (rows[r] >= 0) sum += values[rows[r] * dim + i];
    y[i] = last != nullptr ? rounded(sum + last[i], rounding) : sum;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kernels {
namespace {

// Columns of the inner layer that one piece of work makes: a group of the FP8 quantisation.
constexpr std::int64_t kInnerBlock = 128;
// Rows of the output that one piece of work makes, of several tokens and of one: there the weights
// come from memory, and the bytes asked for ahead should reach the thread that wants them.
constexpr std::int64_t kOuterBlock = 64, kOuterBlockOfOne = 256;
// Tokens of a piece of work at most.
constexpr std::int64_t kPieceTokens = 96;

// Some of the tokens of one expert. The rows of all experts follow each other in the buffers.
struct Piece {
  const ExpertWeights* expert = nullptr;
  std::int64_t first = 0, n = 0;  // rows
  bool bf16_in = false;           // w1 and w3 take codes
  bool bf16_inner = false;        // w2 does
};

struct Buffers {
  AlignedBuffer<float> quantized, inner, outer;
  AlignedBuffer<std::uint16_t> codes;  // [n, dim], if a piece takes them
  std::vector<std::int64_t> begins;    // [n_experts + 1] first row of each expert
  std::vector<std::int64_t> rows;  // [n, top_k] row of a token's i-th expert, ascending; −1: none
  std::vector<std::int64_t> tokens;  // [n_rows]
  std::vector<float> weights;        // [n_rows]
  std::vector<Piece> pieces;
};

template <class Value>
Value* sized(std::vector<Value>& buffer, std::int64_t n) {
  if (static_cast<std::int64_t>(buffer.size()) < n) buffer.resize(static_cast<std::size_t>(n));
  return buffer.data();
}

// Gives every (token, expert of the call's range) a row: experts ascending, inside an expert tokens
// ascending; the shared expert last, in the call that finishes. Returns the number of rows.
std::int64_t assignRows(const ExpertsArgs& args, Buffers& b) {
  const std::int64_t n_chosen = args.n * args.top_k, end_expert = args.endExpert();
  const auto inRange = [&](std::int32_t e) { return e >= args.first_expert && e < end_expert; };
  b.begins.assign(static_cast<std::size_t>(args.n_experts + 1), 0);
  for (std::int64_t i = 0; i < n_chosen; ++i)
    if (inRange(args.chosen[i])) ++b.begins[static_cast<std::size_t>(args.chosen[i]) + 1];
  for (std::size_t e = 1; e < b.begins.size(); ++e) b.begins[e] += b.begins[e - 1];
  const std::int64_t n_routed = b.begins.back(), n_rows = n_routed + (args.finish ? args.n : 0);
  std::int64_t* tokens = sized(b.tokens, n_rows);
  float* weights = sized(b.weights, n_rows);
  std::int64_t* rows = sized(b.rows, n_chosen);
  b.pieces.clear();
  const auto addPieces = [&](const ExpertWeights& expert, std::int64_t first, std::int64_t last) {
    if (first == last) return;
    const bool in =
        fitsBf16Products(expert.w1, args.input) && fitsBf16Products(expert.w3, args.input);
    const bool is_rounded = args.input == LinearInput::kFp8 || args.rounding == Rounding::kBf16;
    const bool inner = is_rounded && fitsBf16Products(expert.w2, args.input);
    for (std::int64_t row = first; row < last; row += kPieceTokens)
      b.pieces.push_back({&expert, row, std::min(kPieceTokens, last - row), in, inner});
  };
  for (std::int64_t e = args.first_expert; e < end_expert; ++e)
    addPieces(args.experts[e], b.begins[static_cast<std::size_t>(e)],
              b.begins[static_cast<std::size_t>(e) + 1]);
  addPieces(args.shared, n_routed, n_rows);
  for (std::int64_t t = 0; t < args.n; ++t) {
    std::int64_t* own = rows + t * args.top_k;
    for (std::int64_t i = 0; i < args.top_k; ++i) {
      const std::int32_t expert = args.chosen[t * args.top_k + i];
      own[i] = inRange(expert) ? b.begins[static_cast<std::size_t>(expert)]++ : -1;
      if (own[i] < 0) continue;
      tokens[own[i]] = t;
      weights[own[i]] = args.weights[t * args.top_k + i];
    }
    std::sort(own, own + args.top_k);  // rows of one token ascend with the expert
    if (!args.finish) continue;
    tokens[n_routed + t] = t;
    weights[n_routed + t] = 1.0f;
  }
  return n_rows;
}

// The activations of a call: quantised or not, as float32 and as bf16 codes, what the pieces need.
struct Inputs {
  const float* x = nullptr;
  const std::uint16_t* codes = nullptr;
};

// inner[row, first .. last) = the clamped SwiGLU of a piece, quantised where the input is. Rows of
// codes lie at the begin of the rows of floats.
void innerBlock(const ExpertsArgs& args, const Piece& piece, std::int64_t first, std::int64_t last,
                const Buffers& b, const Inputs& inputs, std::int64_t inter, float* inner) {
  alignas(64) float g[kPieceTokens * kInnerBlock], u[kPieceTokens * kInnerBlock];
  const ExpertWeights& w = *piece.expert;
  const std::int64_t dim = w.w1.in;
  const std::int64_t* tokens = b.tokens.data() + piece.first;
  if (piece.bf16_in) {
    const std::uint16_t* x[kPieceTokens];
    for (std::int64_t t = 0; t < piece.n; ++t) x[t] = inputs.codes + tokens[t] * dim;
    productRowsBf16(w.w1, first, last, x, piece.n, g, kInnerBlock, args.rounding);
    productRowsBf16(w.w3, first, last, x, piece.n, u, kInnerBlock, args.rounding);
  } else {
    const float* x[kPieceTokens];
    for (std::int64_t t = 0; t < piece.n; ++t) x[t] = inputs.x + tokens[t] * dim;
    productRows(w.w1, first, last, x, piece.n, g, kInnerBlock, args.rounding);
    productRows(w.w3, first, last, x, piece.n, u, kInnerBlock, args.rounding);
  }
  for (std::int64_t t = 0; t < piece.n; ++t) {
    float* gate = g + t * kInnerBlock;
    float* row = inner + (piece.first + t) * inter;
    float* a = piece.bf16_inner ? gate : row + first;
    swigluCpu(gate, u + t * kInnerBlock, last - first, args.limit,
              b.weights[static_cast<std::size_t>(piece.first + t)], args.rounding, a);
    if (args.input == LinearInput::kFp8) simulateFp8Cpu(a, last - first, 128, a);
    if (piece.bf16_inner)
      toBf16Codes(a, last - first, reinterpret_cast<std::uint16_t*>(row) + first);
  }
}

void outerBlock(const ExpertsArgs& args, const Piece& piece, std::int64_t first, std::int64_t last,
                std::int64_t dim, const float* inner, std::int64_t inter, float* outer) {
  const MatrixView& w = piece.expert->w2;
  float* y = outer + piece.first * dim + first;
  const float* x[kPieceTokens];
  const std::uint16_t* codes[kPieceTokens];
  for (std::int64_t t = 0; t < piece.n; ++t) {
    x[t] = inner + (piece.first + t) * inter;
    codes[t] = reinterpret_cast<const std::uint16_t*>(x[t]);
  }
  if (piece.bf16_inner) {
    productRowsBf16(w, first, last, codes, piece.n, y, dim, args.rounding);
  } else {
    productRows(w, first, last, x, piece.n, y, dim, args.rounding);
  }
}

// What the pieces need of the activations.
Inputs makeInputs(const ExpertsArgs& args, std::int64_t dim, ThreadPool& pool, Buffers& b) {
  Inputs inputs{.x = args.x};
  const auto isBf16 = [](const Piece& piece) { return piece.bf16_in; };
  if (std::any_of(b.pieces.begin(), b.pieces.end(), isBf16)) {
    std::uint16_t* codes = b.codes.sized(args.n * dim);
    toBf16Rows(args.x, dim, args.n, dim, args.input, pool, codes);
    inputs.codes = codes;
  }
  if (args.input != LinearInput::kFp8 || std::all_of(b.pieces.begin(), b.pieces.end(), isBf16))
    return inputs;
  float* quantized = b.quantized.sized(args.n * dim);
  pool.parallelFor(args.n, rowsWorthAThread(dim), [&](std::int64_t begin, std::int64_t end) {
    simulateFp8Cpu(args.x + begin * dim, (end - begin) * dim, 128, quantized + begin * dim);
  });
  inputs.x = quantized;
  return inputs;
}

}  // namespace

HWY_EXPORT(swigluRow);
HWY_EXPORT(sumOfRows);

void swigluCpu(const float* g, const float* u, std::int64_t n, float limit, float weight,
               Rounding rounding, float* a) {
  const float bound = limit > 0 ? limit : std::numeric_limits<float>::infinity();
  HWY_DYNAMIC_DISPATCH(swigluRow)(g, u, n, bound, weight, rounding, a);
}

void expertsCpu(const ExpertsArgs& args, ThreadPool& pool) {
  thread_local Buffers b;
  const std::int64_t dim = args.shared.w2.out, inter = args.shared.w1.out;
  const std::int64_t n_rows = assignRows(args, b);
  const Inputs inputs = makeInputs(args, dim, pool, b);
  float* inner = b.inner.sized(n_rows * inter);
  float* outer = b.outer.sized(n_rows * dim);
  const auto n_pieces = static_cast<std::int64_t>(b.pieces.size());
  // A decoded token of a small model is not worth waking anybody.
  const std::int64_t n_products = n_rows * dim * inter;
  const std::int64_t grain = n_products < 131072 ? n_pieces * (inter + dim) : 1;

  const Buffers& made = b;
  const std::int64_t n_inner = (inter + kInnerBlock - 1) / kInnerBlock;
  pool.parallelFor(n_pieces * n_inner, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % n_inner * kInnerBlock;
      innerBlock(args, made.pieces[static_cast<std::size_t>(i / n_inner)], first,
                 std::min(first + kInnerBlock, inter), made, inputs, inter, inner);
    }
  });
  const std::int64_t outer_block = args.n == 1 && dim >= 1024 ? kOuterBlockOfOne : kOuterBlock;
  const std::int64_t n_outer = (dim + outer_block - 1) / outer_block;
  pool.parallelFor(n_pieces * n_outer, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % n_outer * outer_block;
      outerBlock(args, made.pieces[static_cast<std::size_t>(i / n_outer)], first,
                 std::min(first + outer_block, dim), dim, inner, inter, outer);
    }
  });
  pool.parallelFor(args.n, rowsWorthAThread(dim), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      float* sum = args.sum != nullptr ? args.sum + t * dim : nullptr;
      const float* shared = args.finish ? outer + (n_rows - args.n + t) * dim : nullptr;
      HWY_DYNAMIC_DISPATCH(sumOfRows)
      (outer, made.rows.data() + t * args.top_k, args.top_k, sum, shared, dim, args.rounding,
       args.finish ? args.y + t * dim : sum);
    }
  });
}

}  // namespace kernels
#endif
