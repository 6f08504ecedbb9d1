// ONNX has said the same thing in several ways over the years: each pair of graphs here, of different opsets, must
// become the same function.
#include "frontend/onnx/importer.h"
#include "ir/text.h"
#include "tests/onnx/model_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln {
namespace {

using test::floats;
using test::integers;
using test::ints;
using test::model_of;
using test::node;
using test::one_float;
using test::one_int;
using test::real;
using test::sized;
namespace onnx = frontend::onnx;
using ::testing::HasSubstr;

std::string predict_of(const std::string& graph, int64_t opset) {
  frontend::Diagnostics diagnostics;
  const onnx::ImportedModel imported = onnx::import_model(model_of(graph, opset), "m.onnx", {}, diagnostics);
  EXPECT_EQ(diagnostics.text(), "");
  return imported.module ? ir::print(*imported.module->find_function("predict")) : "";
}

// A node whose first input is x, in two opsets; `tensors` are initialisers of the second form.
struct TwoWays {
  std::string op;
  std::vector<int64_t> dims;   // of x
  std::vector<int64_t> result; // of y
  int64_t old_opset;
  std::string old_attributes;
  int64_t new_opset;
  std::vector<std::string> new_inputs; // behind x
  std::string new_attributes;
  std::string tensors;
};

void expect_same(const TwoWays& ways) {
  SCOPED_TRACE(ways.op);
  const std::string head = sized("input", "x", ways.dims);
  const std::string tail = sized("output", "y", ways.result);
  std::vector<std::string> inputs = {"x"};
  inputs.insert(inputs.end(), ways.new_inputs.begin(), ways.new_inputs.end());
  const std::string before = predict_of(head + node(ways.op, {"x"}, {"y"}, ways.old_attributes) + tail, ways.old_opset);
  const std::string after =
      predict_of(head + ways.tensors + node(ways.op, inputs, {"y"}, ways.new_attributes) + tail, ways.new_opset);
  EXPECT_NE(before, "");
  EXPECT_EQ(before, after);
}

TEST(OnnxVersions, AttributesBecameInputs) {
  expect_same({"Reshape", {2, 6}, {3, 4}, 1, ints("shape", {3, -1}), 13, {"shape"}, "", integers("shape", {3, -1})});
  expect_same({"Squeeze", {2, 1, 3}, {2, 3}, 11, ints("axes", {-2}), 13, {"axes"}, "", integers("axes", {1})});
  expect_same(
      {"Unsqueeze", {2, 3}, {1, 2, 3, 1}, 11, ints("axes", {3, 0}), 13, {"axes"}, "", integers("axes", {0, -1})});
  expect_same({"Slice",
               {4, 6},
               {2, 6},
               9,
               ints("starts", {1}) + ints("ends", {-1}) + ints("axes", {0}),
               13,
               {"starts", "ends", "axes"},
               "",
               integers("starts", {1}) + integers("ends", {3}) + integers("axes", {-2})});
  expect_same({"Pad",
               {2, 3},
               {3, 5},
               2,
               ints("pads", {0, 1, 1, 1}) + real("value", 2),
               13,
               {"pads", "value"},
               "",
               integers("pads", {0, 1, 1, 1}) + one_float("value", 2)});
  expect_same({"Clip",
               {2, 3},
               {2, 3},
               6,
               real("min", -1) + real("max", 6),
               13,
               {"min", "max"},
               "",
               one_float("min", -1) + one_float("max", 6)});
  expect_same({"ReduceSum",
               {2, 3, 4},
               {2, 4},
               11,
               ints("axes", {1}) + one_int("keepdims", 0),
               13,
               {"axes"},
               one_int("keepdims", 0),
               integers("axes", {-2})});
  expect_same({"ReduceMean", {2, 3, 4}, {2, 1, 4}, 13, ints("axes", {1}), 18, {"axes"}, "", integers("axes", {1})});
  expect_same(
      {"ReduceMax", {2, 3, 4}, {1, 3, 1}, 13, ints("axes", {0, 2}), 18, {"axes"}, "", integers("axes", {2, 0})});
  expect_same({"Dropout", {2, 3}, {2, 3}, 10, real("ratio", 0.5), 13, {"ratio"}, "", one_float("ratio", 0.5)});
  expect_same({"Upsample",
               {1, 1, 2, 3},
               {1, 1, 4, 6},
               7,
               "attribute { name: 'scales' type: FLOATS floats: 1 floats: 1 floats: 2 floats: 2 }",
               9,
               {"scales"},
               "",
               "initializer { name: 'scales' data_type: 1 dims: 4 float_data: [1, 1, 2, 2] }"});
  expect_same({"Split", {4, 2}, {4, 2}, 11, ints("split", {4}), 13, {"split"}, "", integers("split", {4})});
}

TEST(OnnxVersions, OldFormsKeepTheirMeaning) {
  const std::string x = sized("input", "x", {2, 3, 4});
  const std::string y = sized("output", "y", {2, 3, 4});
  // The second operand starts at axis 1.
  EXPECT_THAT(predict_of(x + floats("b", {3}) +
                             node("Add", {"x", "b"}, {"y"}, one_int("broadcast", 1) + one_int("axis", 1)) + y,
                         6),
              HasSubstr("{dims=[3,1]}"));
  // Softmax over everything behind the axis; since 13 over the axis alone.
  EXPECT_THAT(predict_of(x + node("Softmax", {"x"}, {"y"}) + y, 12), HasSubstr("{dims=[2,12]}"));
  EXPECT_THAT(predict_of(x + node("Softmax", {"x"}, {"y"}) + y, 13), HasSubstr("softmax(%x) {axis=2}"));
  // A slope for each channel in a row.
  EXPECT_THAT(predict_of(sized("input", "x", {2, 3, 4, 4}) + floats("s", {3}) + node("PRelu", {"x", "s"}, {"y"}) +
                             sized("output", "y", {2, 3, 4, 4}),
                         6),
              HasSubstr("prelu(%x, @s)"));
  // Momentum is the share of the old statistics.
  const std::string norm = sized("input", "x", {2, 3}) + floats("s", {3}) + floats("b", {3}) + floats("m", {3}) +
                           floats("v", {3}) +
                           node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y", "mean", "var"},
                                one_int("training_mode", 1) + real("momentum", 0.75)) +
                           sized("output", "mean", {3});
  frontend::Diagnostics diagnostics;
  const auto imported = onnx::import_model(model_of(norm, 15), "m.onnx", {}, diagnostics);
  ASSERT_NE(imported.module, nullptr) << diagnostics.text();
  const std::string printed = ir::print(*imported.module);
  EXPECT_THAT(printed, HasSubstr("data=[0.75]"));
  EXPECT_THAT(printed, HasSubstr("data=[0.25]"));
}

} // namespace
} // namespace kiln
