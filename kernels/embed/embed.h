// embed.h
// X[t, h, :] = weight[id[t], :] for every residual stream h   specification §4.1
#pragma once

#include <cstdint>

#include "kernels/matrix_view.h"

namespace kernels {

struct EmbedArgs {
  const std::int32_t* ids = nullptr;  // [n], each in [0, weight.out)
  MatrixView weight;                  // [vocab, dim]
  float* streams = nullptr;           // [n, n_streams, dim]
  std::int64_t n = 0, n_streams = 0;
};

void embed(const EmbedArgs& args);

}  // namespace kernels
