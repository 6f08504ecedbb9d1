// The classification loss and its gradient. A sample of one position is a row that is worked on in vectors over its
// classes; of several, in vectors over positions. A label that is no class gives NaN and is never an address.
#include "ir/ops/softmax_cross_entropy.h"

#include "codegen/emit/positions.h"
#include "codegen/emit/rows.h"

#include <optional>

namespace kiln::codegen {

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// What a kernel knows of its node, and its operands.
struct Form {
  ir::SoftmaxCrossEntropy::Attributes attributes;
  int64_t classes;
  bool labels;   // else distributions
  bool weighted; // by class

  template <class Op> static Form of(const Emission& emission, size_t least_operands) {
    return {emission.node().attributes<Op>(), emission.operand_type(0).dims[1],
            emission.operand_type(1).dtype == ir::DType::i32, emission.node().operands().size() > least_operands};
  }
};

// Labels, in lanes: which of them are fit to be one, and which count.
struct Labels {
  U32 number;
  Mask valid;
  Mask counted;

  Labels(const Form& form, U32 labels) : number(labels), valid(labels < static_cast<uint32_t>(form.classes)) {
    counted = valid;
    if (!form.attributes.ignored.exists) return;
    const Mask ignored = labels == like(labels, static_cast<uint32_t>(form.attributes.ignored.label));
    counted = valid & !ignored;
    valid = valid | ignored;
  }
};

// v[c], in lanes. `share` is q[c] of a distribution, `weight` that of the class.
F32 wanted(const Form& form, const std::optional<Labels>& labels, U32 number, F32 share, F32 weight) {
  const double s = form.attributes.label_smoothing;
  const double spread = s / static_cast<double>(form.classes);
  F32 v = labels ? select(number == labels->number, like(weight, 1 - s + spread), like(weight, spread))
                 : share * like(share, 1 - s) + like(share, spread);
  if (form.weighted) v = v * weight;
  return labels ? select(labels->counted, v, like(v, 0)) : v;
}

// What a class adds to the loss by its distance from the largest logit: none where nothing is wanted, be it infinite.
F32 by_distance(F32 v, F32 largest, F32 x) { return select(v == 0.0f, like(v, 0), v * (largest - x)); }

// The kernels of rows and of positions have the same operands.
struct Operands {
  Pointer logits, target, class_weight;

