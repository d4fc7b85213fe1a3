// topk.h
// The k best of n scores: descending score, the lowest index first among equals (specification
// §21 D17). +0 and −0 are equal. Sorts: for short rows such as those of a router.
#pragma once

#include <cstdint>

namespace kernels {

// indices[0..k) receives min(k, n) indices; the rest is −1.
void topk(const float* scores, std::int64_t n, std::int64_t k, std::int32_t* indices);

}  // namespace kernels
