// attend_tile.h: what the fast attention computes together. Used in this folder only.
//
// A tile is a few neighbouring queries times some heads. Its rows are unpacked a panel at a time,
// once for the scores and once for the weighted sum, and every query and head of the tile uses
// the panel while it is in the cache.
//
// The list of a query stands in slots: the window part, then the other rows, both padded to whole
// pairs of rows, since products of bf16 numbers sum two rows at a time. Rows pair up by the parity
// of their position (window), row number (visible) or place in the list (selected), so a query's
// slots and sums do not depend on the queries beside it. A slot without a row gets P = 0.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/aligned_buffer.h"
#include "kernels/attend_sparse/attend_sparse.h"

namespace kernels {

inline std::int64_t evenDown(std::int64_t n) { return n & ~std::int64_t{1}; }
inline std::int64_t evenUp(std::int64_t n) { return (n + 1) & ~std::int64_t{1}; }

inline constexpr std::int64_t kMaxPanelRows = 64, kRowsAhead = 16;

// Rows first .. first + n − 1 of one kind (n even), used by queries [query_begin, query_end) of
// the tile. Numbers are positions, compressed rows, or places in the query's selection.
struct AttendPanel {
  enum class Kind { kWindow, kVisible, kSelected };
  Kind kind = Kind::kWindow;
  std::int64_t first = 0, n = 0, query_begin = 0, query_end = 0;
};

// Rows [begin, end) of a panel and the slot of the first one.
struct AttendOverlap {
  std::int64_t begin = 0, end = 0, slot = 0;
};

struct AttendTile {
  const AttendArgs* args = nullptr;
  std::int64_t first = 0, n = 0;             // queries of the call
  std::int64_t first_head = 0, n_heads = 0;  // heads of the call
  std::int64_t stride = 0;                   // slots a list has room for, a multiple of 32
  std::int64_t n_shared = 0;                 // compressed rows that some query sees

  std::vector<const std::byte*> picked;  // [n, n_selected]: selected rows, −1 left out
  std::vector<std::int64_t> n_picked;    // [n]
  std::vector<AttendPanel> panels;       // in the order of the sums
  AlignedBuffer<std::uint16_t> bf16_q;   // [n, n_heads, head_dim]; unused by float kernels
  AlignedBuffer<float> scores;           // [n, n_heads, stride]: s, then P
  AlignedBuffer<float> sums, z;          // [n, n_heads, head_dim], [n, n_heads]

  std::int64_t position(std::int64_t t) const { return args->start + first + t; }
  std::int64_t oldest(std::int64_t t) const {
    return std::max<std::int64_t>(0, position(t) - args->window_size + 1);
  }
  std::int64_t windowSlots(std::int64_t t) const {
    return args->window_size > 0 ? evenUp(position(t) + 1) - evenDown(oldest(t)) : 0;
  }
  std::int64_t nOther(std::int64_t t) const {
    if (args->selected != nullptr) return n_picked[static_cast<std::size_t>(t)];
    return args->n_visible != nullptr ? args->n_visible[first + t] : 0;
  }
  std::int64_t nSlots(std::int64_t t) const { return windowSlots(t) + evenUp(nOther(t)); }

  // Chooses queries and heads, and cuts their rows into panels of at most `panel_rows`.
  void place(const AttendArgs& call, std::int64_t first_query, std::int64_t n_queries,
             std::int64_t head, std::int64_t heads, std::int64_t panel_rows);
  // Packed rows of a panel and, of selected ones, up to kRowsAhead behind them, whose fetching can
  // begin; null where there is none.
  void packedRows(const AttendPanel& panel, const std::byte** rows) const;
  AttendOverlap overlap(const AttendPanel& panel, std::int64_t t) const;

  std::int64_t index(std::int64_t t, std::int64_t head) const { return t * n_heads + head; }
  const float* query(std::int64_t t, std::int64_t head) const {
    return args->q + ((first + t) * args->n_heads + first_head + head) * args->format.head_dim;
  }
  float* output(std::int64_t t, std::int64_t head) const {
    return args->o + ((first + t) * args->n_heads + first_head + head) * args->format.head_dim;
  }
};

// One way to compute. Panels may be scored in any order and by several threads; weighPanel takes
// the dims [begin, end) of a tile's panels in order. Ends are multiples of 32 or the head's.
struct AttendKernels {
  std::int64_t bytes_per_value;  // of an unpacked row
  bool p_is_bf16;                // softmax leaves P as bf16 codes, two slots in a float's place
  void (*prepare)(AttendTile& tile);
  void (*scorePanel)(AttendTile& tile, const AttendPanel& panel);
  void (*weighPanel)(AttendTile& tile, const AttendPanel& panel, std::int64_t begin,
                     std::int64_t end);
  void (*finish)(AttendTile& tile, std::int64_t begin, std::int64_t end);
};

// Products of bf16 numbers (AVX512-BF16 and VBMI): for packed rows with official rounding, where
// q, P and the rows lie on the bf16 grid. Null when this machine or format cannot.
const AttendKernels* bf16AttendKernels(const AttendArgs& args);

}  // namespace kernels
