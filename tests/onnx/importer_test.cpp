// ONNX models made here: what the importer builds of them, and what it says of those that are wrong.
#include "frontend/onnx/importer.h"
#include "frontend/onnx/read_model.h"
#include "ir/text.h"
#include "runtime/counter_random.h"
#include "tests/onnx/model_text.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace kiln::frontend::onnx {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

using test::floats;
using test::ints;
using test::model_of;
using test::node;
using test::one_int;
using test::sized;
using test::value;

// What is told about a model that cannot be imported.
struct Refusal {
  std::string text;
  int exit_code = 0;
};

Refusal refusal_of(const proto::ModelProto& model, const ImportOptions& options = {}) {
  Diagnostics diagnostics;
  const ImportedModel imported = import_model(model, "m.onnx", options, diagnostics);
  EXPECT_EQ(imported.module, nullptr);
  EXPECT_TRUE(diagnostics.has_errors());
  return {diagnostics.text(), diagnostics.exit_code()};
}

Refusal refusal_of(const std::string& graph) { return refusal_of(model_of(graph)); }

const std::string kRelu = sized("input", "x", {2, 3}) + node("Relu", {"x"}, {"y"}) + sized("output", "y", {2, 3});

std::string import_text(const proto::ModelProto& model, const ImportOptions& options = {}) {
  Diagnostics diagnostics;
  const ImportedModel imported = import_model(model, "m.onnx", options, diagnostics);
  EXPECT_EQ(diagnostics.text(), "");
  return imported.module ? ir::print(*imported.module) : "";
}

TEST(OnnxImporter, BuildsPredictWithParametersAndStatistics) {
  const std::string graph =
      "name: 'small net'\n" + sized("input", "image:0", {1, 2, 4, 4}) + floats("w", {3, 2, 3, 3}) + floats("b", {3}) +
      floats("scale", {3}) + floats("shift", {3}) + floats("mean", {3}) + floats("var", {3}) +
      node("Conv", {"image:0", "w", "b"}, {"c"}, "name: 'conv 1' " + ints("pads", {1, 1, 1, 1})) +
      node("BatchNormalization", {"c", "scale", "shift", "mean", "var"}, {"n"}) + node("Relu", {"n"}, {"r"}) +
      node("MaxPool", {"r"}, {"p"}, ints("kernel_shape", {2, 2}) + ints("strides", {2, 2})) +
      // The tail by which exporters flatten: shape of p, its first dim, and -1 behind it.
      node("Shape", {"p"}, {"s"}) +
      "initializer { name: 'zero' data_type: 7 int64_data: 0 }\n"
      "initializer { name: 'axis' data_type: 7 dims: 1 int64_data: 0 }\n"
      "initializer { name: 'rest' data_type: 7 dims: 1 int64_data: -1 }\n" +
      node("Gather", {"s", "zero"}, {"batch"}) + node("Unsqueeze", {"batch", "axis"}, {"batch1"}) +
      node("Concat", {"batch1", "rest"}, {"shape"}, one_int("axis", 0)) + node("Reshape", {"p", "shape"}, {"flat"}) +
      sized("output", "flat", {1, 12});
  const std::string text = import_text(model_of(graph));
  EXPECT_THAT(text, HasSubstr("module \"small_net\""));
  EXPECT_THAT(text, HasSubstr("func @predict(%image_0: f32[1,2,4,4])"));
  EXPECT_THAT(text, HasSubstr("state @w : f32[3,2,3,3] {role=parameter"));
  EXPECT_THAT(text, HasSubstr("state @mean : f32[3] {role=statistic"));
  EXPECT_THAT(text, HasSubstr("data=[0,1,2]"));
  EXPECT_THAT(text, HasSubstr("%c = bias(%conv_1.conv2d, @b)"));
  EXPECT_THAT(text, HasSubstr("layer=\"conv_1\""));
  EXPECT_THAT(text, HasSubstr("%flat = reshape(%p) {dims=[1,12]}"));
  EXPECT_THAT(text, HasSubstr("return flat=%flat"));
  EXPECT_THAT(text, Not(HasSubstr("zero")));
}

