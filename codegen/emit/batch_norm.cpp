// Batch norm: statistics of shards of samples, merged in a fixed tree; then one pass that normalises. Backward in the
// same way: two sums of shards, then one pass.
#include "ir/ops/batch_norm.h"

#include "codegen/emit/channel_groups.h"
#include "codegen/emit/normalize.h"
#include "ir/kernel.h"

namespace kiln::codegen {

namespace {

// Two vectors of values a channel for each shard.
struct Partials {
  Pointer base;
  int64_t channels; // physical

  Pointer first(Index shard) const { return base + shard * (2 * channels); }
  Pointer second(Index shard) const { return base + (shard * (2 * channels) + channels); }
};

struct Shape {
  Planes planes;
  int64_t channels; // of a vector of values a channel, padding lanes included
  int64_t groups;
  int64_t shards;

  Shape(const Emission& emission, const ir::TensorType& vector)
      : planes(emission.operand_type(0)), channels(vector.physical_elements()),
        groups(divide_up(planes.channels, emission.target().vector_width)),
        shards(ir::shard_count(emission.node(), emission.target())) {}

  Index first(Index shard) const { return first_of_shard(shard, planes.samples, shards); }
  // Values a channel of the samples of shards [from, to), in all lanes.
  F32 count(KernelBuilder& k, Index from, Index to) const {
    return broadcast(to_float((first(to) - first(from)) * planes.pixels), k.width());
  }
  double all() const { return static_cast<double>(planes.samples * planes.pixels); }
};

// Mean and M2, the sum of squared distances from it. The first element stands in for the mean while that is summed, so
// that the sum is of the size of the deviations.
void launch_shards(Emission& emission, const Shape& shape) {
  emission.launch(
      "shards", {emission.operand(0), emission.workspace()}, {}, shape.shards * shape.groups, [=](KernelBuilder& k) {
        const Pointer src = k.operand(0);
        const Partials partials{k.operand(1), shape.channels};
        k.begin_tasks([&](Index task) {
          const Index shard = task / shape.groups;
          const Index first = shape.first(shard);
          const Index last = shape.first(shard + 1);
          const F32 count = shape.count(k, shard, shard + 1);
          for_channels(k, shape.planes, task % shape.groups, [&](const ChannelLanes& c) {
            const F32 pivot = c.first_of(src, first);
            const Variable<F32> sum(k.zero());
            c.for_each(first, last,
                       [&](const Span& at) { sum.set(sum.get() + fill(k, at, load(k, src, at) - pivot, 0)); });
            const F32 mean = pivot + c.total(sum.get()) / count;
            const Variable<F32> squares(k.zero());
            c.for_each(first, last, [&](const Span& at) {
              const F32 distance = fill(k, at, load(k, src, at) - mean, 0);
              squares.set(mul_add(distance, distance, squares.get()));
            });
            c.store_value(partials.first(shard), mean);
            c.store_value(partials.second(shard), c.total(squares.get()));
          });
        });
      });
}

// body(lanes) a group of channels, each in a task: vectors of channels, whatever the activation's layout.
template <class Body> void for_vector_groups(KernelBuilder& k, const Shape& shape, Body body) {
  k.begin_tasks([&](Index group) {
    const Index channel = group * k.width();
    body(Span{channel, k.first_lanes(min(k.index(shape.channels) - channel, k.width()))});
  });
}

void launch_merge(Emission& emission, const Shape& shape) {
  emission.launch("merge", {emission.workspace(), emission.result(1), emission.result(2)}, {}, shape.groups,
                  [=](KernelBuilder& k) {
                    const Partials partials{k.operand(0), shape.channels};
                    const Pointer mean = k.operand(1);
                    const Pointer variance = k.operand(2);
                    for_vector_groups(k, shape, [&](const Span& at) {
                      merge_shards(k, shape.shards, [&](Index left, Index right, Index end) {
                        const F32 count = shape.count(k, left, end);
                        const F32 of_right = shape.count(k, right, end);
                        const F32 share = of_right / count;
                        const F32 left_mean = load(k, partials.first(left), at);
                        const F32 distance = load(k, partials.first(right), at) - left_mean;
                        const F32 squares = load(k, partials.second(left), at) + load(k, partials.second(right), at);
                        const F32 weight = (count - of_right) * share;
                        store(k, partials.first(left), at, mul_add(distance, share, left_mean));
                        store(k, partials.second(left), at, mul_add(distance * distance, weight, squares));
                      });
                      store(k, mean, at, load(k, partials.first(k.index(0)), at));
                      const F32 squares = load(k, partials.second(k.index(0)), at);
                      store(k, variance, at, squares / like(squares, shape.all()));
                    });
                  });
}

} // namespace

template <> void emit<ir::BatchNorm>(Emission& emission) {
  const auto& attributes = emission.node().attributes<ir::BatchNorm>();
  const Shape shape(emission, emission.result_type(1));
  launch_shards(emission, shape);
  launch_merge(emission, shape);
  launch_normalize(
      emission,
      normalize_buffers(emission, 1, ir::adds_of(attributes.epilogue), emission.result(1), emission.result(2)),
      attributes.epsilon, attributes.epilogue);
}

template <> void emit<ir::BatchNormBackward>(Emission& emission) {
  const ir::BatchNormBackward::Attributes attributes = emission.node().attributes<ir::BatchNormBackward>();
  const double epsilon = attributes.epsilon;
  const bool affine = emission.node().operands().size() > 4;
  const bool decides = !attributes.epilogue.empty();
  // What the activation's decision needs beside the statistics.
  std::vector<BufferRef> decision;
  if (affine && decides) decision = {emission.operand(4), emission.operand(5)};
  // What the epilogue passes back of a gradient, where src is `centred` about the mean.
  const auto through_epilogue = [attributes, decides](F32 gradient, F32 centred, F32 factor, std::optional<F32> shift) {
    if (!decides) return gradient;
    return ir::epilogue_step_backward(attributes.epilogue[0], normalized(centred, factor, shift), gradient);
  };
  const Shape shape(emission, emission.operand_type(1));
  // dshift and dscale of a shard.
  std::vector<BufferRef> summed = {emission.operand(0), emission.operand(1), emission.operand(2), emission.operand(3),
                                   emission.workspace()};
  summed.insert(summed.end(), decision.begin(), decision.end());
  emission.launch("shards", summed, {}, shape.shards * shape.groups, [=](KernelBuilder& k) {
    const Pointer src = k.operand(0);
    const Pointer ddst = k.operand(3);
    const Partials partials{k.operand(4), shape.channels};
    k.begin_tasks([&](Index task) {
      const Index shard = task / shape.groups;
      for_channels(k, shape.planes, task % shape.groups, [&](const ChannelLanes& c) {
        const F32 mean = c.load_value(k.operand(1));
        const F32 reciprocal = reciprocal_deviation(c.load_value(k.operand(2)), epsilon);
        F32 factor = reciprocal;
        std::optional<F32> shift;
        if (affine && decides) {
          factor = reciprocal * c.load_value(k.operand(5));
          shift = c.load_value(k.operand(6));
        }
        const Variable<F32> sum(k.zero());
        const Variable<F32> product(k.zero());
        c.for_each(shape.first(shard), shape.first(shard + 1), [&](const Span& at) {
          const F32 centred = fill(k, at, load(k, src, at) - mean, 0);
          // 0 in lanes that the span lacks
          const F32 gradient = through_epilogue(load(k, ddst, at), centred, factor, shift);
          sum.set(sum.get() + gradient);
          product.set(mul_add(gradient, centred, product.get()));
        });
        c.store_value(partials.first(shard), c.total(sum.get()));
        c.store_value(partials.second(shard), c.total(product.get()) * reciprocal);
      });
    });
  });
  std::vector<BufferRef> merged = {emission.workspace()};
  if (affine) merged.insert(merged.end(), {emission.result(1), emission.result(2)});
  emission.launch("merge", merged, {}, shape.groups, [=](KernelBuilder& k) {
    const Partials partials{k.operand(0), shape.channels};
    for_vector_groups(k, shape, [&](const Span& at) {
      merge_shards(k, shape.shards, [&](Index left, Index right, Index) {
        for (const auto part : {&Partials::first, &Partials::second})
          store(k, (partials.*part)(left), at,
                load(k, (partials.*part)(left), at) + load(k, (partials.*part)(right), at));
      });
      if (!affine) return;
      store(k, k.operand(1), at, load(k, partials.second(k.index(0)), at));
      store(k, k.operand(2), at, load(k, partials.first(k.index(0)), at));
    });
  });
  std::vector<BufferRef> buffers = {emission.operand(0), emission.operand(1),  emission.operand(2),
                                    emission.operand(3), emission.workspace(), emission.result(0)};
  if (affine) buffers.push_back(emission.operand(4));
  if (affine && decides) buffers.push_back(emission.operand(5));
  emission.launch("src", buffers, {}, activation_tasks(shape.planes), [=](KernelBuilder& k) {
    struct Prepared {
      F32 mean, factor, sum, product;
      std::optional<F32> shift;
    };
    const Pointer src = k.operand(0);
    const Pointer ddst = k.operand(3);
    const Pointer dsrc = k.operand(5);
    for_activation(
        k, shape.planes,
        [&](const auto& value) {
          const Partials partials{k.operand(4), shape.channels};
          const F32 reciprocal = reciprocal_deviation(value(k.operand(2)), epsilon);
          const F32 count = like(reciprocal, shape.all());
          Prepared prepared{value(k.operand(1)),
                            affine ? reciprocal * value(k.operand(6)) : reciprocal,
                            value(partials.first(k.index(0))) / count,
                            value(partials.second(k.index(0))) / count * reciprocal,
                            {}};
          if (affine && decides) prepared.shift = value(k.operand(7));
          return prepared;
        },
        [&](const Span& at, const Prepared& c) {
          const F32 centred = load(k, src, at) - c.mean;
          const F32 rest = through_epilogue(load(k, ddst, at), centred, c.factor, c.shift) - c.sum;
          store(k, dsrc, at, c.factor * mul_add(-centred, c.product, rest));
        });
  });
}

} // namespace kiln::codegen
