// The way to write a loss between predicted and wanted values: what one value costs, and the derivative of that, each a
// template like a pointwise op's formula. The reference evaluates them in double, the emitter
// (codegen/emit/mean_loss.h) with its vector type.
#pragma once

#include "ir/ops/elementwise.h"

namespace kiln::ir {

// A base for `struct Op : MeanLoss<Op, OpBackward>`, where Op has Attributes, `prediction_name`, and
//   template <class T> static T formula(const Attributes&, const T& prediction, const T& target);
//   static void check(const Attributes&);                            optional: throws TypeError
// loss[n] = mean over c of formula(prediction[n,c], target[n,c]), c over all values of a sample, whatever their dims.
// No gradient flows to the target.
template <class Op, class Backward> struct MeanLoss {
  template <class Attributes> static std::vector<TensorType> infer(const Attributes& attributes, Operands operands) {
    const std::string_view op = info<Op>().name;
    expect_count(op, operands, {Op::prediction_name, "target"});
    expect_dtype(op, Op::prediction_name, operands[0], DType::f32);
    expect_type(op, "target", operands[1], DType::f32, operands[0].dims);
    if constexpr (requires { Op::check(attributes); }) Op::check(attributes);
    return {TensorType{DType::f32, {operands[0].dims[0]}, {}}};
  }

  template <class Attributes> static void evaluate(const Attributes& attributes, EvaluationFrame& frame) {
    const Tensor& prediction = frame.operand(0);
    Tensor& loss = frame.result();
    const int64_t values = prediction.elements() / prediction.dims[0];
    for (int64_t i = 0; i < prediction.elements(); ++i)
      loss[i / values] += Op::template formula<double>(attributes, prediction[i], frame.operand(1)[i]);
    for (double& sum : loss.data) sum /= static_cast<double>(values);
  }

  static void gradient(GradientBuilder& builder, const Node& node) {
    if (!builder.wants(0)) return;
    builder.set_operand_gradient(
        0, builder.create<Backward>(Backward::attributes_of(node.attributes<Op>()),
                                    {&node.operand(0), &node.operand(1), builder.result_gradient()}, "backward"));
  }

  static int64_t flops(const Node& node) { return 3 * node.operand(0).type.elements(); }
};

// Its counterpart, whose formula is the derivative by the prediction:
// dprediction[n,c] = formula(prediction[n,c], target[n,c]) * dloss[n] / C.
template <class Op> struct MeanLossBackward {
  template <class Attributes> static std::vector<TensorType> infer(const Attributes& attributes, Operands operands) {
    const std::string_view op = info<Op>().name;
    expect_count(op, operands, {Op::prediction_name, "target", "dloss"});
    expect_dtype(op, Op::prediction_name, operands[0], DType::f32);
    expect_type(op, "target", operands[1], DType::f32, operands[0].dims);
    expect_type(op, "dloss", operands[2], DType::f32, {operands[0].dims[0]});
    if constexpr (requires { Op::check(attributes); }) Op::check(attributes);
    return {TensorType{DType::f32, operands[0].dims, {}}};
  }

  template <class Attributes> static void evaluate(const Attributes& attributes, EvaluationFrame& frame) {
    Tensor& result = frame.result();
    const int64_t values = result.elements() / result.dims[0];
    for (int64_t i = 0; i < result.elements(); ++i)
      result[i] = Op::template formula<double>(attributes, frame.operand(0)[i], frame.operand(1)[i]) *
                  (frame.operand(2)[i / values] / static_cast<double>(values));
  }

  static int64_t flops(const Node& node) { return 3 * node.result().type.elements(); }
};

} // namespace kiln::ir
