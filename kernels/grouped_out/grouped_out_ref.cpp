#include "kernels/grouped_out/grouped_out.h"
#include "kernels/linear/linear.h"

namespace kernels {
namespace {

// One linear per group, on the group's columns of o and z.
template <class Linear>
void runGroups(const GroupedOutArgs& args, const Linear& linear) {
  const std::int64_t rank = args.w.out / args.n_groups, width = args.w.in;
  for (std::int64_t group = 0; group < args.n_groups; ++group) {
    LinearArgs product;
    product.x = args.o + group * width;
    product.x_stride = args.n_groups * width;
    product.w = args.w.rows(group * rank, rank);
    product.y = args.z + group * rank;
    product.y_stride = args.w.out;
    product.n = args.n;
    product.rounding = args.rounding;
    linear(product);
  }
}

}  // namespace

void groupedOutRef(const GroupedOutArgs& args) { runGroups(args, linearRef); }

void groupedOutCpu(const GroupedOutArgs& args, ThreadPool& pool) {
  runGroups(args, [&pool](const LinearArgs& product) { linearCpu(product, pool); });
}

}  // namespace kernels
