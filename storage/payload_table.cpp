#include "storage/payload_table.h"

#include <algorithm>
#include <cstring>

#include "engine/base/check.h"

namespace storage {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

// One entry of chunk.parts.
constexpr std::size_t kEntryBytes = sizeof(std::int64_t) + sizeof(std::uint32_t);

std::int64_t hashOf(std::span<const std::byte> bytes) {
  return static_cast<std::int64_t>(base::payloadHash(bytes));
}

std::int64_t hashOf(const std::vector<std::int64_t>& hashes) {
  return hashOf(std::as_bytes(std::span(hashes)));
}

tl::unexpected<base::Error> damaged() {
  return failure(ErrorCode::kCorrupt, "a stored payload does not have its hash");
}

std::int64_t rowHash(std::int64_t n_bytes, std::int64_t part_bytes,
                     std::span<const std::byte> parts) {
  return hashOf({n_bytes, part_bytes, hashOf(parts)});
}

void append(std::vector<std::byte>& to, const void* from, std::size_t n) {
  const std::size_t end = to.size();
  to.resize(end + n);
  std::memcpy(to.data() + end, from, n);
}

std::vector<std::byte> entriesOf(const std::vector<PayloadPart>& parts) {
  std::vector<std::byte> entries;
  for (const PayloadPart& part : parts) {
    const auto n_stored = static_cast<std::uint32_t>(part.n_stored);
    append(entries, &part.hash, sizeof part.hash);
    append(entries, &n_stored, sizeof n_stored);
  }
  return entries;
}

std::vector<PayloadPart> partsOf(std::span<const std::byte> entries) {
  std::vector<PayloadPart> parts(entries.size() / kEntryBytes);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::uint32_t n_stored = 0;
    const std::byte* entry = entries.data() + i * kEntryBytes;
    std::memcpy(&parts[i].hash, entry, sizeof parts[i].hash);
    std::memcpy(&n_stored, entry + sizeof parts[i].hash, sizeof n_stored);
    parts[i].offset = offset;
    parts[i].n_stored = n_stored;
    offset += n_stored;
  }
  return parts;
}

std::int64_t partSize(const PayloadRow& row, std::size_t part) {
  const auto begin = static_cast<std::int64_t>(part) * row.part_bytes;
  return std::min(row.part_bytes, row.n_bytes - begin);
}

// A row as it will be written.
struct NewRow {
  std::vector<PayloadPart> parts;
  std::vector<std::byte> packed;     // nothing if no part is packed
  std::span<const std::byte> bytes;  // of `packed`, or of the payload
};

NewRow rowOf(std::span<const std::byte> payload, const PayloadCut& cut, PartCodec& codec) {
  NewRow row;
  row.bytes = payload;
  const auto part_bytes = static_cast<std::size_t>(cut.part_bytes);
  if (cut.packing == Packing::kZstd) row.packed.reserve(payload.size());
  std::int64_t offset = 0;
  for (std::size_t begin = 0; begin < payload.size(); begin += part_bytes) {
    auto part = payload.subspan(begin, std::min(part_bytes, payload.size() - begin));
    if (cut.packing == Packing::kZstd) {
      part = codec.pack(part);
      append(row.packed, part.data(), part.size());
    }
    const auto n_stored = static_cast<std::int64_t>(part.size());
    row.parts.push_back({hashOf(part), offset, n_stored});
    offset += n_stored;
  }
  if (cut.packing == Packing::kZstd) row.bytes = row.packed;
  return row;
}

Result<std::int64_t> insertRow(Statement& insert, std::int64_t payload_id, std::int64_t position,
                               const PayloadCut& cut, const NewRow& row) {
  const std::vector<std::byte> entries = entriesOf(row.parts);
  const std::int64_t hash = rowHash(cut.n_bytes, cut.part_bytes, entries);
  insert.bind(":payload", payload_id).bind(":position", position);
  insert.bind(":n_bytes", cut.n_bytes).bind(":part_bytes", cut.part_bytes);
  insert.bind(":parts", std::span<const std::byte>(entries)).bind(":hash", hash);
  TRY(insert.bind(":bytes", row.bytes).run());
  return hash;
}

std::vector<PayloadCut> defaultCuts(std::int64_t n_bytes) {
  constexpr auto kBytes = static_cast<std::int64_t>(kChunkBytes);
  std::vector<PayloadCut> cuts;
  for (std::int64_t begin = 0; begin < n_bytes; begin += kBytes)
    cuts.push_back({std::min(kBytes, n_bytes - begin), kBytes, Packing::kAsIs});
  return cuts;
}