  Operands(KernelBuilder& k, const Form& form, int32_t class_weight)
      : logits(k.operand(0)), target(k.operand(1)), class_weight(form.weighted ? k.operand(class_weight) : logits) {}
};

// v[c] of a span of a row's classes.
F32 wanted_of_row(KernelBuilder& k, const Form& form, const Operands& operands, const std::optional<Labels>& labels,
                  Index row, const Span& c) {
  const F32 weight = form.weighted ? load(k, operands.class_weight, c) : k.f32(1);
  const F32 share = labels ? weight : load(k, operands.target, Span{row * form.classes + c.offset, c.mask});
  return fill(k, c, wanted(form, labels, class_numbers(k, c.offset), share, weight), 0);
}

std::optional<Labels> labels_of_row(KernelBuilder& k, const Form& form, const Operands& operands, Index row) {
  if (!form.labels) return {};
  return Labels(form, bit_cast_to_int(k.load_broadcast(operands.target, row)));
}

// v[c] of one class at a span of positions.
F32 wanted_of_class(KernelBuilder& k, const Form& form, const Positions& shape, const Operands& operands,
                    const std::optional<Labels>& labels, Index sample, Index c, const Span& at) {
  const F32 weight = form.weighted ? k.load_broadcast(operands.class_weight, c) : k.f32(1);
  const F32 share = labels ? weight : load(k, operands.target, in_row(shape, sample, c, at));
  return wanted(form, labels, class_number(k, c), share, weight);
}

std::optional<Labels> labels_of_span(KernelBuilder& k, const Form& form, const Positions& shape,
                                     const Operands& operands, Index sample, const Span& at) {
  if (!form.labels) return {};
  return Labels(form, load_labels(k, operands.target, shape, sample, at));
}

void emit_rows(KernelBuilder& k, const Form& form, const Rows& shape, Pointer loss) {
  const Operands operands(k, form, 2);
  for_rows(k, shape, [&](Index row) {
    const F32 one_lane = largest_of_row(k, shape, operands.logits, row);
    const F32 log_sum = math::log(exp_sum_of_row(k, shape, operands.logits, row, one_lane));
    const F32 largest = broadcast(one_lane, k.width());
    const std::optional<Labels> labels = labels_of_row(k, form, operands, row);
    const Variable<F32> distances(k.zero());
    const Variable<F32> all_wanted(k.zero());
    for_vectors(k, k.index(0), shape.columns, [&](const Span& c) {
      const F32 v = wanted_of_row(k, form, operands, labels, row, c);
      const F32 x = load(k, operands.logits, Span{row * shape.columns + c.offset, c.mask});
      distances.set(distances.get() + by_distance(v, largest, x));
      all_wanted.set(all_wanted.get() + v);
    });
    const F32 value = sum_lanes(distances.get()) + sum_lanes(all_wanted.get()) * log_sum;
    k.store(loss, row, labels ? select(extract(labels->valid, 0), value, k.f32(kNaN, 1)) : value);
  });
}

void emit_positions(KernelBuilder& k, const Form& form, const Positions& shape, Pointer loss) {
  const Operands operands(k, form, 2);
  store_position_sums(k, shape, loss, [&](Index sample, const Span& at) {
    const F32 largest = largest_of_classes(k, shape, operands.logits, sample, at);
    const F32 log_sum = math::log(exp_sum_of_classes(k, shape, operands.logits, sample, at, largest));
    const std::optional<Labels> labels = labels_of_span(k, form, shape, operands, sample, at);
    const Variable<F32> distances(k.zero());
    const Variable<F32> all_wanted(k.zero());
    k.for_range(0, shape.classes, 1, [&](Index c) {
      const F32 v = wanted_of_class(k, form, shape, operands, labels, sample, c, at);
      const F32 x = load(k, operands.logits, in_row(shape, sample, c, at));
      distances.set(distances.get() + by_distance(v, largest, x));
      all_wanted.set(all_wanted.get() + v);
    });
    const F32 value = distances.get() + all_wanted.get() * log_sum;
    return labels ? select(labels->valid, value, k.f32(kNaN)) : value;
  });
}

void emit_rows_backward(KernelBuilder& k, const Form& form, const Rows& shape, Pointer dloss, Pointer dlogits) {
  const Operands operands(k, form, 3);
  for_rows(k, shape, [&](Index row) {
    const F32 largest = largest_of_row(k, shape, operands.logits, row);
    const F32 sum = broadcast(exp_sum_of_row(k, shape, operands.logits, row, largest), k.width());
    const std::optional<Labels> labels = labels_of_row(k, form, operands, row);
    const F32 given = k.load_broadcast(dloss, row);
    const F32 factor = labels ? select(labels->valid, given, k.f32(kNaN)) : given;
    const Variable<F32> lanes_wanted(k.zero());
    for_vectors(k, k.index(0), shape.columns, [&](const Span& c) {
      lanes_wanted.set(lanes_wanted.get() + wanted_of_row(k, form, operands, labels, row, c));
    });
    const F32 all_wanted = broadcast(sum_lanes(lanes_wanted.get()), k.width());
    for_vectors(k, k.index(0), shape.columns, [&](const Span& c) {
      const Span at{row * shape.columns + c.offset, c.mask};
      const F32 probability = exp_shifted(k, operands.logits, at, largest) / sum;
      const F32 v = wanted_of_row(k, form, operands, labels, row, c);
      store(k, dlogits, at, (all_wanted * probability - v) * factor);
    });
  });
}

void emit_positions_backward(KernelBuilder& k, const Form& form, const Positions& shape, Pointer dloss,
                             Pointer dlogits) {
  const Operands operands(k, form, 3);
  for_positions(k, shape, [&](Index sample, const Span& at) {
    const F32 largest = largest_of_classes(k, shape, operands.logits, sample, at);
    const F32 sum = exp_sum_of_classes(k, shape, operands.logits, sample, at, largest);
    const std::optional<Labels> labels = labels_of_span(k, form, shape, operands, sample, at);
    const F32 given = k.load_broadcast(dloss, sample);
    const F32 factor = labels ? select(labels->valid, given, k.f32(kNaN)) : given;
    const Variable<F32> all_wanted(k.zero());
    k.for_range(0, shape.classes, 1, [&](Index c) {
      all_wanted.set(all_wanted.get() + wanted_of_class(k, form, shape, operands, labels, sample, c, at));
    });
    k.for_range(0, shape.classes, 1, [&](Index c) {
      const Span place = in_row(shape, sample, c, at);
      const F32 probability = math::exp(load(k, operands.logits, place) - largest) / sum;
      const F32 v = wanted_of_class(k, form, shape, operands, labels, sample, c, at);
      store(k, dlogits, place, (all_wanted.get() * probability - v) * factor);
    });
  });
}

} // namespace

template <> void emit<ir::SoftmaxCrossEntropy>(Emission& emission) {
  const Form form = Form::of<ir::SoftmaxCrossEntropy>(emission, 2);
  const Positions shape(emission.operand_type(0));
  const Rows rows(shape.samples, shape.classes);
  auto operands = std::vector{emission.operand(0), emission.operand(1)};
  if (form.weighted) operands.push_back(emission.operand(2));
  operands.push_back(emission.result());
  const auto loss = static_cast<int32_t>(operands.size()) - 1;
  emission.launch("forward", operands, {}, shape.count == 1 ? rows.tasks() : shape.samples, [=](KernelBuilder& k) {
    if (shape.count == 1)
      emit_rows(k, form, rows, k.operand(loss));
    else
      emit_positions(k, form, shape, k.operand(loss));
  });
}

template <> void emit<ir::SoftmaxCrossEntropyBackward>(Emission& emission) {
  const Form form = Form::of<ir::SoftmaxCrossEntropyBackward>(emission, 3);
  const Positions shape(emission.operand_type(0));
  const Rows rows(shape.samples, shape.classes);
  auto operands = std::vector{emission.operand(0), emission.operand(1), emission.operand(2)};
  if (form.weighted) operands.push_back(emission.operand(3));
  operands.push_back(emission.result());
  const auto dlogits = static_cast<int32_t>(operands.size()) - 1;
  emission.launch("backward", operands, {}, shape.count == 1 ? rows.tasks() : shape.tasks(), [=](KernelBuilder& k) {
    if (shape.count == 1)
      emit_rows_backward(k, form, rows, k.operand(2), k.operand(dlogits));
    else
      emit_positions_backward(k, form, shape, k.operand(2), k.operand(dlogits));
  });
}

} // namespace kiln::codegen
