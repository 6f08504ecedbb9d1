// What the ops that stretch, reduce, move and transpose tensors refuse, and in which words.
// A case is a line of IR, the types of %x0, %x1, ... and the message.
#include "ir/text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace kiln::ir {
namespace {

struct Refusal {
  std::string node;
  std::vector<std::string> operands;
  std::string message;
};

class TensorOpRefusals : public testing::TestWithParam<Refusal> {};

TEST_P(TensorOpRefusals, SayExpectedAndGot) {
  const Refusal& refusal = GetParam();
  std::string inputs;
  for (size_t i = 0; i < refusal.operands.size(); ++i)
    inputs += fmt::format("{}%x{}: {}", i == 0 ? "" : ", ", i, refusal.operands[i]);
  const std::string text = fmt::format("func @f({}) {{\n%y = {}\nreturn\n}}\n", inputs, refusal.node);
  try {
    parse(text);
    FAIL() << "accepted: " << text;
  } catch (const ParseError& error) {
    EXPECT_THAT(error.what(), testing::EndsWith(": " + refusal.message)) << text;
    EXPECT_EQ(error.line, 2);
  }
}

std::string name_of_case(const testing::TestParamInfo<Refusal>& info) {
  return fmt::format("{}_{}", info.param.node.substr(0, info.param.node.find('(')), info.index);
}

INSTANTIATE_TEST_SUITE_P(
    Stretching, TensorOpRefusals,
    testing::Values(Refusal{"add(%x0, %x1)",
                            {"f32[2,3]", "f32[2]"},
                            "add: b: expected dims that stretch to or from [2,3], got f32[2]"},
                    Refusal{"add(%x0)", {"f32[2,3]"}, "add: expected 2 operands (a, b), got 1"},
                    Refusal{"multiply(%x0, %x1)", {"f32[2,3]", "i32[3]"}, "multiply: b: expected f32, got i32[3]"},
                    Refusal{"divide(%x0, %x1)",
                            {"f32[4,1]", "f32[3,2]"},
                            "divide: b: expected dims that stretch to or from [4,1], got f32[3,2]"},
                    Refusal{"maximum(%x0, %x1)",
                            {"f32[1,1,1,1,1,1,2]", "f32[2]"},
                            "maximum: a: expected at most 6 dims, got f32[1,1,1,1,1,1,2]"},
                    Refusal{"maximum_backward(%x0, %x0, %x1)",
                            {"f32[2]", "f32[3]"},
                            "maximum_backward: dy: expected dims that stretch to or from [2], got f32[3]"},
                    Refusal{"expand(%x0) {dims=[2,4]}",
                            {"f32[3]"},
                            "expand: dims: expected dims that f32[3] stretches to, got [2,4]"},
                    Refusal{"expand(%x0) {dims=[]}", {"f32[1]"}, "expand: dims: expected at least one size, got []"},
                    Refusal{"reduce_mean_backward(%x0) {dims=[3]}",
                            {"f32[2]"},
                            "reduce_mean_backward: dims: expected dims that f32[2] stretches to, got [3]"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Reductions, TensorOpRefusals,
    testing::Values(Refusal{"reduce_sum(%x0)", {"i32[2]"}, "reduce_sum: src: expected f32, got i32[2]"},
                    Refusal{"reduce_sum(%x0) {axes=[2]}",
                            {"f32[2,3]"},
                            "reduce_sum: axes: expected rising dims from 0 to 1, got [2]"},
                    Refusal{"reduce_mean(%x0) {axes=[1,0]}",
                            {"f32[2,3]"},
                            "reduce_mean: axes: expected rising dims from 0 to 1, got [1,0]"},
                    Refusal{"reduce_mean(%x0) {axes=[-1]}",
                            {"f32[2,3]"},
                            "reduce_mean: axes: expected rising dims from 0 to 1, got [-1]"},
                    Refusal{"reduce_sum(%x0) {axes=[0,0]}",
                            {"f32[2,3]"},
                            "reduce_sum: axes: expected rising dims from 0 to 1, got [0,0]"}),
    name_of_case);

INSTANTIATE_TEST_SUITE_P(
    Moves, TensorOpRefusals,
    testing::Values(
        Refusal{"concat(%x0, %x0) {axis=2}", {"f32[2,3]"}, "concat: axis: expected 0 to 1, got 2"},
        Refusal{"slice(%x0) {axis=-1}", {"f32[2,3]"}, "slice: axis: expected 0 to 1, got -1"},
        Refusal{"slice(%x0) {begin=0, count=2, step=-1}", {"f32[2,3]"}, "slice: count: expected 1 to 1, got 2"},
        Refusal{
            "pad(%x0) {before=[1], after=[1,1]}", {"f32[2,3]"}, "pad: before: expected 2 amounts, one a dim, got 1"},
        Refusal{"pad(%x0) {before=[0,3], after=[0,0], mode=reflect}",
                {"f32[2,3]"},
                "pad: before: expected at most 2 where 3 are reflected, got 3"},
        Refusal{"pad(%x0) {before=[0,-3], after=[0,0]}",
                {"f32[2,3]"},
                "pad: result: expected sizes of at least 1 and less than 2^40 elements, got [2,0]"},
        Refusal{"pad(%x0) {before=[0,0], after=[0,0], value=inf}",
                {"f32[2,3]"},
                "pad: value: expected a finite number, got inf"},
        Refusal{"pad_backward(%x0) {axis=1, before=2, after=1}",
                {"f32[2,3]"},
                "pad_backward: result: expected sizes of at least 1 and less than 2^40 elements, got [2,0]"},
        Refusal{"pad_backward(%x0) {axis=1, mode=constant}",
                {"f32[2,3]"},
                "pad_backward: mode: expected reflect or edge, got constant"},
        Refusal{"transpose(%x0) {order=[0,0]}",
                {"f32[2,3]"},
                "transpose: order: expected each dim from 0 to 1 once, got [0,0]"},
        Refusal{"transpose(%x0)", {"f32[2,3]"}, "transpose: order: expected each dim from 0 to 1 once, got []"},
        Refusal{"scale(%x0, %x1)", {"f32[2,3]", "f32[2]"}, "scale: factor: expected f32[3], got f32[2]"},
        Refusal{"scale(%x0, %x0)", {"f32[3]"}, "scale: src: expected 2 to 6 dims, got f32[3]"},
        Refusal{"softmax_backward(%x0, %x1) {axis=1}",
                {"f32[2,3]", "f32[3,2]"},
                "softmax_backward: dy: expected f32[2,3], got f32[3,2]"}),
    name_of_case);

} // namespace
} // namespace kiln::ir
