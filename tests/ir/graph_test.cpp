// The graph: creating, replacing, erasing and sweeping nodes, and the names and numbers that stay unique.
#include "ir/graph.h"

#include "ir/all_ops.h"
#include "ir/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

using testing::ElementsAre;

std::vector<std::string> results_of(const Function& function) {
  std::vector<std::string> names;
  for (const auto& node : function.nodes())
    for (size_t i = 0; i < node->result_count(); ++i) names.push_back(node->result(i).name);
  return names;
}

class GraphTest : public testing::Test {
protected:
  Module module_;
  Function& function_ = module_.add_function("predict");
  Value& src_ = function_.add_input("src", TensorType{DType::f32, {2, 4}, {}});

  Node& relu(Value& of, std::string_view name, Node* before = nullptr) {
    return function_.create(info<Relu>(), {}, {&of}, name, before);
  }
};

TEST_F(GraphTest, NamesAreMadeUnique) {
  EXPECT_EQ(relu(src_, "a").result().name, "a");
  EXPECT_EQ(relu(src_, "a").result().name, "a.1");
  EXPECT_EQ(relu(src_, "src").result().name, "src.1");
  EXPECT_EQ(relu(src_, "").result().name, "v");
  EXPECT_EQ(function_.add_input("a", src_.type).name, "a.2");
}

TEST_F(GraphTest, CreatesBeforeAnotherNode) {
  Node& a = relu(src_, "a");
  relu(a.result(), "c");
  relu(src_, "b", &a);
  EXPECT_THAT(results_of(function_), ElementsAre("b", "a", "c"));
}

TEST_F(GraphTest, RefusesWhatTheOpRefuses) {
  EXPECT_THROW(function_.create(info<Add>(), {}, {&src_}, "sum"), TypeError);
  EXPECT_THROW(function_.create_typed(info<Relu>(), {}, {&src_}, {"a"}, {TensorType{DType::f32, {4, 2}, {}}}),
               TypeError);
  EXPECT_TRUE(function_.nodes().empty());
}

TEST_F(GraphTest, CreatesWithTheLayoutGiven) {
  const TensorType blocked{DType::f32, {2, 4}, {LayoutKind::nchwc, 8}};
  Node& node = function_.create_typed(info<Relu>(), {}, {&src_}, {"a"}, {blocked});
  EXPECT_EQ(node.result().type, blocked);
  EXPECT_EQ(node.result().producer, &node);
}

TEST_F(GraphTest, ListsEachUserOnce) {
  Node& a = relu(src_, "a");
  Node& twice = function_.create(info<Add>(), {}, {&a.result(), &a.result()}, "twice");
  Node& b = relu(a.result(), "b");
  EXPECT_THAT(function_.users(a.result()), ElementsAre(&twice, &b));
  EXPECT_TRUE(function_.users(b.result()).empty());
}

TEST_F(GraphTest, ReplacesOperandsAndOutputs) {
  Node& a = relu(src_, "a");
  Node& sum = function_.create(info<Add>(), {}, {&a.result(), &a.result()}, "sum");
  function_.outputs = {{"a", &a.result()}, {"sum", &sum.result()}};
  function_.replace_all_uses(a.result(), src_);
  EXPECT_THAT(sum.operands(), ElementsAre(&src_, &src_));
  EXPECT_EQ(function_.outputs[0].value, &src_);
  function_.erase(a);
  EXPECT_THAT(results_of(function_), ElementsAre("sum"));
}

TEST_F(GraphTest, SweepsChainsAndKeepsEffects) {
  Node& dead = relu(src_, "dead");
  relu(dead.result(), "deader");
  Node& gradient = relu(src_, "gradient");
  State& w = module_.add_state("w", src_.type, StateRole::parameter);
  State& v = module_.add_state("v", src_.type, StateRole::optimizer);
  Value& rate = function_.add_input("learning_rate", TensorType{DType::f32, {1}, {}});
  function_.create(info<SgdUpdate>(), Attributes::of(SgdUpdate::Attributes{}),
                   {&w.value, &v.value, &gradient.result(), &rate}, "");
  EXPECT_TRUE(function_.sweep());
  EXPECT_THAT(results_of(function_), ElementsAre("gradient"));
  EXPECT_EQ(function_.nodes().size(), 2u);
  EXPECT_FALSE(function_.sweep());
}

TEST_F(GraphTest, SweepsStatesAndRenumbersTheRest) {
  module_.add_state("unused", src_.type, StateRole::constant);
  State& operand = module_.add_state("operand", src_.type, StateRole::parameter);
  State& output = module_.add_state("output", src_.type, StateRole::parameter);
  Node& sum = function_.create(info<Add>(), {}, {&src_, &operand.value}, "sum");
  function_.outputs = {{"sum", &sum.result()}, {"state", &output.value}};
  module_.sweep_states();
  EXPECT_EQ(module_.find_state("unused"), nullptr);
  EXPECT_EQ(operand.value.index, 0);
  EXPECT_EQ(output.value.index, 1);
  EXPECT_EQ(&module_.state_of(output.value), &output);
}

TEST_F(GraphTest, FindsByName) {
  Node& a = relu(src_, "a");
  EXPECT_EQ(function_.find_value("a"), &a.result());
  EXPECT_EQ(function_.find_value("src"), &src_);
  EXPECT_EQ(function_.find_value("b"), nullptr);
  EXPECT_EQ(module_.find_function("predict"), &function_);
  EXPECT_EQ(module_.find_function("evaluate"), nullptr);
}

TEST(OpTable, HasEveryOpUnderItsNameAndCode) {
  EXPECT_GT(all_ops().size(), 30u);
  for (const OpInfo& op : all_ops()) {
    EXPECT_EQ(find_op(op.name), &op);
    EXPECT_EQ(&info_of(op.code), &op);
    EXPECT_NE(op.infer, nullptr) << op.name;
    EXPECT_NE(op.evaluate, nullptr) << op.name;
  }
  EXPECT_EQ(find_op("conv"), nullptr);
}

} // namespace
} // namespace kiln::ir
