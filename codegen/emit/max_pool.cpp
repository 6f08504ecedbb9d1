// Max pooling: a task owns one plane of one sample. The gradient finds each window's winner again and adds to it in the
// order of the windows, so that overlapping windows are summed alike for any number of threads.
#include "ir/ops/max_pool.h"

#include "codegen/emit/vectors.h"
#include "codegen/emit/windows.h"

namespace kiln::codegen {

namespace {

ir::Window window_of(const ir::MaxPool::Attributes& attributes, const ir::TensorType& src) {
  return ir::window_of("max_pool", attributes, {src.dims[2], src.dims[3]});
}

// Lanes in which x takes the place of the best so far: it is larger, or the first NaN.
Mask wins(F32 x, F32 best) { return (!(x <= best)) & (best == best); }

// The gradient of window (y, x) of few elements, none of which another window has: masks say which one won, and each
// element is written once.
void write_shares(KernelBuilder& k, const PoolTaps& taps, Index y, Index x, Pointer source, F32 gradient,
                  Pointer dsrc) {
  std::vector<Index> positions;
  std::vector<Mask> taken; // the element was the largest when it was met
  F32 best;
  taps.for_each(k, y, x, [&](Index position, Index) {
    const F32 value = k.load(source, position * gradient.lanes, gradient.lanes);
    if (positions.empty()) {
      best = value;
    } else {
      taken.push_back(wins(value, best));
      best = select(taken.back(), value, best);
    }
    positions.push_back(position);
  });
  Mask later; // an element behind won
  for (size_t i = positions.size(); i-- > 0;) {
    F32 share = gradient;
    if (i + 1 < positions.size()) share = select(later, like(gradient, 0), share);
    if (i > 0) {
      share = select(taken[i - 1], share, like(gradient, 0));
      later = i + 1 < positions.size() ? later | taken[i - 1] : taken[i - 1];
    }
    k.store(dsrc, positions[i] * gradient.lanes, share);
  }
}

} // namespace

template <> void emit<ir::MaxPool>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::MaxPool>();
  const ir::Window window = window_of(attributes, emission.operand_type(0));
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
          const Variable<F32> best(k.load(source, taps.first_position(y, x) * src.lanes, lanes));
          taps.for_each(k, y, x, [&](Index position, Index) {
            const F32 value = k.load(source, position * src.lanes, lanes);
            best.set(select(wins(value, best), value, best));
          });
          k.store(target, (y * size[1] + x) * dst.lanes, best.get());
        });
      });
    });
  });
}

template <> void emit<ir::MaxPoolBackward>(Emission& emission) {
  const auto attributes = emission.node().attributes<ir::MaxPoolBackward>();
  const ir::Window window = window_of(attributes, emission.operand_type(0));
  const Planes src(emission.operand_type(0));
  const Planes dst(emission.operand_type(1));
  const ir::Size2 size = window.output();
  emission.launch("backward", {emission.operand(0), emission.operand(1), emission.result()}, {}, dst.count(),
                  [=](KernelBuilder& k) {
                    const PoolTaps taps(window, attributes);
                    const auto lanes = static_cast<int32_t>(src.lanes);
                    const Pointer src_operand = k.operand(0);
                    const Pointer ddst_operand = k.operand(1);
                    const Pointer dsrc_operand = k.operand(2);
                    k.begin_tasks([&](Index plane) {
                      const Pointer source = src_operand + plane * src.elements();
                      const Pointer ddst = ddst_operand + plane * dst.elements();
                      const Pointer dsrc = dsrc_operand + plane * src.elements();
                      if (!taps.tiles()) k.fill_zero(dsrc, k.index(src.elements()));
                      k.for_range(0, size[0], 1, [&](Index y) {
                        k.for_range(0, size[1], 1, [&](Index x) {
                          const F32 gradient = k.load(ddst, (y * size[1] + x) * dst.lanes, lanes);
                          if (taps.unrolled() && taps.disjoint())
                            return write_shares(k, taps, y, x, source, gradient, dsrc);
                          const Variable<F32> best(k.load(source, taps.first_position(y, x) * src.lanes, lanes));
                          // The first tap on the source, until another one wins.
                          const Variable<U32> winner(broadcast(low_u32(taps.first_number(y, x)), lanes));
                          taps.for_each(k, y, x, [&](Index position, Index tap) {
                            const F32 value = k.load(source, position * src.lanes, lanes);
                            const Mask taken = wins(value, best);
                            best.set(select(taken, value, best));
                            winner.set(select(taken, broadcast(low_u32(tap), lanes), winner));
                          });
                          const U32 chosen = winner;
                          taps.for_each(k, y, x, [&](Index position, Index tap) {
                            const F32 share = select(chosen == broadcast(low_u32(tap), lanes), gradient, k.zero(lanes));
                            const Index at = position * src.lanes;
                            k.store(dsrc, at, taps.disjoint() ? share : k.load(dsrc, at, lanes) + share);
                          });
                        });
                      });
                    });
                  });
}

} // namespace kiln::codegen
