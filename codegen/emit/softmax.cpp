// Softmax and its gradient, line by line along the axis.
// A line's result does not depend on the others.
#include "ir/ops/softmax.h"

#include "codegen/emit/lines.h"

namespace kiln::codegen {

template <> void emit<ir::Softmax>(Emission& emission) {
  const Lines lines(emission.result_type(), emission.node().attributes<ir::Softmax>().axis,
                    emission.target().vector_width);
  emission.launch("forward", {emission.operand(0), emission.result()}, {}, lines.tasks(), [=](KernelBuilder& k) {
    const Pointer src = k.operand(0);
    const Pointer dst = k.operand(1);
    lines.for_each(k, [&](const Lines::Line& line) {
      const F32 largest = largest_of_line(k, line, src);
      const Variable<F32> sum(k.zero());
      line.for_each([&](const Span& at, const std::optional<Mask>& present) {
        const F32 value = fill(k, present, math::exp(load(k, src, at) - largest), 0);
        sum.set(sum.get() + value);
        store(k, dst, at, value);
      });
      const F32 total = line.sum(sum.get());
      line.for_each([&](const Span& at, const std::optional<Mask>& present) {
        store(k, dst, at, fill(k, present, load(k, dst, at) / total, 0));
      });
    });
  });
}

template <> void emit<ir::SoftmaxBackward>(Emission& emission) {
  const Lines lines(emission.result_type(), emission.node().attributes<ir::SoftmaxBackward>().axis,
                    emission.target().vector_width);
  emission.launch("backward", {emission.operand(0), emission.operand(1), emission.result()}, {}, lines.tasks(),
                  [=](KernelBuilder& k) {
                    const Pointer y = k.operand(0);
                    const Pointer dy = k.operand(1);
                    const Pointer dsrc = k.operand(2);
                    lines.for_each(k, [&](const Lines::Line& line) {
                      const Variable<F32> products(k.zero());
                      line.for_each([&](const Span& at, const std::optional<Mask>&) {
                        products.set(mul_add(load(k, y, at), load(k, dy, at), products.get()));
                      });
                      const F32 dot = line.sum(products.get());
                      line.for_each([&](const Span& at, const std::optional<Mask>& present) {
                        store(k, dsrc, at, fill(k, present, load(k, y, at) * (load(k, dy, at) - dot), 0));
                      });
                    });
                  });
}

} // namespace kiln::codegen
