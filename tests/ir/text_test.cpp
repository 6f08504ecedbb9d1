// The text form: every function of the shape lists and golden files survives printing and parsing, and mistakes are
// reported where they stand.
#include "ir/text.h"

#include "ir/op.h"
#include "ir/verify.h"
#include "tests/support/ir_files.h"

#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

void expect_round_trip(const std::string& text) {
  const auto module = parse(text);
  const std::string printed = print(*module);
  const auto again = parse(printed);
  EXPECT_EQ(print(*again), printed);
  EXPECT_EQ(verify(*again), verify(*module));
  for (const auto& function : module->functions()) {
    const Function& copy = *again->find_function(function->name());
    EXPECT_EQ(copy.nodes().size(), function->nodes().size());
    EXPECT_EQ(copy.inputs().size(), function->inputs().size());
    EXPECT_EQ(copy.outputs.size(), function->outputs.size());
  }
}

TEST(Text, EveryShapeRoundTrips) {
  for (const auto& path : test::ir_files(KILN_SOURCE_DIR "/tests/shapes")) {
    SCOPED_TRACE(path.string());
    expect_round_trip(test::read_text(path));
  }
}

TEST(Text, EveryGoldenFileRoundTrips) {
  for (const auto& path : test::ir_files(KILN_SOURCE_DIR "/tests/golden")) {
    SCOPED_TRACE(path.string());
    const test::GoldenFile golden(path);
    expect_round_trip(golden.input);
    expect_round_trip(golden.expected);
    if (!golden.plan) {
      EXPECT_EQ(print(*parse(golden.expected)), golden.expected);
    }
  }
}

TEST(Text, EveryOpPrintsEveryAttributeAndReadsItBack) {
  for (const OpInfo& op : all_ops()) {
    const std::string text = to_string(op.make_attributes());
    if (text.empty()) continue;
    // An op that is known refuses its operands, not its attributes.
    const std::string function = "func @f() {\n  %x = " + std::string(op.name) + "() " + text + "\n  return x=%x\n}\n";
    try {
      parse(function);
    } catch (const ParseError& error) {
      EXPECT_NE(std::string(error.what()).find(std::string(op.name) + ": "), std::string::npos)
          << op.name << ": " << error.what();
    }
  }
}

TEST(Text, KeepsEverythingAModuleSays) {
  const std::string text = R"(module "net" {
  optimizer sgd {momentum=0.9, nesterov=false, weight_decay=0.0005}
  state @conv1.weight : f32[4,1,3,3]{OIhw16i16o} {role=parameter, init=uniform(-0.5,0.5), stream=0x00000000000004d2}
  state @bn.mean : f32[4] {role=statistic, init=normal(0.25,1e-07), lr=2, decay=0, frozen=true}
  state @v : f32[4] {role=optimizer, init=constant(0)}
  state @table : f32[3] {role=constant, data=[0.1,-inf,1e+300]}
  func @predict.1(%image: u8[1,8,8,1], %label: i32[1]) {
    %x-y/z = preprocess(%image) {scale=[0.1], shift=[-1], pad=[0,1,2,3], pad_value=[0.5]} kernel=plain layer="in" : f32[1,1,10,12]
    %fc.1 = convert_layout(%x-y/z) {to=nchwc, block=16} kernel=any : f32[1,1,10,12]{nchw16c}
    %drop = dropout(%fc.1) {drop=0.5, stream=0xffffffffffffffff, whole_channels=false} kernel=any : f32[1,1,10,12]{nchw16c}
    return gradient:conv1.weight=%drop, image=%image, table=@table
  }
}
)";
  EXPECT_EQ(print(*parse(text)), text);
}

TEST(Text, StatesNumbersThatComeBackEqual) {
  const auto module = parse("state @s : f32[5] {role=constant, data=[0.1,1e-310,-0,123456789.123456789,5e-324]}");
  const auto again = parse(print(*module));
  EXPECT_EQ(again->states()[0]->data, module->states()[0]->data);
  EXPECT_TRUE(std::signbit(again->states()[0]->data[2]));
}

TEST(Text, LeavesLongDataOut) {
  const auto module = parse("state @s : f32[65]");
  module->states()[0]->data.assign(65, 1);
  const std::string text = print(*module);
  EXPECT_NE(text.find("data=omitted"), std::string::npos);
  EXPECT_TRUE(parse(text)->states()[0]->data.empty());
}

TEST(Text, InfersWhatIsLeftOut) {
  const auto module = parse("func @f(%x: f32[2,3,9,9]) { %y = max_pool(%x) {kernel=[3,3]} return y=%y }");
  EXPECT_EQ(to_string(module->functions()[0]->outputs[0].value->type), "f32[2,3,4,4]");
}

struct Mistake {
  const char* text;
  const char* message;
};

class TextMistake : public testing::TestWithParam<Mistake> {};

