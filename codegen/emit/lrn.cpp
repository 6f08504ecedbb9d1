// Local response normalisation. Blocked tensors have neighbouring channels in neighbouring lanes, but blocks lie apart:
// a task lays the channels of some pixels out in its scratch, where a neighbourhood is a few shifted loads. In plain
// tensors a vector holds pixels of one channel, and neighbours are vectors of other channels.
#include "ir/ops/lrn.h"

#include "codegen/emit/vectors.h"
#include "ir/kernel.h"

namespace kiln::codegen {

namespace {

using Attributes = ir::Lrn::Attributes;

// Channels before and after the own one, none beyond what a tensor can have.
struct Reach {
  int64_t below, above;
  Reach(const Attributes& attributes, int64_t channels)
      : below(std::min(attributes.below(), channels - 1)), above(std::min(attributes.above(), channels - 1)) {}
  Reach(int64_t b, int64_t a) : below(b), above(a) {}
  Reach mirrored() const { return {above, below}; }
};

float backward_factor(const Attributes& a) {
  return static_cast<float>(2 * a.alpha * a.beta / static_cast<double>(a.size));
}

// Pixels' channels in scratch, and the walk over a task's share of a blocked tensor.
class BlockedLrn {
public:
  BlockedLrn(KernelBuilder& k, const Attributes& attributes, const Planes& planes, const ir::LrnTile& tile)
      : k_(k), attributes_(attributes), planes_(planes), tile_(tile), reach_(attributes, planes.channels),
        squares_(k.scratch()) {}

  static int64_t tasks(const Planes& planes, const ir::LrnTile& tile) {
    return planes.samples * divide_up(planes.pixels, tile.pixels);
  }

  void forward() {
    const Pointer src = k_.operand(0), dst = k_.operand(1);
    clear_margins(squares_);
    for_tasks([&](Index) {
      lay_out_squares(src);
      for_blocks([&](Index p, Index block, Index at) {
        const F32 damping = ir::Lrn::damping(attributes_, scale(p, block));
        k_.store(dst, at, masked(block, k_.load(src, at) * damping));
      });
    });
  }

  void backward() {
    const Pointer src = k_.operand(0), ddst = k_.operand(1), dsrc = k_.operand(2);
    const Pointer through_scale = squares_ + tile_.pixels * tile_.row();
    const Pointer damped = through_scale + tile_.pixels * tile_.row();
    clear_margins(squares_);
    clear_margins(through_scale);
    for_tasks([&](Index) {
      lay_out_squares(src);
      for_blocks([&](Index p, Index block, Index at) {
        const F32 s = scale(p, block);
        const F32 value = masked(block, k_.load(ddst, at) * ir::Lrn::damping(attributes_, s));
        k_.store(damped, p * tile_.channels + block * planes_.lanes, value);
        k_.store(through_scale, place(p, block), masked(block, k_.load(src, at) * value / s));
      });
      for_blocks([&](Index p, Index block, Index at) {
        const F32 sum = neighbourhood(through_scale, p, block, reach_.mirrored());
        const F32 value = k_.load(damped, p * tile_.channels + block * planes_.lanes);
        k_.store(dsrc, at, masked(block, value - k_.load(src, at) * (sum * backward_factor(attributes_))));
      });
    });
  }

private:
  template <class Body> void for_tasks(Body body) {
    const int64_t tiles = divide_up(planes_.pixels, tile_.pixels);
    k_.begin_tasks([&](Index task) {
      first_ = task % tiles * tile_.pixels;
      count_ = min(first_ + tile_.pixels, planes_.pixels) - first_;
      sample_ = task / tiles * (planes_.blocks * planes_.elements());
      body(task);
    });
  }

  // body(pixel of the tile, block, offset in the tensors)
  template <class Body> void for_blocks(Body body) {
    k_.for_range(0, planes_.blocks, 1, [&](Index block) {
      const Index plane = sample_ + block * planes_.elements() + first_ * planes_.lanes;
      k_.for_range(k_.index(0), count_, 1, [&](Index p) { body(p, block, plane + p * planes_.lanes); });
    });
  }

  Index place(Index p, Index block) const { return p * tile_.row() + block * planes_.lanes + tile_.margin; }

  void clear_margins(Pointer rows) {
    k_.for_range(0, tile_.pixels, 1, [&](Index p) {
      k_.fill_zero(rows + p * tile_.row(), k_.index(tile_.margin));
      k_.fill_zero(rows + (p * tile_.row() + (tile_.margin + tile_.channels)), k_.index(tile_.margin));
    });
  }

  void lay_out_squares(Pointer src) {
    for_blocks([&](Index p, Index block, Index at) {
      const F32 x = k_.load(src, at);
      k_.store(squares_, place(p, block), x * x);
    });
  }

  F32 scale(Index p, Index block) { return ir::Lrn::scale(attributes_, neighbourhood(squares_, p, block, reach_)); }

  F32 neighbourhood(Pointer rows, Index p, Index block, const Reach& reach) {
    const Pointer here = rows + place(p, block);
    constexpr int64_t kUnrolled = 16;
    if (reach.below + reach.above < kUnrolled) {
      F32 sum = k_.load(here, -reach.below);
      for (int64_t d = -reach.below + 1; d <= reach.above; ++d) sum = sum + k_.load(here, d);
      return sum;
    }
    const Variable<F32> sum(k_.zero());
    k_.for_range(0, reach.below + reach.above + 1, 1,
                 [&](Index d) { sum.set(sum.get() + k_.load(here, d - reach.below)); });
    return sum.get();
  }

