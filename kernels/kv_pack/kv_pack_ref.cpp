#include <cstring>

#include "kernels/act_quant/act_quant.h"
#include "kernels/dtypes.h"
#include "kernels/kv_pack/kv_pack.h"

namespace kernels {
namespace {

// Parts of a packed row, as byte offsets.
struct Parts {
  std::int64_t rope, scales, end;
  explicit Parts(const KvRowFormat& f)
      : rope(f.nopeDim()), scales(rope + f.rope_dim * 2), end(f.rowBytes()) {}
};

struct E4m3Table {
  float value[256];
  E4m3Table() {
    for (int code = 0; code < 256; ++code)
      value[code] = e4m3ToFloat(static_cast<std::uint8_t>(code));
  }
};

}  // namespace

void packKvRowRef(const KvRowFormat& format, const float* row, std::byte* out) {
  if (format.packing == RowPacking::kFloat) {
    std::memcpy(out, row, static_cast<std::size_t>(format.head_dim) * 4);
    return;
  }
  const Parts parts(format);
  auto* bytes = reinterpret_cast<std::uint8_t*>(out);
  std::memset(bytes + parts.scales, 0, static_cast<std::size_t>(parts.end - parts.scales));
  for (std::int64_t g = 0; g < format.nopeDim() / 64; ++g)
    bytes[parts.scales + g] = quantizeFp8Group(row + g * 64, 64, bytes + g * 64);
  for (std::int64_t i = 0; i < format.rope_dim; ++i) {
    const std::uint16_t code = floatToBf16(row[format.nopeDim() + i]);
    std::memcpy(bytes + parts.rope + 2 * i, &code, 2);
  }
}

void unpackKvRow(const KvRowFormat& format, const std::byte* packed, float* row) {
  if (format.packing == RowPacking::kFloat) {
    std::memcpy(row, packed, static_cast<std::size_t>(format.head_dim) * 4);
    return;
  }
  static const E4m3Table e4m3;
  const Parts parts(format);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(packed);
  for (std::int64_t g = 0; g < format.nopeDim() / 64; ++g) {
    const float scale = ue8m0ToFloat(bytes[parts.scales + g]);
    for (std::int64_t i = 0; i < 64; ++i) row[g * 64 + i] = e4m3.value[bytes[g * 64 + i]] * scale;
  }
  for (std::int64_t i = 0; i < format.rope_dim; ++i) {
    std::uint16_t code;
    std::memcpy(&code, bytes + parts.rope + 2 * i, 2);
    row[format.nopeDim() + i] = bf16ToFloat(code);
  }
}

}  // namespace kernels
