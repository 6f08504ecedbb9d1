// What the ops of ir/ops/ other than convolution, pooling and dense refuse, and in which words.
// A case is an op, attributes in IR text, operand types and the message.
#include "ir/all_ops.h"
#include "ir/text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

struct Refusal {
  std::string op;
  std::string attributes;
  std::vector<std::string> operands;
  std::string message;
};

std::string name_of_case(const testing::TestParamInfo<Refusal>& info) {
  return fmt::format("{}_{}", info.param.op, info.index);
}

class OpRefusals : public testing::TestWithParam<Refusal> {};

TEST_P(OpRefusals, SayExpectedAndGot) {
  const Refusal& refusal = GetParam();
  const OpInfo* op = find_op(refusal.op);
  ASSERT_NE(op, nullptr);
  std::string text = "func @f(", arguments;
  for (size_t i = 0; i < refusal.operands.size(); ++i) {
    text += fmt::format("{}%x{}: {}", i == 0 ? "" : ", ", i, refusal.operands[i]);
    arguments += fmt::format("{}%x{}", i == 0 ? "" : ", ", i);
  }
  text += fmt::format(") {{\n{}{}({}) {}\nreturn\n}}\n", op->traits.effect ? "" : "%y = ", refusal.op, arguments,
                      refusal.attributes);
  try {
    parse(text);
    FAIL() << "accepted: " << text;
  } catch (const ParseError& error) {
    EXPECT_THAT(error.what(), testing::EndsWith(": " + refusal.message)) << text;
    EXPECT_EQ(error.line, 2);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Pointwise, OpRefusals,
    testing::Values(
        Refusal{"relu", "", {}, "relu: expected 1 operand (src), got 0"},
        Refusal{"relu", "", {"u8[2,3]"}, "relu: src: expected f32, got u8[2,3]"},
        Refusal{"relu_backward", "", {"f32[2]"}, "relu_backward: expected 2 operands (y, dy), got 1"},
        Refusal{"tanh_backward", "", {"f32[2,3]", "f32[3,2]"}, "tanh_backward: dy: expected f32[2,3], got f32[3,2]"},
        Refusal{"sigmoid_backward", "", {"f32[2]", "i32[2]"}, "sigmoid_backward: dy: expected f32[2], got i32[2]"},
        Refusal{
            "leaky_relu", "{slope=-0.5}", {"f32[2]"}, "leaky_relu: slope: expected finite and at least 0, got -0.5"},
        Refusal{"leaky_relu", "{slope=nan}", {"f32[2]"}, "leaky_relu: slope: expected finite and at least 0, got nan"},
        Refusal{"leaky_relu_backward",
                "{slope=inf}",
                {"f32[2]", "f32[2]"},
                "leaky_relu_backward: slope: expected finite and at least 0, got inf"},
        Refusal{"elu", "{alpha=-1}", {"f32[2]"}, "elu: alpha: expected finite and at least 0, got -1"},
        Refusal{"elu_backward",
                "{alpha=nan}",
                {"f32[2]", "f32[2]"},
                "elu_backward: alpha: expected finite and at least 0, got nan"},
        Refusal{"bias", "", {"f32[2,3]"}, "bias: expected 2 operands (src, bias), got 1"},
        Refusal{"bias", "", {"f32[2]", "f32[2]"}, "bias: src: expected 2 to 6 dims, got f32[2]"},
        Refusal{"bias", "", {"f32[2,3,4,5]", "f32[4]"}, "bias: bias: expected f32[3], got f32[4]"},
        Refusal{"bias_backward", "", {"f32[3]"}, "bias_backward: ddst: expected 2 to 6 dims, got f32[3]"},
        Refusal{"dropout", "{drop=1}", {"f32[2,3]"}, "dropout: drop: expected at least 0 and less than 1, got 1"},
        Refusal{"dropout",
                "{drop=0.99999999999}",
                {"f32[2,3]"},
                "dropout: drop: expected at least 0 and less than 1, got 0.99999999999"},
        Refusal{"dropout", "{drop=-0.1}", {"f32[2,3]"}, "dropout: drop: expected at least 0 and less than 1, got -0.1"},
        Refusal{"dropout", "", {"f32[1,1,1,1,1,1,3]"}, "dropout: src: expected 1 to 6 dims, got f32[1,1,1,1,1,1,3]"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Classification, OpRefusals,
    testing::Values(
        Refusal{"softmax", "", {"f32[3]"}, "softmax: axis: expected 0 to 0, got 1"},
        Refusal{
            "softmax_backward", "", {"f32[2,3]", "f32[2,4]"}, "softmax_backward: dy: expected f32[2,3], got f32[2,4]"},
        Refusal{"softmax_cross_entropy",
                "",
                {"f32[2,3]"},
                "softmax_cross_entropy: expected 2 operands (logits, target), got 1"},
        Refusal{"softmax_cross_entropy",
                "",
                {"f32[2,3]", "i32[3]"},
                "softmax_cross_entropy: labels: expected i32[2], got i32[3]"},
        Refusal{"softmax_cross_entropy",
                "",
                {"f32[2,3]", "f32[2]"},
                "softmax_cross_entropy: target: expected f32[2,3], got f32[2]"},
        Refusal{"softmax_cross_entropy_backward",
                "",
                {"f32[2,3]", "i32[2]", "f32[1]"},
                "softmax_cross_entropy_backward: dloss: expected f32[2], got f32[1]"},
        Refusal{"top_k", "", {"i32[2,3]", "i32[2]"}, "top_k: logits: expected f32, got i32[2,3]"},
        Refusal{"softmax_cross_entropy",
                "",
                {"f32[2,3,4,5]", "i32[2,5,4]"},
                "softmax_cross_entropy: labels: expected i32[2,4,5], got i32[2,5,4]"},
        Refusal{"softmax_cross_entropy",
                "",
                {"f32[2,3]", "i32[2]", "f32[2]"},
                "softmax_cross_entropy: class_weight: expected f32[3], got f32[2]"},
        Refusal{"softmax_cross_entropy",
                "{ignores=true, ignored_label=2147483648}",
                {"f32[2,3]", "i32[2]"},
                "softmax_cross_entropy: ignored_label: expected an i32, got 2147483648"},
        Refusal{"top_k", "", {"f32[2]", "i32[2]"}, "top_k: logits: expected rank 2 or more, got f32[2]"},
        Refusal{"top_k", "{k=0}", {"f32[2,3]", "i32[2]"}, "top_k: k: expected at least 1, got 0"},
        Refusal{"argmax", "", {"f32[2]"}, "argmax: logits: expected rank 2 or more, got f32[2]"},
        Refusal{"label_weight", "", {"f32[2]"}, "label_weight: labels: expected i32, got f32[2]"},
        Refusal{
            "label_weight", "", {"i32[2]", "f32[2,3]"}, "label_weight: class_weight: expected rank 1, got f32[2,3]"},
        Refusal{"weighted_mean", "", {"f32[2]", "f32[3]"}, "weighted_mean: weight: expected f32[2], got f32[3]"},
        Refusal{"weighted_sum", "{weight=[1,2]}", {"f32[2]"}, "weighted_sum: weight: expected 1 values, got 2"},
        Refusal{
            "weighted_sum", "{weight=[1,2]}", {"f32[2]", "f32[3]"}, "weighted_sum: src1: expected f32[2], got f32[3]"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Shape, OpRefusals,
    testing::Values(
        Refusal{"reduce_mean", "", {"i32[2]"}, "reduce_mean: src: expected f32, got i32[2]"},
        Refusal{"constant",
                "{dims=[2,0]}",
                {},
                "constant: dims: expected sizes of at least 1 and less than 2^40 elements, got [2,0]"},
        Refusal{"constant",
                "{dims=[9223372036854775807,4]}",
                {},
                "constant: dims: expected sizes of at least 1 and less than 2^40 elements, "
                "got [9223372036854775807,4]"},
        Refusal{"constant", "{dims=[]}", {}, "constant: dims: expected at least one size, got []"},
        Refusal{"constant", "", {"f32[1]"}, "constant: expected 0 operands (), got 1"},
        Refusal{"concat", "", {"f32[2,3]"}, "concat: expected at least 2 operands, got 1"},
        Refusal{"concat", "", {"f32[2]", "f32[2]"}, "concat: axis: expected 0 to 0, got 1"},
        Refusal{"slice", "{begin=2, count=3, step=-2}", {"f32[2,3]"}, "slice: count: expected 1 to 2, got 3"},
        Refusal{"slice", "{step=0}", {"f32[2,3]"}, "slice: step: expected another number than 0, got 0"},
        Refusal{"slice_backward", "{size=2}", {"f32[2,3]"}, "slice_backward: count: expected 1 to 2, got 3"},
        Refusal{"concat", "", {"f32[2,3]", "f32[4,3]"}, "concat: src1: expected f32[2,3], got f32[4,3]"},
        Refusal{"concat", "", {"f32[2,3,4,5]", "f32[2,1]"}, "concat: src1: expected f32[2,3,4,5], got f32[2,1]"},
        Refusal{"slice", "{begin=3}", {"f32[2,3]"}, "slice: begin: expected 0 to 2, got 3"},
        Refusal{"slice", "{begin=2, count=2}", {"f32[2,3]"}, "slice: count: expected 1 to 1, got 2"},
        Refusal{"slice", "{begin=0, count=0}", {"f32[2,3]"}, "slice: count: expected 1 to 3, got 0"},
        Refusal{"reshape",
                "{dims=[2,5]}",
                {"f32[3,4]"},
                "reshape: dims: expected 12 elements as in f32[3,4], got [2,5] = 10"},
        Refusal{"reshape",
                "{dims=[-1,12]}",
                {"f32[3,4]"},
                "reshape: dims: expected sizes of at least 1 and less than 2^40 elements, got [-1,12]"},
        Refusal{"convert_layout", "{to=nchwc}", {"f32[2,3,4,5]"}, "convert_layout: block: expected 1 to 1024, got 0"},
        Refusal{"convert_layout",
                "{block=4}",
                {"f32[2,3,4,5]"},
                "convert_layout: block: expected 0 for a plain layout, got 4"},
        Refusal{"convert_layout",
                "{to=nchwc, block=8}",
                {"f32[2]"},
                "convert_layout: src: expected at least 2 dims for nchw8c, got f32[2]"},
        Refusal{"convert_layout",
                "{to=vector_c, block=8}",
                {"f32[2,3]"},
                "convert_layout: src: expected rank 1 for c8, got f32[2,3]"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    InputAndUpdate, OpRefusals,
    testing::Values(
        Refusal{"preprocess", "", {"i32[1,2,2,3]"}, "preprocess: image: expected u8 or f32, got i32[1,2,2,3]"},
        Refusal{"preprocess", "", {"u8[2,2,3]"}, "preprocess: image: expected rank 4, got u8[2,2,3]"},
        Refusal{"preprocess",
                "{scale=[1,2]}",
                {"u8[1,2,2,3]"},
                "preprocess: scale: expected 1 or 3 values, one a channel, got 2"},
        Refusal{"preprocess", "{shift=[]}", {"u8[1,2,2,1]"}, "preprocess: shift: expected 1 value, got 0"},
        Refusal{"preprocess",
                "{pad_value=[nan]}",
                {"u8[1,2,2,1]"},
                "preprocess: pad_value: expected finite values, got nan"},
        Refusal{"preprocess",
                "{pad=[0,-1,0,0]}",
                {"u8[1,2,2,1]"},
                "preprocess: pad: expected 0 to 1048576, got [0,-1,0,0]"},
        Refusal{"fold_scale",
                "{scale=[1]}",
                {"f32[4,3,1,1]"},
                "fold_scale: scale: expected 3 values, one an input channel, got 1"},
        Refusal{"fold_scale",
                "{scale=[1,2,3]}",
                {"f32[4,8]"},
                "fold_scale: scale: expected a number of values that divides 8, got 3"},
        Refusal{"fold_scale",
                "{scale=[]}",
                {"f32[4,8]"},
                "fold_scale: scale: expected a number of values that divides 8, got 0"},
        Refusal{"fold_shift", "", {"f32[4]"}, "fold_shift: weights: expected rank 2 or 4, got f32[4]"},
        Refusal{"fold_shift", "", {"f32[4,8]", "f32[8]"}, "fold_shift: bias: expected f32[4], got f32[8]"},
        Refusal{"sgd_update",
                "",
                {"f32[4]", "f32[4]", "f32[4]"},
                "sgd_update: expected 4 operands (param, velocity, gradient, learning_rate), got 3"},
        Refusal{"sgd_update",
                "",
                {"f32[4]", "f32[3]", "f32[4]", "f32[1]"},
                "sgd_update: velocity: expected f32[4], got f32[3]"},
        Refusal{"sgd_update",
                "",
                {"f32[4]", "f32[4]", "f32[1]", "f32[1]"},
                "sgd_update: gradient: expected f32[4], got f32[1]"},
        Refusal{"sgd_update",
                "",
                {"f32[4]", "f32[4]", "f32[4]", "f32[4]"},
                "sgd_update: learning_rate: expected f32[1], got f32[4]"},
        Refusal{"sgd_update",
                "{momentum=-1}",
                {"f32[4]", "f32[4]", "f32[4]", "f32[1]"},
                "sgd_update: momentum: expected finite and at least 0, got -1"},
        Refusal{"sgd_update",
                "{weight_decay=inf}",
                {"f32[4]", "f32[4]", "f32[4]", "f32[1]"},
                "sgd_update: weight_decay: expected finite and at least 0, got inf"},
        Refusal{"batch_norm", "", {"f32[4]"}, "batch_norm: src: expected 2 to 6 dims, got f32[4]"},
        Refusal{"batch_norm", "", {"f32[4,3]", "f32[3]"}, "batch_norm: expected 1 operand (src), got 2"},
        Refusal{"batch_norm", "", {"f32[4,3]", "f32[3]", "f32[4]"}, "batch_norm: shift: expected f32[3], got f32[4]"},
        Refusal{"batch_norm", "{epsilon=0}", {"f32[4,3]"}, "batch_norm: epsilon: expected 1e-30 to 1e30, got 0"},
        Refusal{"batch_norm_inference",
                "",
                {"f32[4,3]", "f32[3]", "f32[1]"},
                "batch_norm_inference: variance: expected f32[3], got f32[1]"},
        Refusal{"update_running_statistics",
                "{share=1.5}",
                {"f32[3]", "f32[3]", "f32[3]", "f32[3]"},
                "update_running_statistics: share: expected 0 to 1, got 1.5"},
        Refusal{"update_running_statistics",
                "{count=0}",
                {"f32[3]", "f32[3]", "f32[3]", "f32[3]"},
                "update_running_statistics: count: expected at least 1, got 0"},
        Refusal{"fold_norm_weights",
                "",
                {"f32[4,3]", "f32[3]"},
                "fold_norm_weights: variance: expected f32[4], got f32[3]"},
        Refusal{
            "fold_norm_bias", "", {"f32[4]", "f32[4]", "f32[3]"}, "fold_norm_bias: bias: expected f32[4], got f32[3]"}),
    name_of_case);

} // namespace
} // namespace kiln::ir