TEST(OnnxImporter, KeepsNamesAndShapesOfPorts) {
  Diagnostics diagnostics;
  const auto model =
      model_of(sized("input", "in:0", {}) + node("Relu", {"in:0"}, {"out:0"}) + sized("output", "out:0", {}));
  const ImportedModel imported = import_model(model, "m.onnx", {}, diagnostics);
  ASSERT_NE(imported.module, nullptr) << diagnostics.text();
  ASSERT_EQ(imported.inputs.size(), 1u);
  EXPECT_EQ(imported.inputs[0].name, "in:0");
  EXPECT_EQ(imported.inputs[0].ir_name, "in_0");
  EXPECT_EQ(imported.inputs[0].dims, ir::Dims{});
  EXPECT_EQ(imported.outputs[0].dims, ir::Dims{});
  EXPECT_EQ(imported.module->find_function("predict")->inputs()[0]->type.dims, ir::Dims{1});
}

TEST(OnnxImporter, ListsInitializersAmongInputsAsOldFilesDo) {
  const auto model = model_of(sized("input", "x", {2, 3}) + sized("input", "shape", {1}, 7) +
                              "initializer { name: 'shape' data_type: 7 dims: 1 int64_data: 6 }\n" +
                              node("Reshape", {"x", "shape"}, {"y"}) + sized("output", "y", {6}));
  const std::string text = import_text(model);
  EXPECT_THAT(text, HasSubstr("func @predict(%x: f32[2,3])"));
  // A binding replaces the default.
  ImportOptions options;
  options.bindings["shape"] = Constant::of_integers({2}, {1, 6});
  EXPECT_THAT(refusal_of(model, options).text, HasSubstr("its nodes give [1,6]"));
}

TEST(OnnxImporter, TakesSizesOfSymbolicDims) {
  const auto model = model_of(value("input", "x", {"dim_param: 'batch'", "dim_value: 3"}) + node("Relu", {"x"}, {"y"}) +
                              value("output", "y", {"dim_param: 'batch'", "dim_value: 3"}));
  const Refusal refusal = refusal_of(model);
  EXPECT_THAT(refusal.text, HasSubstr("layer \"x\" (input): the size of its dim 0 is left open, as \"batch\""));
  EXPECT_EQ(refusal.exit_code, 8);
  ImportOptions options;
  options.dims["batch"] = 5;
  EXPECT_THAT(import_text(model, options), HasSubstr("%x: f32[5,3]"));
  options.dims["batch"] = -5;
  EXPECT_THAT(refusal_of(model, options).text, HasSubstr("its dim 0 is -5: it must be at least 1"));
}

TEST(OnnxImporter, TellsEverythingUnsupportedAtOnce) {
  const Refusal refusal =
      refusal_of(sized("input", "x", {1, 2, 4, 4}) + node("Relu", {"x"}, {"a"}, "domain: 'com.example'") +
                 node("GRU", {"x"}, {"b"}, "name: 'cell'") + node("Relu", {"b"}, {"c"}) +
                 node("MaxPool", {"x"}, {"d"}, "name: 'pool' " + ints("kernel_shape", {2, 2}) + one_int("colour", 3)) +
                 node("If", {"x"}, {"e"}) + sized("output", "c", {1, 2, 4, 4}) + sized("output", "d", {1, 2, 3, 3}));
  EXPECT_THAT(refusal.text, AllOf(HasSubstr("m.onnx: error: layer \"a\" (Relu): it is an op of \"com.example\""),
                                  HasSubstr("layer \"cell\" (GRU): Kiln cannot import GRU"),
                                  HasSubstr("layer \"pool\" (MaxPool): its attribute colour is not one of MaxPool-12"),
                                  HasSubstr("layer \"e\" (If): Kiln cannot import If")));
  // What follows from a refused node is not told.
  EXPECT_THAT(refusal.text, Not(HasSubstr("\"c\"")));
  EXPECT_EQ(refusal.exit_code, 8);
}