// Rows of more than kRowBytesMax become several, at ends of parts.
std::vector<PayloadCut> rowsOf(std::span<const PayloadCut> cuts) {
  std::vector<PayloadCut> rows;
  for (const PayloadCut& cut : cuts) {
    CHECK(cut.n_bytes > 0 && cut.part_bytes > 0 && cut.part_bytes <= kRowBytesMax);
    const std::int64_t row_bytes = kRowBytesMax / cut.part_bytes * cut.part_bytes;
    for (std::int64_t begin = 0; begin < cut.n_bytes; begin += row_bytes)
      rows.push_back({std::min(row_bytes, cut.n_bytes - begin), cut.part_bytes, cut.packing});
  }
  return rows;
}

bool isSound(const PayloadRow& row, std::int64_t begin) {
  if (row.begin != begin || row.n_bytes <= 0 || row.part_bytes <= 0) return false;
  const std::int64_t n_parts = (row.n_bytes + row.part_bytes - 1) / row.part_bytes;
  if (static_cast<std::int64_t>(row.parts.size()) != n_parts) return false;
  for (std::size_t i = 0; i < row.parts.size(); ++i)
    if (row.parts[i].n_stored > partSize(row, i)) return false;
  return true;
}

// Parts [first, last) of a row, read at once.
Status readRun(const BlobReader& blob, const PayloadRow& row, std::size_t first, std::size_t last,
               std::span<std::byte> to, PartCodec& codec, std::vector<std::byte>& buffer) {
  const PayloadPart& end = row.parts[last - 1];
  const std::int64_t begin = row.parts[first].offset;
  const auto n_stored = static_cast<std::size_t>(end.offset + end.n_stored - begin);
  const bool as_is = n_stored == to.size();
  buffer.resize(as_is ? 0 : n_stored);
  const std::span<std::byte> stored = as_is ? to : std::span<std::byte>(buffer);
  TRY(blob.read(begin, stored));
  for (std::size_t i = first; i < last; ++i) {
    const PayloadPart& part = row.parts[i];
    const auto bytes = stored.subspan(static_cast<std::size_t>(part.offset - begin),
                                      static_cast<std::size_t>(part.n_stored));
    if (hashOf(bytes) != part.hash) return damaged();
    if (as_is) continue;
    const auto size = static_cast<std::size_t>(partSize(row, i));
    const auto place = to.subspan((i - first) * static_cast<std::size_t>(row.part_bytes), size);
    if (bytes.size() == size) std::memcpy(place.data(), bytes.data(), size);
    else TRY(codec.unpack(bytes, place));
  }
  return {};
}

Status requireWhole(const PayloadRef& payload, const PayloadMap& map,
                    const std::vector<std::int64_t>& hashes) {
  const std::int64_t end = map.rows.empty() ? 0 : map.rows.back().begin + map.rows.back().n_bytes;
  if (hashOf(hashes) != payload.chunks_hash || end != payload.n_bytes) return damaged();
  return {};
}

}  // namespace

Result<PayloadRef> PayloadTable::insert(std::span<const std::byte> payload,
                                        std::span<const PayloadCut> cuts) {
  const auto n_bytes = static_cast<std::int64_t>(payload.size());
  const std::vector<PayloadCut> rows = rowsOf(cuts.empty() ? defaultCuts(n_bytes)
                                                           : std::vector(cuts.begin(), cuts.end()));
  TRY_ASSIGN(auto insert, database_.prepare("INSERT INTO payload (n_bytes, n_chunks, chunks_hash)"
                                            " VALUES (:n_bytes, :n_chunks, 0)"));
  insert.bind(":n_bytes", n_bytes);
  TRY(insert.bind(":n_chunks", static_cast<std::int64_t>(rows.size())).run());
  PayloadRef ref{database_.lastInsertId(), n_bytes, 0};

  TRY_ASSIGN(auto chunk,
             database_.prepare("INSERT INTO chunk (payload_id, position, n_bytes, part_bytes, parts,"
                               " hash, bytes) VALUES (:payload, :position, :n_bytes, :part_bytes,"
                               " :parts, :hash, :bytes)"));
  std::vector<std::int64_t> hashes;
  std::size_t begin = 0;
  for (const PayloadCut& cut : rows) {
    const auto size = static_cast<std::size_t>(cut.n_bytes);
    CHECK(begin + size <= payload.size());
    const NewRow row = rowOf(payload.subspan(begin, size), cut, codec_);
    TRY_ASSIGN(const std::int64_t hash,
               insertRow(chunk, ref.id, static_cast<std::int64_t>(hashes.size()), cut, row));
    hashes.push_back(hash);
    begin += size;
  }
  CHECK(begin == payload.size());

  ref.chunks_hash = hashOf(hashes);
  TRY_ASSIGN(auto finish,
             database_.prepare("UPDATE payload SET chunks_hash = :hash WHERE id = :id"));
  TRY(finish.bind(":hash", ref.chunks_hash).bind(":id", ref.id).run());
  return ref;
}

