// What convolution, pooling and dense refuse, and in which words. A case is a line of IR text, its operand types and
// the message.
#include "ir/text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

struct Refusal {
  std::string op;
  std::vector<std::string> operands;
  std::string attributes;
  std::string message; // without the op's name
};

class WindowOpRefusals : public testing::TestWithParam<Refusal> {};

TEST_P(WindowOpRefusals, SayExpectedAndGot) {
  const auto& [op, operands, attributes, message] = GetParam();
  std::vector<std::string> inputs, arguments;
  for (const std::string& operand : operands) {
    arguments.push_back(fmt::format("%x{}", arguments.size()));
    inputs.push_back(fmt::format("{}: {}", arguments.back(), operand));
  }
  const std::string text = fmt::format("func @f({}) {{\n%y = {}({}) {{{}}}\nreturn\n}}\n", fmt::join(inputs, ", "), op,
                                       fmt::join(arguments, ", "), attributes);
  try {
    parse(text);
    FAIL() << "accepted: " << text;
  } catch (const ParseError& error) {
    EXPECT_THAT(error.what(), testing::EndsWith(fmt::format(" {}: {}", op, message))) << text;
    EXPECT_EQ(error.line, 2);
  }
}

std::string name_of_case(const testing::TestParamInfo<Refusal>& info) {
  return fmt::format("{}_{}", info.param.op, info.index);
}

using Types = std::vector<std::string>;
const Types kConv = {"f32[1,8,4,4]", "f32[6,8,3,3]"};
const Types kPool = {"f32[1,3,4,6]"};