TEST(OnnxImporter, RefusesTensorsOfTooManyDims) {
  const std::vector<int64_t> dims(7, 1);
  const Refusal refusal =
      refusal_of(sized("input", "x", dims) + node("Relu", {"x"}, {"y"}) + sized("output", "y", dims));
  EXPECT_THAT(refusal.text, HasSubstr("layer \"x\" (input): \"x\" has 7 dims, a tensor of Kiln has at most 6"));
  EXPECT_EQ(refusal.exit_code, 8);
}

TEST(OnnxImporter, RefusesGraphsThatAreNone) {
  const std::string x = sized("input", "x", {2, 3});
  const auto y = sized("output", "y", {2, 3});
  const auto refused = [](const std::string& graph, const std::string& words) {
    const Refusal refusal = refusal_of(graph);
    EXPECT_THAT(refusal.text, HasSubstr(words));
    EXPECT_EQ(refusal.exit_code, 3) << refusal.text;
  };
  refused(x + node("Relu", {"w"}, {"y"}) + y, "it reads \"w\", which nothing defines");
  refused(x + node("Concat", {"x", "z"}, {"y"}, one_int("axis", 0)) + node("Relu", {"y"}, {"z"}) + y,
          "it reads \"z\", which a later node (Relu) makes");
  refused(x + node("Relu", {"a"}, {"y"}) + node("Relu", {"x"}, {"a"}) + y,
          "it reads \"a\", which a later node (Relu) makes");
  refused(x + node("Relu", {"y"}, {"y"}) + y, "it reads \"y\", which a later node (Relu) makes");
  refused(x + node("Relu", {"x"}, {"y"}) + node("Tanh", {"x"}, {"y"}) + y, "the name \"y\" is given to two values");
  refused(x + node("Relu", {"x"}, {"x"}) + sized("output", "x", {2, 3}), "the name \"x\" is given to two values");
  refused(x + x + node("Relu", {"x"}, {"y"}) + y, "layer \"x\" (input): its name is given to two values");
  refused(x + floats("w", {2}) + floats("w", {2}) + node("Relu", {"x"}, {"y"}) + y,
          "layer \"w\" (initializer): the name \"w\" is given to two values");
  refused(x + node("Relu", {"x"}, {"y"}) + sized("output", "q", {2, 3}), "layer \"q\" (output): nothing defines it");
  refused(x + node("Relu", {"x"}, {"y"}), "its graph has no output");
  refused(x + node("Relu", {"x"}, {"y"}) + sized("output", "y", {3, 3}),
          "the model states the shape [3,3] (-1: open), its nodes give [2,3]");
  refused(x + node("Relu", {"x", "x"}, {"y"}) + y, "it has 2 inputs, Relu takes 1");
  refused(x + node("Relu", {}, {"y"}) + y, "it has no input 0, Relu needs 1");
  refused(x + node("Relu", {""}, {"y"}) + y, "it has no input 0, Relu needs 1");
  refused(x + node("Concat", {"x"}, {"y"}, ints("axis", {0})) + y, "its attribute axis is INTS, expected INT");
  refused(x + node("Flatten", {"x"}, {"y"}, one_int("axis", 7)) + y, "axis 7 does not exist: the tensor has rank 2");
  refused(sized("input", "x", {2, -3}) + node("Relu", {"x"}, {"y"}) + y, "its dim 1 is -3: it must be at least 1");
  refused(sized("input", "x", {0, 3}) + node("Relu", {"x"}, {"y"}) + y, "its dim 0 is 0: it must be at least 1");
}

