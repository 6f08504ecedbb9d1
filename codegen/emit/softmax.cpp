// Softmax and its gradient, row by row.
#include "ir/ops/softmax.h"

#include "codegen/emit/rows.h"

namespace kiln::codegen {

template <> void emit<ir::Softmax>(Emission& emission) {
  const Rows shape(emission.result_type());
  emission.launch("forward", {emission.operand(0), emission.result()}, {}, shape.tasks(), [=](KernelBuilder& k) {
    const Pointer src = k.operand(0);
    const Pointer dst = k.operand(1);
    for_rows(k, shape, [&](Index row) {
      const F32 largest = largest_of_row(k, shape, src, row);
      const Variable<F32> sum(k.zero());
      for_vectors(k, row * shape.columns, shape.columns, [&](const Span& at) {
        const F32 value = exp_shifted(k, src, at, largest);
        sum.set(sum.get() + value);
        store(k, dst, at, value);
      });
      const F32 total = broadcast(sum_lanes(sum.get()), k.width());
      for_vectors(k, row * shape.columns, shape.columns,
                  [&](const Span& at) { store(k, dst, at, load(k, dst, at) / total); });
    });
  });
}

template <> void emit<ir::SoftmaxBackward>(Emission& emission) {
  const Rows shape(emission.result_type());
  emission.launch("backward", {emission.operand(0), emission.operand(1), emission.result()}, {}, shape.tasks(),
                  [=](KernelBuilder& k) {
                    const Pointer y = k.operand(0);
                    const Pointer dy = k.operand(1);
                    const Pointer dsrc = k.operand(2);
                    for_rows(k, shape, [&](Index row) {
                      const Variable<F32> products(k.zero());
                      for_vectors(k, row * shape.columns, shape.columns, [&](const Span& at) {
                        products.set(mul_add(load(k, y, at), load(k, dy, at), products.get()));
                      });
                      const F32 dot = broadcast(sum_lanes(products.get()), k.width());
                      for_vectors(k, row * shape.columns, shape.columns, [&](const Span& at) {
                        store(k, dsrc, at, load(k, y, at) * (load(k, dy, at) - dot));
                      });
                    });
                  });
}

} // namespace kiln::codegen
