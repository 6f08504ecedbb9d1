// The verifier: every graph invariant broken once, and what it says then.
#include "ir/verify.h"

#include "ir/all_ops.h"
#include "ir/text.h"

#include <functional>
#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

constexpr std::string_view kText = R"(
state @w : f32[4,4] {role=parameter}
state @v : f32[4,4] {role=optimizer}
func @train_step(%src: f32[2,4], %learning_rate: f32[1]) {
  %a = dense(%src, @w) kernel=direct
  %b = relu(%a) kernel=any
  %gradient = dense_backward_weights(%src, %b) kernel=direct
  sgd_update(@w, @v, %gradient, %learning_rate) kernel=any
  return b=%b
})";

const Target kTarget = target_for(IsaLevel::v4);

Node& node(Module& module, size_t i) {
  auto found = module.functions()[0]->nodes().begin();
  std::advance(found, i);
  return **found;
}

std::string problem_of(const std::function<void(Module&)>& damage, const Target* strict = nullptr) {
  const auto module = parse(kText);
  damage(*module);
  return verify(*module, strict).value_or("sound");
}

TEST(Verify, AcceptsASoundModule) {
  EXPECT_EQ(problem_of([](Module&) {}), "sound");
  EXPECT_EQ(problem_of([](Module&) {}, &kTarget), "sound");
}

TEST(Verify, RefusesUsesBeforeDefinitions) {
  EXPECT_EQ(problem_of([](Module& m) {
              auto& nodes = m.functions()[0]->nodes();
              std::swap(*nodes.begin(), *std::next(nodes.begin()));
            }),
            "@train_step: relu reads a value before it is defined");
}

TEST(Verify, RefusesValuesOfAnotherFunction) {
  EXPECT_EQ(problem_of([](Module& m) {
              Function& other = m.add_function("other");
              Value& input = other.add_input("x", TensorType{DType::f32, {2, 4}, {}});
              node(m, 1).set_operand(0, input);
            }),
            "@train_step: relu reads a value before it is defined");
  EXPECT_EQ(problem_of([](Module& m) {
              Function& other = m.add_function("other");
              other.outputs = {{"b", m.functions()[0]->outputs[0].value}};
            }),
            "@other: output b is a value that does not exist");
}

TEST(Verify, RefusesStatesOfAnotherModule) {
  const auto other = parse("state @w : f32[4,4]");
  EXPECT_EQ(problem_of([&](Module& m) { node(m, 0).set_operand(1, other->states()[0]->value); }),
            "@train_step: dense reads a value before it is defined");
}

TEST(Verify, RefusesTypesThatDoNotFollow) {
  EXPECT_EQ(problem_of([](Module& m) {
              node(m, 1).result().type.dims = {4, 2};
            }),
            "@train_step: %b is f32[4,2], its operands give f32[2,4]");
  EXPECT_EQ(problem_of([](Module& m) { node(m, 1).set_operand(0, m.states()[0]->value); }),
            "@train_step: %b is f32[2,4], its operands give f32[4,4]");
  EXPECT_EQ(problem_of([](Module& m) { node(m, 0).set_operand(0, *m.functions()[0]->inputs()[1]); }),
            "@train_step: %a = dense(%learning_rate, @w) {epilogue=[]} kernel=direct : f32[2,4]: dense: src: expected "
            "rank 2, got f32[1]");
}

TEST(Verify, RefusesNamesTwice) {
  EXPECT_EQ(problem_of([](Module& m) { node(m, 1).result().name = "a"; }), "@train_step: two values are named %a");
  EXPECT_EQ(problem_of([](Module& m) { node(m, 1).result().name = "src"; }), "@train_step: two values are named %src");
  EXPECT_EQ(problem_of([](Module& m) { m.states()[1]->value.name = "w"; }), "two states are named @w");
  EXPECT_EQ(problem_of([](Module& m) {
              auto& outputs = m.functions()[0]->outputs;
              outputs.push_back(outputs[0]);
            }),
            "@train_step: two outputs are named b");
}

TEST(Verify, RefusesWrongNumbersAndData) {
  EXPECT_EQ(problem_of([](Module& m) { m.states()[1]->value.index = 0; }), "@v is not numbered as the state it is");
  EXPECT_EQ(problem_of([](Module& m) { m.states()[0]->data = {1, 2}; }), "@w has 16 elements but 2 values");
}

TEST(Verify, RefusesReadsBehindAnUpdate) {
  const auto add = [](Module& m, const OpInfo& op, Attributes attributes, Value& operand) -> Value& {
    return m.functions()[0]->create(op, std::move(attributes), {&operand}, "late").result();
  };
  EXPECT_EQ(problem_of([&](Module& m) { add(m, info<Relu>(), {}, m.states()[0]->value); }),
            "@train_step: relu reads @w after its update");
  EXPECT_EQ(problem_of([](Module& m) {
              m.functions()[0]->outputs.push_back({"w", &m.states()[0]->value});
            }),
            "@train_step: output w reads @w after its update");
  // The alias is made before the update, and read after it.
  EXPECT_EQ(problem_of([&](Module& m) {
              Value& alias = m.functions()[0]
                                 ->create(info<Reshape>(), Attributes::of(Reshape::Attributes{{16}}),
                                          {&m.states()[0]->value}, "alias", &node(m, 0))
                                 .result();
              add(m, info<Relu>(), {}, alias);
            }),
            "@train_step: relu reads @w after its update");
}

TEST(Verify, WantsAKernelAndItsLayoutsWhenStrict) {
  EXPECT_EQ(problem_of([](Module& m) { node(m, 1).kernel = Kernel::unset; }), "sound");
  EXPECT_EQ(problem_of([](Module& m) { node(m, 1).kernel = Kernel::unset; }, &kTarget),
            "@train_step: %b = relu(%a) : f32[2,4] has no kernel");
  EXPECT_EQ(problem_of([](Module& m) { node(m, 1).kernel = Kernel::blocked; }, &kTarget),
            "@train_step: %b = relu(%a) kernel=blocked : f32[2,4]: relu has no kernel 'blocked'");
  EXPECT_EQ(problem_of([](Module& m) { node(m, 1).result().type.layout = {LayoutKind::nchwc, 16}; }), "sound");
  EXPECT_EQ(problem_of(
                [](Module& m) {
                  node(m, 1).result().type.layout = {LayoutKind::nchwc, 16};
                },
                &kTarget),
            "@train_step: relu wants b as plain, it is nchw16c");
  EXPECT_EQ(problem_of(
                [](Module& m) {
                  m.states()[0]->value.type.layout = {LayoutKind::oihw_io, 16};
                },
                &kTarget),
            "@train_step: dense wants w as plain, it is OIhw16i16o");
}

} // namespace
} // namespace kiln::ir