  // Padding lanes are zero, even beside a NaN.
  F32 masked(Index block, F32 value) {
    if (!planes_.partial()) return value;
    return select(k_.first_lanes(k_.index(planes_.channels) - block * planes_.lanes), value, k_.zero());
  }

  KernelBuilder& k_;
  const Attributes& attributes_;
  const Planes& planes_;
  const ir::LrnTile& tile_;
  const Reach reach_;
  const Pointer squares_;
  Index first_, count_, sample_; // of the task: its pixels, and its sample's offset
};

// A task is a vector of pixels of one sample.
class PlainLrn {
public:
  PlainLrn(KernelBuilder& k, const Attributes& attributes, const Planes& planes)
      : k_(k), attributes_(attributes), planes_(planes), reach_(attributes, planes.channels) {}

  static int64_t tasks(const Planes& planes, int64_t width) { return planes.samples * divide_up(planes.pixels, width); }

  void forward() {
    const Pointer src = k_.operand(0), dst = k_.operand(1);
    for_tasks([&] {
      for_channels([&](Index c) {
        store(k_, dst, span(c), load(k_, src, span(c)) * ir::Lrn::damping(attributes_, scale(src, c)));
      });
    });
  }

  void backward() {
    const Pointer src = k_.operand(0), ddst = k_.operand(1), dsrc = k_.operand(2);
    const Pointer damped = k_.scratch();
    const Pointer through_scale = damped + planes_.channels * k_.width();
    for_tasks([&] {
      for_channels([&](Index c) {
        const F32 s = scale(src, c);
        const F32 value = load(k_, ddst, span(c)) * ir::Lrn::damping(attributes_, s);
        k_.store(damped, c * k_.width(), value);
        k_.store(through_scale, c * k_.width(), load(k_, src, span(c)) * value / s);
      });
      for_channels([&](Index c) {
        const F32 sum =
            neighbourhood(c, reach_.mirrored(), [&](Index i) { return k_.load(through_scale, i * k_.width()); });
        const F32 value = k_.load(damped, c * k_.width());
        store(k_, dsrc, span(c), value - load(k_, src, span(c)) * (sum * backward_factor(attributes_)));
      });
    });
  }

private:
  template <class Body> void for_tasks(Body body) {
    const int64_t vectors = divide_up(planes_.pixels, k_.width());
    k_.begin_tasks([&](Index task) {
      first_ = task / vectors * (planes_.channels * planes_.pixels) + task % vectors * k_.width();
      if (planes_.pixels % k_.width() != 0)
        mask_ = k_.first_lanes(k_.index(planes_.pixels) - task % vectors * k_.width());
      body();
    });
  }
  template <class Body> void for_channels(Body body) { k_.for_range(0, planes_.channels, 1, body); }

  Span span(Index channel) const { return {first_ + channel * planes_.pixels, mask_}; }

  F32 scale(Pointer src, Index c) {
    return ir::Lrn::scale(attributes_, neighbourhood(c, reach_, [&](Index i) {
                            const F32 x = load(k_, src, span(i));
                            return x * x;
                          }));
  }

  template <class Value> F32 neighbourhood(Index c, const Reach& reach, Value value) {
    const Variable<F32> sum(k_.zero());
    k_.for_range(max(c - reach.below, 0), min(c + (reach.above + 1), planes_.channels), 1,
                 [&](Index i) { sum.set(sum.get() + value(i)); });
    return sum.get();
  }

  KernelBuilder& k_;
  const Attributes& attributes_;
  const Planes& planes_;
  const Reach reach_;
  Index first_; // element of the task in its sample's first channel
  std::optional<Mask> mask_;
};

void emit_lrn(Emission& emission, const Attributes& attributes, const std::vector<BufferRef>& operands, bool backward) {
  const ir::TensorType& type = emission.operand_type(0);
  const Planes planes(type);
  const ir::LrnTile tile = ir::lrn_tile(type, attributes.size, emission.target());
  const int64_t tasks =
      planes.blocked() ? BlockedLrn::tasks(planes, tile) : PlainLrn::tasks(planes, emission.target().vector_width);
  emission.launch(backward ? "backward" : "forward", operands, {}, tasks, [=](KernelBuilder& k) {
    const auto write = [&](auto lrn) { backward ? lrn.backward() : lrn.forward(); };
    if (planes.blocked())
      write(BlockedLrn(k, attributes, planes, tile));
    else
      write(PlainLrn(k, attributes, planes));
  });
}

} // namespace

template <> void emit<ir::Lrn>(Emission& emission) {
  emit_lrn(emission, emission.node().attributes<ir::Lrn>(), {emission.operand(0), emission.result()}, false);
}

template <> void emit<ir::LrnBackward>(Emission& emission) {
  emit_lrn(emission, emission.node().attributes<ir::LrnBackward>(),
           {emission.operand(0), emission.operand(1), emission.result()}, true);
}

} // namespace kiln::codegen
