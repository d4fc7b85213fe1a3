// product_bf16.h: productRows for numbers on the bf16 grid (AVX512-BF16 and VBMI).
//
// Weights in FP8, FP4, MXFP4 and bf16 are exact in bf16 whatever their power-of-two scale is, and
// so are activations rounded to bf16 or quantised to FP8. One instruction adds the products of two
// neighbouring columns to each of 16 float32 sums: the arithmetic of the specification at twice the
// speed of float32. Numbers below 2^-126 count as zero.
#pragma once

#include <cstdint>

#include "kernels/dtypes.h"
#include "kernels/linear/linear.h"
#include "kernels/matrix_view.h"

namespace kernels {

// Whether this machine has the instructions, w is exact in bf16 and its rows are whole vectors; the
// activations are on the grid for every input but kAsIs.
bool fitsBf16Products(const MatrixView& w, LinearInput input);

// The codes of n values on the bf16 grid, n a multiple of 16.
void toBf16Codes(const float* values, std::int64_t n, std::uint16_t* codes);

// Row t of x, at x + t · x_stride, with what `input` does to it, as codes at codes + t · in.
void toBf16Rows(const float* x, std::int64_t x_stride, std::int64_t n, std::int64_t in,
                LinearInput input, ThreadPool& pool, std::uint16_t* codes);

// productRows of product_rows.h with x as bf16 codes. Segments have 1,024 columns here; a sum
// depends neither on n nor on where the pieces begin.
void productRowsBf16(const MatrixView& w, std::int64_t first, std::int64_t last,
                     const std::uint16_t* const* x, std::int64_t n, float* y, std::int64_t y_stride,
                     Rounding rounding);

}  // namespace kernels