TEST_P(TextMistake, IsReportedWhereItStands) {
  try {
    parse(GetParam().text);
    FAIL() << "accepted: " << GetParam().text;
  } catch (const ParseError& error) {
    EXPECT_STREQ(error.what(), GetParam().message) << GetParam().text;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, TextMistake,
    testing::Values(
        Mistake{"module net {}", "1:8: expected '\"', found 'n'"},
        Mistake{"module \"net {}", "1:9: the string is not closed"},
        Mistake{"module \"net\" {", "1:15: expected '}', found the end of the text"},
        Mistake{"module \"net\" {} more", "1:17: expected a state or a func"},
        Mistake{"state w : f32[1]", "1:7: expected '@', found 'w'"},
        Mistake{"state @w : f32[1]\nstate @w : f32[1]", "2:8: @w is declared twice"},
        Mistake{"state @w : f33[1]", "1:12: unknown element type 'f33'; there are f32, u8, i32"},
        Mistake{"state @w : f32[1,0]", "1:12: a dimension is 0; it must be positive"},
        Mistake{"state @w : f32[1,x]", "1:18: expected a dimension, found 'x'"},
        Mistake{"state @w : f32[4]{nchw}", "1:19: unknown layout"},
        Mistake{"state @w : f32[4] {role=weight}", "1:25: unknown role 'weight'"},
        Mistake{"state @w : f32[4] {rank=1}", "1:20: a state has no field 'rank'"},
        Mistake{"state @w : f32[4] {init=ones(1)}", "1:25: unknown initialiser 'ones'"},
        Mistake{"state @w : f32[4] {frozen=maybe}", "1:27: expected true or false"},
        Mistake{"state @w : f32[2] {data=[1,2,3]}", "1:20: @w has 2 elements, got 3 values"},
        Mistake{"optimizer adams {}", "1:11: 'adams' is no optimiser"},
        Mistake{"optimizer sgd {dampening=1}", "1:16: sgd has no field 'dampening'"},
        Mistake{"func @f(%x: f32[1]) {\n  %y = relux(%x)\n  return y=%y }", "2:8: no op 'relux'"},
        Mistake{"func @f(%x: f32[1]) {\n  %y = relu(%z)\n  return y=%y }", "2:13: %z is not defined before its use"},
        Mistake{"func @f(%x: f32[1]) {\n  %y = relu(@z)\n  return y=%y }", "2:13: no state @z"},
        Mistake{"func @f(%x: f32[1]) {\n  %x = relu(%x)\n  return y=%x }", "2:4: %x is defined twice"},
        Mistake{"func @f(%x: f32[1], %x: f32[1]) {\n  return }", "1:22: %x is defined twice"},
        Mistake{"func @f() {\n  return }\nfunc @f() {\n  return }", "3:7: func @f is declared twice"},
        Mistake{"func @f(%x: f32[1]) {\n  %y = relu(%x) {slope=1}\n  return y=%y }",
                "2:18: relu has no attribute 'slope'"},
        Mistake{"func @f(%x: f32[1]) {\n  %y = leaky_relu(%x) {slope=steep}\n  return y=%y }",
                "2:30: expected a number, found 's'"},
        Mistake{"func @f(%x: f32[1,1,4,4]) {\n  %y = max_pool(%x) {kernel=[2]}\n  return y=%y }",
                "2:32: kernel has 2 values, got 1"},
        Mistake{"func @f(%x: f32[1,1,4,4]) {\n  %y = max_pool(%x) {rounding=up}\n  return y=%y }",
                "2:33: 'up' is none of floor, ceil"},
        Mistake{"func @f(%x: f32[1]) {\n  %y = relu(%x) kernel=fast\n  return y=%y }", "2:24: unknown kernel"},
        Mistake{"func @f(%x: f32[1]) {\n  %y = relu(%x) : f32[2]\n  return y=%y }",
                "2:8: relu gives f32[1], got f32[2]"},
        Mistake{"func @f(%x: f32[1]) {\n  %y = relu(%x, %x)\n  return y=%y }",
                "2:8: relu: expected 1 operand (src), got 2"},
        Mistake{"func @f(%x: f32[1]) {\n  %y, %z = relu(%x)\n  return y=%y }", "2:12: relu has 1 results, 2 are named"},
        Mistake{"func @f(%x: f32[1]) {\n  # a comment with 'return'\n  %y = relu(%x)\n",
                "4:1: expected an op, found the end of the text"},
        Mistake{"func @f(%x: f32[1]) {\n  %y = relu(%x)\n  return y=%y, y=%y }", "3:16: output y is declared twice"},
        Mistake{"state @w : f32[99999999999999999999]", "1:16: expected a dimension, found '9'"},
        Mistake{"func @f(%x: f32[1,4611686018427387904,4,4]) {\n  return }",
                "1:13: the tensor has 2^40 elements or more"},
        Mistake{"state @w : f32[4000000000,4000000000]", "1:12: the tensor has 2^40 elements or more"}));

} // namespace
} // namespace kiln::ir