TEST(OnnxImporter, RefusesTensorsThatAreNone) {
  const auto refused = [](const std::string& tensor, const std::string& words, int exit_code = 3) {
    const Refusal refusal = refusal_of(kRelu + "initializer { name: 'w' " + tensor + " }");
    EXPECT_THAT(refusal.text, HasSubstr("m.onnx: error: layer \"w\" (initializer): " + words));
    EXPECT_EQ(refusal.exit_code, exit_code) << refusal.text;
  };
  refused("data_type: 1 dims: 2 raw_data: 'abcde'", "its dims ask for 8 bytes of raw_data, there are 5");
  refused("data_type: 7 dims: 3 int64_data: 1", "its dims ask for 3 values, its data has 1");
  refused("data_type: 1 dims: 2", "its dims ask for 2 values, its data has 0");
  refused("data_type: 1 dims: -2 float_data: 1", "its dims [-2] are not all at least 0");
  refused("dims: 1 float_data: 1", "it states no element type");
  refused("data_type: 99 dims: 1 float_data: 1", "its element type, 99, is not known", 8);
  refused("data_type: 8 dims: 1 string_data: 'a'", "it holds string values, not numbers", 8);
  refused("data_type: 1 dims: 1 data_location: EXTERNAL", "its data stand in another file", 8);
  refused("data_type: 1 dims: 4294967296 dims: 4294967296", "its dims [4294967296,4294967296] are beyond all use", 8);
  refused("data_type: 1 dims: 9223372036854775807 dims: 2", "its dims [9223372036854775807,2] are beyond all use", 8);
  refused("data_type: 1 dims: 1 float_data: 1 segment { begin: 0 end: 1 }", "its data are one segment of several", 8);
  refused("data_type: 13 dims: 1 uint64_data: 18446744073709551615", "18446744073709551615 is beyond", 8);
}

TEST(OnnxImporter, ReadsEveryElementType) {
  const auto read = [](const std::string& tensor) {
    proto::TensorProto message;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(tensor, &message));
    return read_constant(message).numbers();
  };
  using Numbers = std::vector<double>;
  EXPECT_EQ(read("data_type: 1 dims: 2 raw_data: '\\000\\000\\200?\\000\\000\\000\\300'"), (Numbers{1, -2}));
  EXPECT_EQ(read("data_type: 11 dims: 1 double_data: 0.1"), (Numbers{0.1}));
  // Halves: 1, -2, the smallest subnormal, infinity.
  EXPECT_EQ(read("data_type: 10 dims: 4 int32_data: 0x3c00 int32_data: 0xc000 int32_data: 1 int32_data: 0x7c00"),
            (Numbers{1, -2, 0x1p-24, INFINITY}));
  EXPECT_EQ(read("data_type: 16 dims: 2 int32_data: 0x3f80 int32_data: 0xc000"), (Numbers{1, -2}));
  EXPECT_EQ(read("data_type: 2 dims: 2 raw_data: '\\377\\001'"), (Numbers{255, 1}));
  EXPECT_EQ(read("data_type: 3 dims: 2 raw_data: '\\377\\001'"), (Numbers{-1, 1}));
  EXPECT_EQ(read("data_type: 9 dims: 2 raw_data: '\\000\\001'"), (Numbers{0, 1}));
  EXPECT_EQ(read("data_type: 5 dims: 1 int32_data: -300"), (Numbers{-300}));
  EXPECT_EQ(read("data_type: 4 dims: 1 raw_data: '\\377\\377'"), (Numbers{65535}));
  EXPECT_EQ(read("data_type: 6 int32_data: -7"), (Numbers{-7}));
  EXPECT_EQ(read("data_type: 12 dims: 1 uint64_data: 4294967295"), (Numbers{4294967295.0}));
  EXPECT_EQ(read("data_type: 7 dims: 0"), (Numbers{}));
}