Status PayloadTable::remove(std::int64_t payload_id) {
  for (const char* sql : {"DELETE FROM chunk WHERE payload_id = :payload",
                          "DELETE FROM chunk_v1 WHERE payload_id = :payload",
                          "DELETE FROM payload WHERE id = :payload"}) {
    TRY_ASSIGN(auto remove, database_.prepare(sql));
    TRY(remove.bind(":payload", payload_id).run());
  }
  return {};
}

Result<PayloadMap> PayloadTable::map(const PayloadRef& payload) {
  if (!find_rows_) {
    TRY_ASSIGN(find_rows_,
               database_.prepare("SELECT id, position, n_bytes, part_bytes, parts, hash FROM chunk"
                                 " WHERE payload_id = :payload ORDER BY position"));
  }
  Statement& query = *find_rows_;
  query.reset();
  query.bind(":payload", payload.id);
  PayloadMap map;
  std::vector<std::int64_t> hashes;
  std::int64_t begin = 0;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) break;
    const auto entries = query.blob(4);
    PayloadRow row{query.integer(0), begin, query.integer(2), query.integer(3), partsOf(entries)};
    const std::int64_t hash = rowHash(row.n_bytes, row.part_bytes, entries);
    if (query.integer(1) != static_cast<std::int64_t>(hashes.size()) || query.integer(5) != hash ||
        !isSound(row, begin)) {
      query.reset();
      return damaged();
    }
    begin += row.n_bytes;
    hashes.push_back(hash);
    map.rows.push_back(std::move(row));
  }
  query.reset();
  if (map.rows.empty() && payload.n_bytes > 0) return mapOfVersion1(payload);
  TRY(requireWhole(payload, map, hashes));
  return map;
}

Result<PayloadMap> PayloadTable::mapOfVersion1(const PayloadRef& payload) {
  TRY_ASSIGN(auto query,
             database_.prepare("SELECT id, position, hash, length(bytes) FROM chunk_v1"
                               " WHERE payload_id = :payload ORDER BY position"));
  query.bind(":payload", payload.id);
  PayloadMap map;
  map.is_version_1 = true;
  std::vector<std::int64_t> hashes;
  std::int64_t begin = 0;
  for (;;) {
    TRY_ASSIGN(const bool has_row, query.step());
    if (!has_row) break;
    const std::int64_t hash = query.integer(2), n_bytes = query.integer(3);
    if (query.integer(1) != static_cast<std::int64_t>(hashes.size()) || n_bytes == 0)
      return damaged();
    map.rows.push_back({query.integer(0), begin, n_bytes, n_bytes, {{hash, 0, n_bytes}}});
    begin += n_bytes;
    hashes.push_back(hash);
  }
  TRY(requireWhole(payload, map, hashes));
  return map;
}

Status PayloadTable::readParts(const PayloadMap& map, std::int64_t begin,
                               std::span<std::byte> to) {
  const char* table = map.is_version_1 ? "chunk_v1" : "chunk";
  const std::int64_t end = begin + static_cast<std::int64_t>(to.size());
  std::int64_t at = begin;
  for (const PayloadRow& row : map.rows) {
    const std::int64_t row_end = row.begin + row.n_bytes;
    if (at == end) break;
    if (at < row.begin || at >= row_end) continue;
    const std::int64_t stop = std::min(end, row_end);
    const auto first = static_cast<std::size_t>((at - row.begin) / row.part_bytes);
    const auto last = static_cast<std::size_t>((stop - row.begin + row.part_bytes - 1) /
                                               row.part_bytes);
    if ((at - row.begin) % row.part_bytes != 0 ||
        (stop != row_end && (stop - row.begin) % row.part_bytes != 0))
      break;
    TRY_ASSIGN(const BlobReader blob, database_.openBlob(table, "bytes", row.id));
    if (blob.size() != row.parts.back().offset + row.parts.back().n_stored) return damaged();
    TRY(readRun(blob, row, first, last,
                to.subspan(static_cast<std::size_t>(at - begin),
                           static_cast<std::size_t>(stop - at)),
                codec_, buffer_));
    at = stop;
  }
  if (at == end) return {};
  return failure(ErrorCode::kInvalidInput, "the wanted bytes are not whole parts of the payload");
}

Result<std::vector<std::byte>> PayloadTable::read(const PayloadRef& payload) {
  TRY_ASSIGN(const PayloadMap payload_map, map(payload));
  std::vector<std::byte> bytes(static_cast<std::size_t>(payload.n_bytes));
  TRY(readParts(payload_map, 0, bytes));
  return bytes;
}

}  // namespace storage
