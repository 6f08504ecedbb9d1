// The way to write an optimiser's step: what becomes of one weight and its slots, a template like a pointwise op's
// formula. The reference evaluates it in double, the emitter (codegen/emit/parameter_update.h) with its vector type.
#pragma once

#include "ir/ops/elementwise.h"

#include <array>
#include <cmath>

namespace kiln::ir {

// What every optimiser asks of a parameter beside its own numbers.
struct UpdateAttributes {
  double weight_decay = 0;
  double lr_multiplier = 1;
  void fields(FieldVisitor& visit) {
    visit("weight_decay", weight_decay);
    visit("lr_multiplier", lr_multiplier);
  }
};

inline void check_factor(std::string_view op, std::string_view what, double value) {
  if (!(value >= 0) || std::isinf(value)) refuse(op, what, "finite and at least 0", fmt::to_string(value));
}
inline void check_share(std::string_view op, std::string_view what, double value) {
  if (!(value >= 0 && value < 1)) refuse(op, what, "at least 0 and below 1", fmt::to_string(value));
}
// What keeps a divisor from being 0: large enough not to vanish in f32.
inline void check_epsilon(std::string_view op, double value) {
  if (!(value >= 1e-30 && value <= 1e30)) refuse(op, "epsilon", "1e-30 to 1e30", fmt::to_string(value));
}

// gradient + weight_decay * w
template <class T> T decayed_gradient(const UpdateAttributes& attributes, const T& w, const T& gradient) {
  using math::like;
  using math::mul_add;
  return mul_add(like(w, attributes.weight_decay), w, gradient);
}
// kept * mean + (1 - kept) * value
template <class T> T running_mean(double kept, const T& mean, const T& value) {
  using math::like;
  using math::mul_add;
  return mul_add(like(mean, kept), mean, like(mean, 1 - kept) * value);
}

// A base for `struct Op : ParameterUpdate<Op>`, where Op has Attributes (an UpdateAttributes),
//
//   static constexpr std::array<std::string_view, n> slot_names; // what it keeps, 0 at first
//   static void check(const Attributes&); // throws TypeError
//   // What depends on the step alone, t = 1, 2, ...
//   template <class T> static auto prepare(const Attributes&, const T& t);
//   template <class T>
//   static T formula(const Attributes&, prepared, const T& w, Slots<T>& slots, const T& g, const T& rate);
//
// op(@param, @slots..., gradient, learning_rate): writes the parameter and its slots and has no result.
//   @param, @slots, gradient  f32 of one shape; all but the last are states
//   learning_rate             f32[1]; formula gets it times lr_multiplier
template <class Op, size_t kSlots> struct ParameterUpdate {
  template <class T> using Slots = std::array<T, kSlots>;
  static constexpr size_t slots = kSlots;
  static constexpr Traits traits = {.any_layout = true, .effect = true};

  template <class T> static int prepare(const auto&, const T&) { return 0; }

  template <class Attributes> static std::vector<TensorType> infer(const Attributes& attributes, Operands operands) {
    const auto op = info<Op>().name;
    if (operands.size() != kSlots + 3)
      throw TypeError(fmt::format("{}: expected {} operands (param, {}, gradient, learning_rate), got {}", op,
                                  kSlots + 3, fmt::join(Op::slot_names, ", "), operands.size()));
    expect_dtype(op, "param", operands[0], DType::f32);
    for (size_t i = 0; i < kSlots; ++i)
      expect_type(op, Op::slot_names[i], operands[i + 1], DType::f32, operands[0].dims);
    expect_type(op, "gradient", operands[kSlots + 1], DType::f32, operands[0].dims);
    expect_type(op, "learning_rate", operands[kSlots + 2], DType::f32, {1});
    check_factor(op, "weight_decay", attributes.weight_decay);
    check_factor(op, "lr_multiplier", attributes.lr_multiplier);
    Op::check(attributes);
    return {};
  }

  template <class Attributes> static void evaluate(const Attributes& attributes, EvaluationFrame& frame) {
    for (size_t i = 0; i <= kSlots; ++i)
      if (frame.writable[i] == nullptr)
        refuse(info<Op>().name, fmt::format("param and {}", fmt::join(Op::slot_names, ", ")), "states",
               "values that cannot be written");
    Tensor& param = *frame.writable[0];
    const Tensor& gradient = frame.operand(kSlots + 1);
    const double rate = frame.operand(kSlots + 2)[0] * attributes.lr_multiplier;
    const auto prepared = Op::template prepare<double>(attributes, static_cast<double>(frame.step + 1));
    for (int64_t i = 0; i < param.elements(); ++i) {
      Slots<double> kept;
      for (size_t s = 0; s < kSlots; ++s) kept[s] = (*frame.writable[s + 1])[i];
      param[i] = Op::template formula<double>(attributes, prepared, param[i], kept, gradient[i], rate);
      for (size_t s = 0; s < kSlots; ++s) (*frame.writable[s + 1])[i] = kept[s];
    }
  }

  static int64_t flops(const Node& node) { return Op::flops_an_element * node.operand(0).type.elements(); }
};

} // namespace kiln::ir
