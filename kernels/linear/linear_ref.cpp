#include <algorithm>
#include <vector>

#include "kernels/act_quant/act_quant.h"
#include "kernels/linear/linear.h"

namespace kernels {

void linearRef(const LinearArgs& args) {
  const std::int64_t in = args.w.in, out = args.w.out;
  const std::int64_t x_stride = args.x_stride ? args.x_stride : in;
  const std::int64_t y_stride = args.y_stride ? args.y_stride : out;
  std::vector<float> a(static_cast<std::size_t>(args.n * in)), w(static_cast<std::size_t>(in));
  for (std::int64_t t = 0; t < args.n; ++t) {
    if (args.input == LinearInput::kFp8)
      simulateFp8(args.x + t * x_stride, in, 128, a.data() + t * in);
    else
      std::copy_n(args.x + t * x_stride, in, a.data() + t * in);
  }
  for (std::int64_t o = 0; o < out; ++o) {
    dequantizeRow(args.w, o, w.data());
    for (std::int64_t t = 0; t < args.n; ++t) {
      double sum = 0.0;
      for (std::int64_t k = 0; k < in; ++k)
        sum += static_cast<double>(a[t * in + k]) * w[static_cast<std::size_t>(k)];
      args.y[t * y_stride + o] = rounded(static_cast<float>(sum), args.rounding);
    }
  }
}

}  // namespace kernels