INSTANTIATE_TEST_SUITE_P(
    Conv2d, WindowOpRefusals,
    testing::Values(
        Refusal{"conv2d", {"f32[1,8,4,4]"}, "", "expected 2 operands (src, weights) and 0 for epilogue [], got 1"},
        Refusal{"conv2d", kConv, "epilogue=[bias, relu]",
                "expected 2 operands (src, weights) and 1 for epilogue [bias, relu], got 2"},
        Refusal{"conv2d",
                {"f32[1,8,4,4]", "f32[6,8,3,3]", "f32[6]"},
                "",
                "expected 2 operands (src, weights) and 0 for epilogue [], got 3"},
        Refusal{"conv2d",
                {"f32[1,8,4,4]", "f32[6,8,3,3]", "f32[8]"},
                "epilogue=[bias]",
                "bias: expected f32[6], got f32[8]"},
        Refusal{"conv2d", {"u8[1,8,4,4]", "f32[6,8,3,3]"}, "", "src: expected f32, got u8[1,8,4,4]"},
        Refusal{"conv2d", {"f32[8,16]", "f32[6,8,3,3]"}, "", "src: expected rank 4, got f32[8,16]"},
        Refusal{"conv2d", {"f32[1,8,4,4]", "f32[6,72]"}, "", "weights: expected rank 4, got f32[6,72]"},
        Refusal{"conv2d", {"f32[1,9,4,4]", "f32[6,8,3,3]"}, "", "input has 9 channels, weights f32[6,8,3,3] expect 8"},
        Refusal{"conv2d", kConv, "group=3", "3 groups do not divide 8 input channels"},
        Refusal{"conv2d", {"f32[1,8,4,4]", "f32[6,2,3,3]"}, "group=4", "4 groups do not divide 6 output channels"},
        Refusal{"conv2d", kConv, "group=2",
                "input has 8 channels = 2 groups of 4, weights f32[6,8,3,3] expect groups of 8"},
        Refusal{"conv2d", kConv, "group=0", "group: expected at least 1, got 0"},
        Refusal{"conv2d", kConv, "group=-2", "group: expected at least 1, got -2"},
        Refusal{"conv2d", kConv, "stride=[0,1]", "stride: expected values from 1 to 2^30, got [0,1]"},
        Refusal{"conv2d", kConv, "stride=[1,9223372036854775807]",
                "stride: expected values from 1 to 2^30, got [1,9223372036854775807]"},
        Refusal{"conv2d", kConv, "dilation=[1,-1]", "dilation: expected values from 1 to 2^30, got [1,-1]"},
        Refusal{"conv2d", kConv, "pad=[0,0,-1,0]", "pad: expected values from 0 to 2^30, got [0,0,-1,0]"},
        Refusal{"conv2d", {"f32[1,8,4,4]", "f32[6,8,5,5]"}, "", "kernel 5x5 is larger than the padded input 4x4"},
        Refusal{"conv2d",
                {"f32[1,8,4,4]", "f32[6,8,5,7]"},
                "pad=[1,0,0,2]",
                "kernel 5x7 is larger than the padded input 5x6"},
        Refusal{"conv2d", kConv, "dilation=[2,1]", "kernel 3x3 (dilated to 5x3) is larger than the padded input 4x4"},
        Refusal{"conv2d", kConv, "pad=[1073741824,1073741824,0,0]",
                "result: expected sizes of at least 1 and less than 2^40 elements, got [1,6,1073741826,1073741826]"},
        Refusal{"conv2d", kConv, "epilogue=[leaky_relu(-1)]",
                "epilogue: leaky_relu: slope: expected finite and at least 0, got -1"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Conv2dBackward, WindowOpRefusals,
    testing::Values(Refusal{"conv2d_backward_data",
                            {"f32[6,8,3,3]", "f32[1,6,2,2]"},
                            "",
                            "src_size: expected sizes of at least 1 and less than 2^40 elements, got [0,0]"},
                    Refusal{"conv2d_backward_data",
                            {"f32[6,8,3,3]", "f32[1,6,2,2]"},
                            "src_size=[4,5]",
                            "ddst: expected f32[1,6,2,3], got f32[1,6,2,2]"},
                    Refusal{"conv2d_backward_data",
                            {"f32[6,8,3,3]", "f32[1,5,2,2]"},
                            "src_size=[4,4]",
                            "ddst: expected f32[1,6,2,2], got f32[1,5,2,2]"},
                    Refusal{"conv2d_backward_data",
                            {"f32[6,8,3,3]", "f32[1,6,2,2]"},
                            "src_size=[4,4], group=7",
                            "group: expected 1 to 6, the output channels, got 7"},
                    Refusal{"conv2d_backward_data",
                            {"f32[6,8,3,3]", "f32[1,6,2,2]"},
                            "src_size=[4,4], group=4",
                            "4 groups do not divide 6 output channels"},
                    Refusal{"conv2d_backward_data", {"f32[6,8,3,3]"}, "", "expected 2 operands (weights, ddst), got 1"},
                    Refusal{"conv2d_backward_weights",
                            {"f32[1,8,4,4]", "f32[1,6,2,2]"},
                            "kernel=[3,2]",
                            "ddst: expected f32[1,6,2,3], got f32[1,6,2,2]"},
                    Refusal{"conv2d_backward_weights",
                            {"f32[1,8,4,4]", "f32[2,6,2,2]"},
                            "kernel=[3,3]",
                            "ddst: expected f32[1,6,2,2], got f32[2,6,2,2]"},
                    Refusal{"conv2d_backward_weights",
                            {"f32[1,8,4,4]", "f32[1,6,2,2]"},
                            "kernel=[5,5]",
                            "kernel 5x5 is larger than the padded input 4x4"},
                    Refusal{"conv2d_backward_weights",
                            {"f32[1,8,4,4]", "f32[1,6,2,2]"},
                            "kernel=[0,3]",
                            "weights: expected sizes of at least 1 and less than 2^40 elements, got [6,8,0,3]"},
                    Refusal{"conv2d_backward_weights",
                            {"f32[1,8,4,4]", "f32[1,6,2,2]"},
                            "kernel=[3,3], group=3",
                            "3 groups do not divide 8 input channels"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    ConvTranspose2d, WindowOpRefusals,
    testing::Values(Refusal{"conv_transpose2d",
                            {"f32[1,6,2,2]"},
                            "",
                            "expected 2 operands (src, weights) and 0 for epilogue [], got 1"},
                    Refusal{
                        "conv_transpose2d", {"f32[1,6,2,2]", "f32[6,3]"}, "", "weights: expected rank 4, got f32[6,3]"},
                    Refusal{"conv_transpose2d",
                            {"f32[1,6,2,2]", "f32[6,8,3,3]"},
                            "",
                            "dst_size: expected sizes of at least 1 and less than 2^40 elements, got [0,0]"},
                    Refusal{"conv_transpose2d",
                            {"f32[1,8,2,2]", "f32[6,8,3,3]"},
                            "dst_size=[4,4]",
                            "input has 8 channels, weights f32[6,8,3,3] expect 6"},
                    Refusal{"conv_transpose2d",
                            {"f32[1,6,2,2]", "f32[6,8,3,3]"},
                            "dst_size=[4,5]",
                            "src: expected f32[1,6,2,3], got f32[1,6,2,2]"},
                    Refusal{"conv_transpose2d",
                            {"f32[1,6,2,2]", "f32[6,8,3,3]"},
                            "dst_size=[4,4], group=4",
                            "4 groups do not divide 6 output channels"},
                    Refusal{"conv_transpose2d",
                            {"f32[1,6,2,2]", "f32[6,8,3,3]"},
                            "dst_size=[4,4], group=7",
                            "group: expected 1 to 6, the input channels, got 7"},
                    Refusal{"conv_transpose2d",
                            {"f32[1,6,2,2]", "f32[6,8,3,3]", "f32[6]"},
                            "dst_size=[4,4], epilogue=[bias]",
                            "bias: expected f32[8], got f32[6]"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    LrnAndResize, WindowOpRefusals,
    testing::Values(
        Refusal{"lrn", {}, "", "expected 1 operand (src), got 0"},
        Refusal{"lrn", {"f32[3,4]"}, "", "src: expected rank 4, got f32[3,4]"},
        Refusal{"lrn", kPool, "size=0", "size: expected 1 to 2^30, got 0"},
        Refusal{"lrn", kPool, "alpha=-1", "alpha: expected finite and at least 0, got -1"},
        Refusal{"lrn", kPool, "beta=-1", "beta: expected finite and at least 0, got -1"},
        Refusal{"lrn", kPool, "k=0", "k: expected finite and above 0, got 0"},
        Refusal{"lrn_backward", {"f32[1,3,4,6]", "f32[1,3,4,5]"}, "", "ddst: expected f32[1,3,4,6], got f32[1,3,4,5]"},
        Refusal{"resize", {"f32[3,4]"}, "size=[2,2]", "src: expected rank 4, got f32[3,4]"},
        Refusal{"resize", kPool, "", "size: expected sizes of at least 1 and less than 2^40 elements, got [1,3,0,0]"},
        Refusal{"resize", kPool, "size=[2,2], rows=[1,0,0]",
                "rows: expected a step of at least 0, an offset and a denominator of at least 1, up to 2^30, got "
                "[1,0,0]"},
        Refusal{"resize", kPool, "size=[2,2], columns=[-1,0,1]",
                "columns: expected a step of at least 0, an offset and a denominator of at least 1, up to 2^30, got "
                "[-1,0,1]"},
        Refusal{"resize_backward",
                {"f32[1,3,2,2]"},
                "size=[2,3], src_size=[4,4]",
                "ddst: expected f32[1,3,2,3], got f32[1,3,2,2]"},
        Refusal{"resize_backward",
                {"f32[1,3,2,2]"},
                "size=[2,2]",
                "src_size: expected sizes of at least 1 and less than 2^40 elements, got [0,0]"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Pool, WindowOpRefusals,
    testing::Values(
        Refusal{"max_pool", {}, "", "expected 1 operand (src), got 0"},
        Refusal{"max_pool", {"i32[1,3,4,6]"}, "", "src: expected f32, got i32[1,3,4,6]"},
        Refusal{"max_pool", {"f32[3,4,6]"}, "", "src: expected rank 4, got f32[3,4,6]"},
        Refusal{"max_pool", kPool, "kernel=[5,5]", "kernel 5x5 is larger than the padded input 4x6"},
        Refusal{"max_pool", kPool, "kernel=[6,2], rounding=ceil", "kernel 6x2 is larger than the padded input 4x6"},
        Refusal{"max_pool", kPool, "kernel=[2,0]", "kernel: expected values from 1 to 2^30, got [2,0]"},
        Refusal{"max_pool", kPool, "stride=[0,2]", "stride: expected values from 1 to 2^30, got [0,2]"},
        Refusal{"max_pool", kPool, "pad=[0,0,0,-1]", "pad: expected values from 0 to 2^30, got [0,0,0,-1]"},
        Refusal{"max_pool", kPool, "kernel=[2,3], pad=[0,2,2,2]",
                "pad [0,2,2,2] must be smaller than kernel 2x3, or windows would see padding alone"},
        Refusal{"max_pool", kPool, "dilation=[1,0]", "dilation: expected values from 1 to 2^30, got [1,0]"},
        Refusal{"max_pool", kPool, "dilation=[4,1]", "kernel 2x2 (dilated to 5x2) is larger than the padded input 4x6"},
        Refusal{"max_pool", kPool, "dilation=[2,2], pad=[3,0,0,0]",
                "pad [3,0,0,0] must be smaller than kernel 2x2 (dilated to 3x3), or windows would see padding alone"},
        Refusal{"max_pool", kPool, "dilation=[5,1], pad=[2,0,2,0]",
                "dilation [5,1] is larger than the input 4x6: windows could see padding alone"},
        Refusal{
            "max_pool_backward", {"f32[1,3,4,6]", "f32[1,3,3,3]"}, "", "ddst: expected f32[1,3,2,3], got f32[1,3,3,3]"},
        Refusal{"average_pool", {"f32[3,4,6]"}, "", "src: expected rank 4, got f32[3,4,6]"},
        Refusal{"average_pool", kPool, "kernel=[5,5]", "kernel 5x5 is larger than the padded input 4x6"},
        Refusal{"average_pool_backward",
                {"f32[1,3,2,3]"},
                "",
                "src_size: expected sizes of at least 1 and less than 2^40 elements, got [0,0]"},
        Refusal{"average_pool_backward",
                {"f32[1,3,2,3]"},
                "src_size=[4,8]",
                "ddst: expected f32[1,3,2,4], got f32[1,3,2,3]"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Dense, WindowOpRefusals,
    testing::Values(
        Refusal{"dense", {"f32[5,6400]", "f32[10,9216]"}, "", "input is 6400 values, weights expect 9216"},
        Refusal{"dense", {"f32[5,50,4,4]", "f32[10,800]"}, "", "src: expected rank 2, got f32[5,50,4,4]"},
        Refusal{"dense", {"f32[5,8]", "i32[10,8]"}, "", "weights: expected f32, got i32[10,8]"},
        Refusal{"dense", {"f32[5,8]", "f32[10,8]", "f32[8]"}, "epilogue=[bias]", "bias: expected f32[10], got f32[8]"},
        Refusal{"dense",
                {"f32[5,8]", "f32[10,8]"},
                "epilogue=[bias, tanh]",
                "expected 2 operands (src, weights) and 1 for epilogue [bias, tanh], got 2"},
        Refusal{"dense",
                {"f32[1000000000,1]", "f32[1000000000,1]"},
                "",
                "result: expected sizes of at least 1 and less than 2^40 elements, got [1000000000,1000000000]"},
        Refusal{"dense_backward_data", {"f32[10,8]", "f32[5,9]"}, "", "ddst is 9 values, weights produce 10"},
        Refusal{"dense_backward_weights", {"f32[5,8]", "f32[6,10]"}, "", "src has 5 samples, ddst has 6"}),
    name_of_case);

} // namespace
} // namespace kiln::ir