TEST(OnnxImporter, KnowsVersionsOfOps) {
  const auto graph = sized("input", "x", {2, 3, 4}) + node("Softmax", {"x"}, {"y"}, one_int("axis", 1)) +
                     sized("output", "y", {2, 3, 4});
  // All behind the axis is one distribution, until 13.
  EXPECT_THAT(import_text(model_of(graph, 12)), HasSubstr("f32[2,12]"));
  EXPECT_THAT(refusal_of(model_of(kRelu, 1000)).text, HasSubstr("uses opset 1000; the newest that Kiln knows is"));
  EXPECT_THAT(refusal_of(model_of(kRelu, 0)).text, HasSubstr("states no version of ONNX's own ops"));
  const auto swish = sized("input", "x", {2}) + node("HardSwish", {"x"}, {"y"}) + sized("output", "y", {2});
  const Refusal refusal = refusal_of(model_of(swish, 13));
  EXPECT_THAT(refusal.text, HasSubstr("opset 13 is older than HardSwish-14"));
  EXPECT_EQ(refusal.exit_code, 8);
}

TEST(OnnxImporter, AsksForWhatDecidesShapes) {
  const auto model = model_of(sized("input", "x", {2, 3}) + sized("input", "s", {1}, 7) +
                              node("Reshape", {"x", "s"}, {"y"}) + value("output", "y", {"dim_param: 'n'"}));
  const Refusal refusal = refusal_of(model);
  EXPECT_THAT(refusal.text,
              HasSubstr("layer \"y\" (Reshape): its shape, \"s\", is not known when the model is compiled"));
  EXPECT_THAT(refusal.text, HasSubstr("hint: make it an initialiser, or bind the input to a value"));
  ImportOptions options;
  options.bindings["s"] = Constant::of_integers({1}, {6});
  EXPECT_THAT(import_text(model, options), HasSubstr("f32[6]"));
  options.bindings["t"] = Constant::of_integers({1}, {6});
  const Refusal unknown = refusal_of(model, options);
  EXPECT_THAT(unknown.text, HasSubstr("it has no input \"t\" to bind"));
  EXPECT_EQ(unknown.exit_code, 2);
}

TEST(OnnxReadModel, RefusesFilesThatAreNoModel) {
  Diagnostics diagnostics;
  EXPECT_FALSE(read_model("/nowhere/m.onnx", diagnostics));
  EXPECT_THAT(diagnostics.text(), HasSubstr("/nowhere/m.onnx: error: cannot be read: No such file"));
  EXPECT_EQ(diagnostics.exit_code(), 4);
  const auto refused = [](const std::string& bytes, const std::string& words) {
    Diagnostics told;
    EXPECT_FALSE(parse_model(bytes, "m.onnx", told));
    EXPECT_THAT(told.text(), HasSubstr(words));
    EXPECT_EQ(told.exit_code(), 3);
  };
  refused("", "is empty: no ONNX model");
  refused("layer { name: 'x' }", "holds no ONNX model: it is damaged or cut short");
  refused("\x08\x03", "holds no graph");
}

// Cut anywhere, and with any byte changed: told in words or imported, never a crash.
TEST(OnnxReadModel, SurvivesDamage) {
  const std::string bytes = model_of(sized("input", "x", {1, 2, 4, 4}) + floats("w", {3, 2, 3, 3}) + floats("b", {3}) +
                                     node("Conv", {"x", "w", "b"}, {"c"}, ints("pads", {1, 1, 1, 1})) +
                                     node("MaxPool", {"c"}, {"p"}, ints("kernel_shape", {2, 2})) +
                                     node("Flatten", {"p"}, {"y"}, one_int("axis", 1)) + sized("output", "y", {1, 27}))
                                .SerializeAsString();
  int imported = 0;
  const auto survive = [&](const std::string& damaged) {
    Diagnostics diagnostics;
    const auto model = parse_model(damaged, "m.onnx", diagnostics);
    const bool made = model && import_model(*model, "m.onnx", {}, diagnostics).module != nullptr;
    EXPECT_NE(made, diagnostics.has_errors()) << diagnostics.text();
    imported += made;
  };
  survive(bytes);
  EXPECT_EQ(imported, 1);
  for (size_t length = 0; length < bytes.size(); ++length) survive(bytes.substr(0, length));
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(random::draw(7, at));
    survive(damaged);
  }
  EXPECT_GT(imported, 10); // of changes in the weights, say
}

} // namespace
} // namespace kiln::frontend::onnx
