// finite.h
// Whether every one of n values is a number: neither infinite nor NaN.
#pragma once

#include <cstdint>

namespace kernels {

bool allFinite(const float* x, std::int64_t n);

}  // namespace kernels
