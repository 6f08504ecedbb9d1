// Ops whose operands stretch to one shape, reductions over axes, and the pointwise ops of arithmetic: values worked by
// hand. Their gradient rules are checked over their shapes (tests/shapes), ties and infinities here.
#include "ir/evaluate.h"
#include "ir/text.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>
#include <map>

namespace kiln::ir {
namespace {

using testing::ElementsAre;

using Values = std::map<std::string, std::vector<double>>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// What the node gives for these inputs, in the reference.
Tensor run(const std::string& inputs, const std::string& node, const Values& values) {
  const auto module = parse("func @f(" + inputs + ") {\n  %out = " + node + "\n  return out=%out\n}\n");
  const Function& function = *module->functions()[0];
  Environment environment;
  for (const auto& input : function.inputs()) {
    Tensor& tensor = environment.inputs[input->name] = Tensor(input->type.dims);
    EXPECT_EQ(tensor.data.size(), values.at(input->name).size());
    tensor.data = values.at(input->name);
  }
  return evaluate(function, environment).at("out");
}

TEST(Stretching, RepeatsWhatIsMissing) {
  const Values values = {{"a", {1, 2, 3, 4, 5, 6}}, {"b", {10, 20, 30}}};
  const Tensor row = run("%a: f32[2,3], %b: f32[3]", "add(%a, %b)", values);
  EXPECT_THAT(row.dims, ElementsAre(2, 3));
  EXPECT_THAT(row.data, ElementsAre(11, 22, 33, 14, 25, 36));
  EXPECT_THAT(run("%a: f32[2,3], %b: f32[3]", "subtract(%a, %b)", values).data,
              ElementsAre(-9, -18, -27, -6, -15, -24));
  EXPECT_THAT(run("%a: f32[2,3], %b: f32[3]", "subtract(%b, %a)", values).data, ElementsAre(9, 18, 27, 6, 15, 24));
}

TEST(Stretching, BothWaysAtOnce) {
  const Tensor product =
      run("%a: f32[2,1,2], %b: f32[3,1]", "multiply(%a, %b)", {{"a", {1, 2, 3, 4}}, {"b", {1, 10, 100}}});
  EXPECT_THAT(product.dims, ElementsAre(2, 3, 2));
  EXPECT_THAT(product.data, ElementsAre(1, 2, 10, 20, 100, 200, 3, 4, 30, 40, 300, 400));
}

TEST(Stretching, OneNumber) {
  EXPECT_THAT(run("%a: f32[1], %b: f32[1,1,3]", "divide(%a, %b)", {{"a", {6}}, {"b", {2, -3, 0}}}).data,
              ElementsAre(3, -2, kInfinity));
}

TEST(Maximum, LetsNaNThroughFromEitherSide) {
  const Values values = {{"a", {1, 5, kNaN, 2, -kInfinity}}, {"b", {3, 4, 1, kNaN, -7}}};
  for (const std::string op : {"maximum", "minimum"}) {
    const Tensor y = run("%a: f32[5], %b: f32[5]", op + "(%a, %b)", values);
    EXPECT_TRUE(std::isnan(y[2])) << op;
    EXPECT_TRUE(std::isnan(y[3])) << op;
    if (op == "maximum")
      EXPECT_THAT(std::vector(y.data.begin(), y.data.begin() + 2), ElementsAre(3, 5));
    else
      EXPECT_THAT(std::vector(y.data.begin(), y.data.begin() + 2), ElementsAre(1, 4));
    EXPECT_EQ(y[4], op == "maximum" ? -7 : -kInfinity);
  }
}

TEST(Maximum, GivesEachHalfOfTheGradientOfATie) {
  const Values values = {{"x", {1, 2, 3}}, {"other", {2, 2, 2}}, {"dy", {10, 10, 10}}};
  const std::string inputs = "%x: f32[3], %other: f32[3], %dy: f32[3]";
  EXPECT_THAT(run(inputs, "maximum_backward(%x, %other, %dy)", values).data, ElementsAre(0, 5, 10));
  EXPECT_THAT(run(inputs, "minimum_backward(%x, %other, %dy)", values).data, ElementsAre(10, 5, 0));
}

TEST(Divide, PassesTheGradientOfItsDivisor) {
  // d(6 / b)/db = -6 / b^2
  EXPECT_THAT(run("%y: f32[2], %b: f32[2], %dy: f32[2]", "divide_backward_divisor(%y, %b, %dy)",
                  {{"y", {3, -2}}, {"b", {2, -3}}, {"dy", {1, 3}}})
                  .data,
              ElementsAre(-1.5, -2));
}

TEST(ReduceSum, SumsOverStatedAxes) {
  std::vector<double> count(12);
  for (size_t i = 0; i < count.size(); ++i) count[i] = static_cast<double>(i);
  const Values values = {{"x", count}};
  const std::string input = "%x: f32[2,3,2]";
  const Tensor all = run(input, "reduce_sum(%x)", values);
  EXPECT_THAT(all.dims, ElementsAre(1));
  EXPECT_THAT(all.data, ElementsAre(66));
  EXPECT_THAT(run(input, "reduce_sum(%x) {keep_dims=true}", values).dims, ElementsAre(1, 1, 1));
  const Tensor middle = run(input, "reduce_sum(%x) {axes=[1]}", values);
  EXPECT_THAT(middle.dims, ElementsAre(2, 2));
  EXPECT_THAT(middle.data, ElementsAre(6, 9, 24, 27));
  const Tensor outside = run(input, "reduce_sum(%x) {axes=[0,2], keep_dims=true}", values);
  EXPECT_THAT(outside.dims, ElementsAre(1, 3, 1));
  EXPECT_THAT(outside.data, ElementsAre(14, 22, 30));
  EXPECT_THAT(run(input, "reduce_mean(%x) {axes=[0,2]}", values).data, ElementsAre(3.5, 5.5, 7.5));
  EXPECT_THAT(run(input, "reduce_mean(%x)", values).data, ElementsAre(5.5));
}

TEST(ReduceMean, SpreadsItsGradientEvenly) {
  EXPECT_THAT(run("%dy: f32[2,1]", "reduce_mean_backward(%dy) {dims=[2,4]}", {{"dy", {4, 8}}}).data,
              ElementsAre(1, 1, 1, 1, 2, 2, 2, 2));
  EXPECT_THAT(run("%dy: f32[1]", "reduce_mean_backward(%dy) {dims=[2,2]}", {{"dy", {4}}}).data,
              ElementsAre(1, 1, 1, 1));
}

TEST(Expand, Repeats) {
  const Tensor wide = run("%x: f32[2,1]", "expand(%x) {dims=[2,2,3]}", {{"x", {1, 2}}});
  EXPECT_THAT(wide.dims, ElementsAre(2, 2, 3));
  EXPECT_THAT(wide.data, ElementsAre(1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2));
}

TEST(Arithmetic, OfOneOperand) {
  const Values values = {{"x", {4, 0.25, -2}}};
  const auto of = [&](const std::string& op) { return run("%x: f32[3]", op + "(%x)", values).data; };
  EXPECT_THAT(of("negate"), ElementsAre(-4, -0.25, 2));
  EXPECT_THAT(of("abs"), ElementsAre(4, 0.25, 2));
  EXPECT_THAT(of("reciprocal"), ElementsAre(0.25, 4, -0.5));
  EXPECT_DOUBLE_EQ(of("exp")[2], 0.1353352832366127);
  EXPECT_DOUBLE_EQ(of("log")[0], 1.3862943611198906);
  EXPECT_TRUE(std::isnan(of("log")[2]));
  EXPECT_EQ(of("sqrt")[0], 2);
  EXPECT_EQ(of("sqrt")[1], 0.5);
  EXPECT_TRUE(std::isnan(of("sqrt")[2]));
}

TEST(Arithmetic, GradientsAtZero) {
  EXPECT_THAT(run("%x: f32[3], %dy: f32[3]", "abs_backward(%x, %dy)", {{"x", {-2, 0, 3}}, {"dy", {5, 5, 5}}}).data,
              ElementsAre(-5, 0, 5));
  EXPECT_THAT(run("%y: f32[2], %dy: f32[2]", "sqrt_backward(%y, %dy)", {{"y", {2, 0}}, {"dy", {8, 1}}}).data,
              ElementsAre(2, kInfinity));
  EXPECT_THAT(run("%y: f32[1], %dy: f32[1]", "reciprocal_backward(%y, %dy)", {{"y", {0.5}}, {"dy", {8}}}).data,
              ElementsAre(-2));
}

} // namespace
} // namespace kiln::ir
