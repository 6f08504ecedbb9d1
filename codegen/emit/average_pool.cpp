// Average pooling: a task owns one plane of one sample, forward and backward. Where all windows lie within the source,
// the divisor is a constant.
#include "ir/ops/average_pool.h"

#include "codegen/emit/vectors.h"
#include "codegen/emit/windows.h"

namespace kiln::codegen {

namespace {

// The divisor of window (y, x) in all lanes: AveragePool::divisor_factor of both axes.
F32 divisor(KernelBuilder& k, const ir::AveragePool::Attributes& attributes, const ir::Window& window,
            const PoolTaps& taps, Index y, Index x, int32_t lanes) {
  if (!taps.clipped()) return k.f32(static_cast<float>(window.rows.kernel * window.columns.kernel), lanes);
  const auto factor = [&](const ir::WindowAxis& axis, Index at) {
    return attributes.count_include_pad ? PoolTaps::padded_count(axis, at)
                                        : PoolTaps::end_tap(axis, at) - PoolTaps::first_tap(axis, at);
  };
  return broadcast(to_float(factor(window.rows, y) * factor(window.columns, x)), lanes);
}

} // namespace

template <> void emit<ir::AveragePool>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::AveragePool>();
  const ir::Dims& dims = emission.operand_type(0).dims;
  const ir::Window window = ir::window_of("average_pool", attributes, {dims[2], dims[3]});
  const Planes src(emission.operand_type(0));
  const Planes dst(emission.result_type());
  const ir::Size2 size = window.output();
  emission.launch("forward", {emission.operand(0), emission.result()}, {}, dst.count(), [=](KernelBuilder& k) {
    const PoolTaps taps(window, attributes);
    const auto lanes = static_cast<int32_t>(src.lanes);
    const Pointer from = k.operand(0);
    const Pointer to = k.operand(1);
    k.begin_tasks([&](Index plane) {
      const Pointer source = from + plane * src.elements();
      const Pointer target = to + plane * dst.elements();
      k.for_range(0, size[0], 1, [&](Index y) {
        k.for_range(0, size[1], 1, [&](Index x) {
          const Variable<F32> sum(k.zero(lanes));
          taps.for_each(k, y, x, [&](Index position, Index) {
            sum.set(sum.get() + k.load(source, position * src.lanes, lanes));
          });
          k.store(target, (y * size[1] + x) * dst.lanes, sum.get() / divisor(k, attributes, window, taps, y, x, lanes));
        });
      });
    });
  });
}

template <> void emit<ir::AveragePoolBackward>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::AveragePoolBackward>();
  const ir::Window window = ir::window_of("average_pool", attributes, attributes.src_size);
  const Planes src(emission.result_type());
  const Planes dst(emission.operand_type(0));
  const ir::Size2 size = window.output();
  emission.launch("backward", {emission.operand(0), emission.result()}, {}, dst.count(), [=](KernelBuilder& k) {
    const PoolTaps taps(window, attributes);
    const auto lanes = static_cast<int32_t>(src.lanes);
    const Pointer from = k.operand(0);
    const Pointer to = k.operand(1);
    k.begin_tasks([&](Index plane) {
      const Pointer ddst = from + plane * dst.elements();
      const Pointer dsrc = to + plane * src.elements();
      if (!taps.tiles()) k.fill_zero(dsrc, k.index(src.elements()));
      k.for_range(0, size[0], 1, [&](Index y) {
        k.for_range(0, size[1], 1, [&](Index x) {
          const F32 share =
              k.load(ddst, (y * size[1] + x) * dst.lanes, lanes) / divisor(k, attributes, window, taps, y, x, lanes);
          taps.for_each(k, y, x, [&](Index position, Index) {
            const Index at = position * src.lanes;
            k.store(dsrc, at, taps.disjoint() ? share : k.load(dsrc, at, lanes) + share);
          });
        });
      });
    });
  });
}

} // namespace kiln::codegen
