// Log-softmax and its gradient, line by line along the axis.
// The exponentials are used for their sum alone.
#include "ir/ops/log_softmax.h"

#include "codegen/emit/lines.h"

namespace kiln::codegen {

template <> void emit<ir::LogSoftmax>(Emission& emission) {
  const Lines lines(emission.result_type(), emission.node().attributes<ir::LogSoftmax>().axis,
                    emission.target().vector_width);
  emission.launch("forward", {emission.operand(0), emission.result()}, {}, lines.tasks(), [=](KernelBuilder& k) {
    const Pointer src = k.operand(0);
    const Pointer dst = k.operand(1);
    lines.for_each(k, [&](const Lines::Line& line) {
      const F32 largest = largest_of_line(k, line, src);
      const Variable<F32> sum(k.zero());
      line.for_each([&](const Span& at, const std::optional<Mask>& present) {
        sum.set(sum.get() + fill(k, present, math::exp(load(k, src, at) - largest), 0));
      });
      const F32 log_sum = math::log(line.sum(sum.get()));
      line.for_each([&](const Span& at, const std::optional<Mask>& present) {
        store(k, dst, at, fill(k, present, (load(k, src, at) - largest) - log_sum, 0));
      });
    });
  });
}

template <> void emit<ir::LogSoftmaxBackward>(Emission& emission) {
  const Lines lines(emission.result_type(), emission.node().attributes<ir::LogSoftmaxBackward>().axis,
                    emission.target().vector_width);
  emission.launch("backward", {emission.operand(0), emission.operand(1), emission.result()}, {}, lines.tasks(),
                  [=](KernelBuilder& k) {
                    const Pointer y = k.operand(0);
                    const Pointer dy = k.operand(1);
                    const Pointer dsrc = k.operand(2);
                    lines.for_each(k, [&](const Lines::Line& line) {
                      const Variable<F32> sum(k.zero());
                      line.for_each([&](const Span& at, const std::optional<Mask>& present) {
                        sum.set(sum.get() + fill(k, present, load(k, dy, at), 0));
                      });
                      const F32 total = line.sum(sum.get());
                      line.for_each([&](const Span& at, const std::optional<Mask>& present) {
                        const F32 share = math::exp(load(k, y, at)) * total;
                        store(k, dsrc, at, fill(k, present, load(k, dy, at) - share, 0));
                      });
                    });
                  });
}

} // namespace kiln::codegen
