// place_codec.h: pages, spans, boxes, diagnostics and token ids as compact blobs.
//
// Numbers are LEB128 varints; a span stores its distance from the end of the one before; box
// coordinates are little-endian float64 so that they come back exactly; strings are a length and
// bytes; tokens are little-endian int32. Decoding trusts nothing: kCorrupt.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/base/document.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/base/span.h"

namespace storage {

using Blob = std::vector<std::byte>;
using BlobView = std::span<const std::byte>;

Blob encodePages(const std::vector<base::Page>& pages);
base::Result<std::vector<base::Page>> decodePages(BlobView blob);

Blob encodeSpans(const std::vector<base::SourceSpan>& spans);
base::Result<std::vector<base::SourceSpan>> decodeSpans(BlobView blob);

Blob encodeBoxes(const std::vector<base::Box>& boxes);
base::Result<std::vector<base::Box>> decodeBoxes(BlobView blob);

Blob encodeDiagnostics(const std::vector<base::Diagnostic>& diagnostics);
base::Result<std::vector<base::Diagnostic>> decodeDiagnostics(BlobView blob);

Blob encodeTokens(const std::vector<base::TokenId>& tokens);
base::Result<std::vector<base::TokenId>> decodeTokens(BlobView blob);

}  // namespace storage
