// Log-softmax and its gradient, row by row.
// The exponentials are used for their sum alone.
#include "ir/ops/log_softmax.h"

#include "codegen/emit/rows.h"

namespace kiln::codegen {

template <> void emit<ir::LogSoftmax>(Emission& emission) {
  const Rows shape(emission.result_type());
  emission.launch("forward", {emission.operand(0), emission.result()}, {}, shape.tasks(), [=](KernelBuilder& k) {
    const Pointer src = k.operand(0);
    const Pointer dst = k.operand(1);
    for_rows(k, shape, [&](Index row) {
      const F32 one_lane = largest_of_row(k, shape, src, row);
      const F32 log_sum = broadcast(math::log(exp_sum_of_row(k, shape, src, row, one_lane)), k.width());
      const F32 largest = broadcast(one_lane, k.width());
      for_vectors(k, row * shape.columns, shape.columns,
                  [&](const Span& at) { store(k, dst, at, (load(k, src, at) - largest) - log_sum); });
    });
  });
}

template <> void emit<ir::LogSoftmaxBackward>(Emission& emission) {
  const Rows shape(emission.result_type());
  emission.launch("backward", {emission.operand(0), emission.operand(1), emission.result()}, {}, shape.tasks(),
                  [=](KernelBuilder& k) {
                    const Pointer y = k.operand(0);
                    const Pointer dy = k.operand(1);
                    const Pointer dsrc = k.operand(2);
                    for_rows(k, shape, [&](Index row) {
                      const Variable<F32> sum(k.zero());
                      for_vectors(k, row * shape.columns, shape.columns,
                                  [&](const Span& at) { sum.set(sum.get() + load(k, dy, at)); });
                      const F32 total = broadcast(sum_lanes(sum.get()), k.width());
                      for_vectors(k, row * shape.columns, shape.columns, [&](const Span& at) {
                        store(k, dsrc, at, load(k, dy, at) - math::exp(load(k, y, at)) * total);
                      });
                    });
                  });
}

} // namespace kiln::codegen
