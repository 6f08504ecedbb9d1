// Ops that move elements (concat, slice, pad, transpose) and scale and softmax along any axis: values worked by hand.
// Gradient rules are checked over their shapes (tests/shapes).
#include "ir/evaluate.h"
#include "ir/text.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <numeric>

namespace kiln::ir {
namespace {

using testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What `%y = node` gives in the reference; each input without values counts from 0 in logical order.
Tensor run(const std::string& inputs, const std::string& node, std::map<std::string, std::vector<double>> values = {}) {
  const auto module = parse("func @f(" + inputs + ") {\n  %y = " + node + "\n  return y=%y\n}\n");
  const Function& function = *module->functions()[0];
  Environment environment;
  for (const auto& input : function.inputs()) {
    Tensor& tensor = environment.inputs[input->name] = Tensor(input->type.dims);
    if (values.contains(input->name))
      tensor.data = values.at(input->name);
    else
      std::iota(tensor.data.begin(), tensor.data.end(), 0.0);
  }
  return evaluate(function, environment).at("y");
}

TEST(Concat, AlongAnyAxis) {
  const std::map<std::string, std::vector<double>> values = {{"a", {1, 2, 3, 4}}, {"b", {5, 6}}};
  const Tensor rows = run("%a: f32[2,2], %b: f32[1,2]", "concat(%a, %b) {axis=0}", values);
  EXPECT_THAT(rows.dims, ElementsAre(3, 2));
  EXPECT_THAT(rows.data, ElementsAre(1, 2, 3, 4, 5, 6));
  const Tensor columns = run("%a: f32[2,2], %b: f32[2,1]", "concat(%a, %b)", values);
  EXPECT_THAT(columns.data, ElementsAre(1, 2, 5, 3, 4, 6));
  EXPECT_THAT(run("%a: f32[4], %b: f32[2]", "concat(%b, %a) {axis=0}", values).data, ElementsAre(5, 6, 1, 2, 3, 4));
}

TEST(Slice, InStepsEitherWay) {
  EXPECT_THAT(run("%x: f32[2,5]", "slice(%x) {begin=1, count=2, step=3}").data, ElementsAre(1, 4, 6, 9));
  EXPECT_THAT(run("%x: f32[2,5]", "slice(%x) {begin=4, count=3, step=-2}").data, ElementsAre(4, 2, 0, 9, 7, 5));
  EXPECT_THAT(run("%x: f32[3,2]", "slice(%x) {axis=0, begin=2, count=3, step=-1}").data, ElementsAre(4, 5, 2, 3, 0, 1));
  EXPECT_THAT(run("%x: f32[2,2]", "slice_backward(%x) {begin=4, step=-3, size=5}").data,
              ElementsAre(0, 1, 0, 0, 0, 0, 3, 0, 0, 2));
}

TEST(Pad, ByEachMode) {
  const std::string input = "%x: f32[4]";
  EXPECT_THAT(run(input, "pad(%x) {before=[2], after=[1], value=9}").data, ElementsAre(9, 9, 0, 1, 2, 3, 9));
  EXPECT_THAT(run(input, "pad(%x) {before=[2], after=[3], mode=reflect}").data, ElementsAre(2, 1, 0, 1, 2, 3, 2, 1, 0));
  EXPECT_THAT(run(input, "pad(%x) {before=[1], after=[2], mode=edge}").data, ElementsAre(0, 0, 1, 2, 3, 3, 3));
  EXPECT_THAT(run(input, "pad(%x) {before=[-1], after=[-2]}").data, ElementsAre(1));
  EXPECT_THAT(run(input, "pad(%x) {before=[-2], after=[1]}").data, ElementsAre(2, 3, 0));
  const Tensor both = run("%x: f32[2,2]", "pad(%x) {before=[1,0], after=[0,1], mode=reflect}");
  EXPECT_THAT(both.dims, ElementsAre(3, 3));
  EXPECT_THAT(both.data, ElementsAre(2, 3, 2, 0, 1, 0, 2, 3, 2));
}

TEST(Pad, GivesTheBorderBackToWhereItCameFrom) {
  // [2 1 0 1 2 3 2]: before 2, after 1
  EXPECT_THAT(
      run("%dy: f32[7]", "pad_backward(%dy) {before=2, after=1, mode=reflect}", {{"dy", {1, 2, 4, 8, 16, 32, 64}}})
          .data,
      ElementsAre(4, 10, 81, 32));
  EXPECT_THAT(
      run("%dy: f32[6]", "pad_backward(%dy) {before=1, after=2, mode=edge}", {{"dy", {1, 2, 4, 8, 16, 32}}}).data,
      ElementsAre(3, 4, 56));
}

TEST(Transpose, InAnyOrder) {
  const Tensor matrix = run("%x: f32[2,3]", "transpose(%x) {order=[1,0]}");
  EXPECT_THAT(matrix.dims, ElementsAre(3, 2));
  EXPECT_THAT(matrix.data, ElementsAre(0, 3, 1, 4, 2, 5));
  const Tensor cycled = run("%x: f32[2,3,2]", "transpose(%x) {order=[2,0,1]}");
  EXPECT_THAT(cycled.dims, ElementsAre(2, 2, 3));
  EXPECT_THAT(cycled.data, ElementsAre(0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11));
}

TEST(Scale, ByChannel) {
  EXPECT_THAT(run("%x: f32[1,2,3], %f: f32[2]", "scale(%x, %f)", {{"f", {10, -1}}}).data,
              ElementsAre(0, 10, 20, -3, -4, -5));
  EXPECT_THAT(run("%x: f32[2,2,2], %d: f32[2,2,2]", "scale_backward_factor(%x, %d)").data,
              ElementsAre(0 + 1 + 16 + 25, 4 + 9 + 36 + 49));
}

TEST(Softmax, AlongAnyAxis) {
  const double e = std::exp(1.0);
  const Tensor y = run("%x: f32[2,1,2]", "softmax(%x) {axis=0}", {{"x", {0, 3, 1, 3}}});
  EXPECT_DOUBLE_EQ(y[0], 1 / (1 + e));
  EXPECT_DOUBLE_EQ(y[1], 0.5);
  EXPECT_DOUBLE_EQ(y[2], e / (1 + e));
  EXPECT_DOUBLE_EQ(y[3], 0.5);
  EXPECT_THAT(run("%x: f32[3]", "softmax(%x) {axis=0}", {{"x", {-kInfinity, 1e300, 1e300}}}).data,
              ElementsAre(0, 0.5, 0.5));
  EXPECT_DOUBLE_EQ(run("%x: f32[2,2]", "log_softmax(%x) {axis=0}", {{"x", {0, 0, 0, -kInfinity}}})[0], -std::log(2.0));
}

} // namespace
} // namespace kiln::ir
