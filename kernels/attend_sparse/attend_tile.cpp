#include "kernels/attend_sparse/attend_tile.h"

#include <bit>

namespace kernels {

void AttendTile::place(const AttendArgs& call, std::int64_t first_query, std::int64_t n_queries,
                       std::int64_t head, std::int64_t heads, std::int64_t panel_rows) {
  args = &call;
  first = first_query;
  n = n_queries;
  first_head = head;
  n_heads = heads;
  if (call.selected != nullptr) {
    const PagedRows& all = call.compressed;
    const auto per_page = static_cast<std::uint64_t>(all.rows_per_page);
    const int shift = std::countr_zero(per_page);
    const auto rowAt = [&](std::int32_t row) {  // a division costs as much as unpacking
      if (!std::has_single_bit(per_page)) return all.row(row);
      return all.pages[row >> shift] + (row & (all.rows_per_page - 1)) * all.row_bytes;
    };
    picked.resize(static_cast<std::size_t>(n * call.n_selected));
    n_picked.assign(static_cast<std::size_t>(n), 0);
    for (std::int64_t t = 0; t < n; ++t) {
      const std::int32_t* rows = call.selected + (first + t) * call.n_selected;
      std::int64_t& count = n_picked[static_cast<std::size_t>(t)];
      for (std::int64_t i = 0; i < call.n_selected; ++i)
        if (rows[i] >= 0)
          picked[static_cast<std::size_t>(t * call.n_selected + count++)] = rowAt(rows[i]);
    }
  }

  panels.clear();
  const auto cut = [&](AttendPanel::Kind kind, std::int64_t begin, std::int64_t end,
                       std::int64_t query_begin, std::int64_t query_end) {
    for (std::int64_t i = begin; i < end; i += panel_rows)
      panels.push_back({kind, i, std::min(panel_rows, end - i), query_begin, query_end});
  };
  if (call.window_size > 0)
    cut(AttendPanel::Kind::kWindow, evenDown(oldest(0)), evenUp(position(n - 1) + 1), 0, n);
  std::int64_t n_slots = 0;
  n_shared = 0;
  for (std::int64_t t = 0; t < n; ++t) {
    if (call.selected != nullptr)
      cut(AttendPanel::Kind::kSelected, 0, evenUp(nOther(t)), t, t + 1);
    else
      n_shared = std::max(n_shared, nOther(t));
    n_slots = std::max(n_slots, nSlots(t));
  }
  cut(AttendPanel::Kind::kVisible, 0, evenUp(n_shared), 0, n);

  stride = (n_slots + 31) / 32 * 32;
  scores.sized(n * n_heads * stride);
  sums.sized(n * n_heads * call.format.head_dim);
  z.sized(n * n_heads);
}

void AttendTile::packedRows(const AttendPanel& panel, const std::byte** rows) const {
  if (panel.kind == AttendPanel::Kind::kSelected) {
    const std::int64_t left = nOther(panel.query_begin) - panel.first;
    const std::byte* const* from =
        picked.data() + panel.query_begin * args->n_selected + panel.first;
    for (std::int64_t i = 0; i < panel.n + kRowsAhead; ++i) rows[i] = i < left ? from[i] : nullptr;
    return;
  }
  if (panel.kind == AttendPanel::Kind::kWindow) {
    const std::int64_t row_bytes = args->format.rowBytes(), end = args->start + args->n;
    for (std::int64_t i = 0; i < panel.n; ++i) {
      const std::int64_t position = panel.first + i;
      rows[i] = position < args->window_first || position >= end
                    ? nullptr
                    : args->window + (position - args->window_first) * row_bytes;
    }
    return;
  }
  const PagedRows& all = args->compressed;
  std::int64_t page = panel.first / all.rows_per_page, row = panel.first % all.rows_per_page;
  for (std::int64_t i = 0; i < panel.n; ++i) {
    // A row that no query sees is padding and may not exist yet.
    rows[i] = panel.first + i < n_shared ? all.pages[page] + row * all.row_bytes : nullptr;
    if (++row == all.rows_per_page) ++page, row = 0;
  }
}

AttendOverlap AttendTile::overlap(const AttendPanel& panel, std::int64_t t) const {
  if (panel.kind == AttendPanel::Kind::kWindow) {
    const std::int64_t slot_zero = evenDown(oldest(t));
    const std::int64_t begin = std::max(panel.first, slot_zero);
    const std::int64_t end = std::min(panel.first + panel.n, slot_zero + windowSlots(t));
    return {begin - panel.first, end - panel.first, begin - slot_zero};
  }
  const std::int64_t end = std::min(panel.first + panel.n, evenUp(nOther(t)));
  return {0, end - panel.first, windowSlots(t) + panel.first};
}

}  // namespace kernels
