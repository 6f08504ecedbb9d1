// Layers that combine, cut, pad, turn and reduce tensors: what they become in the IR, and which sizes go together.
#include "frontend/importer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontend/check_experiment.h"
#include "frontend/read_experiment.h"
#include "frontend/resolve.h"
#include "ir/op.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace kiln::frontend {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Layers for images of 4 x 8 x 6, named "image", and a loss behind them.
class TensorLayers : public testing::Test {
protected:
  void import(const std::string& layers) {
    Diagnostics diagnostics;
    auto read = parse_experiment("network { " + layers +
                                     " layer { dense { units: 3 } } layer { softmax_cross_entropy {} } } "
                                     "data { image { channels: 4 height: 8 width: 6 } } "
                                     "training { batch: 2 epochs: 1 sgd { momentum: 0.9 } }",
                                 "test", diagnostics);
    ASSERT_TRUE(read) << diagnostics.text();
    LoadedExperiment loaded{read->message, read->positions, {}};
    resolve(loaded.experiment, "test");
    check_experiment(loaded.experiment, loaded.positions, diagnostics);
    loaded.data = probe_data(loaded.experiment, loaded.positions, diagnostics);
    module_ = import_network(loaded, {2, 2, {1}}, diagnostics);
    said_ = diagnostics.text();
    if (!module_) return;
    EXPECT_EQ(ir::verify(*module_).value_or("sound"), "sound");
    text_ = ir::print(*module_->find_function("predict"));
  }
  ir::Dims dims(const std::string& value) const {
    return module_->find_function("predict")->find_value(value)->type.dims;
  }

  std::unique_ptr<ir::Module> module_;
  std::string said_, text_;
};

TEST_F(TensorLayers, AddChainsMoreThanTwoInputs) {
  import("layer { name: \"a\" relu {} } layer { name: \"b\" tanh {} } layer { name: \"c\" sigmoid {} }"
         "layer { add {} input: [\"a\", \"b\", \"c\"] }");
  ASSERT_TRUE(module_) << said_;
  EXPECT_THAT(text_, HasSubstr("%add1.of2 = add(%a, %b)"));
  EXPECT_THAT(text_, HasSubstr("%add1 = add(%add1.of2, %c)"));
}

TEST_F(TensorLayers, ARowBesideImagesIsAValueAChannel) {
  import("layer { name: \"pool\" reduce_mean {} } layer { name: \"gate\" dense { units: 4 } }"
         "layer { multiply {} input: [\"image\", \"gate\"] }");
  ASSERT_TRUE(module_) << said_;
  EXPECT_THAT(dims("pool"), ElementsAre(1, 4, 1, 1));
  EXPECT_THAT(dims("multiply1.input2"), ElementsAre(1, 4, 1, 1));
  EXPECT_THAT(dims("multiply1"), ElementsAre(1, 4, 8, 6));
}

TEST_F(TensorLayers, SliceCutsIntoNamedParts) {
  import("layer { name: \"cut\" slice { axis: 2 at: [3, 5] } }"
         "layer { concat { axis: 2 } input: [\"cut.3\", \"cut.1\", \"cut.2\"] }");
  ASSERT_TRUE(module_) << said_;
  EXPECT_EQ(said_, "");
  EXPECT_THAT(dims("cut.1"), ElementsAre(1, 4, 3, 6));
  EXPECT_THAT(dims("cut.2"), ElementsAre(1, 4, 2, 6));
  EXPECT_THAT(dims("cut.3"), ElementsAre(1, 4, 3, 6));
  EXPECT_THAT(dims("concat1"), ElementsAre(1, 4, 8, 6));
}

TEST_F(TensorLayers, SliceTakesWhatIsLeft) {
  import("layer { name: \"odd\" slice { axis: 3 begin: 1 step: 2 } }"
         "layer { name: \"back\" slice { axis: 2 begin: 6 step: -3 } }");
  ASSERT_TRUE(module_) << said_;
  EXPECT_THAT(dims("odd"), ElementsAre(1, 4, 8, 3));
  EXPECT_THAT(dims("back"), ElementsAre(1, 4, 3, 3));
  EXPECT_THAT(text_, HasSubstr("slice(%odd) {axis=2, begin=6, count=3, step=-3}"));
}

TEST_F(TensorLayers, PadAndCrop) {
  import("layer { name: \"wide\" pad { padding: [1, 2, 0, -1] channels: [0, 3] mode: EDGE } }"
         "layer { name: \"window\" crop { size: 5 offset: [0, 2] } }"
         "layer { name: \"middle\" crop {} input: [\"image\", \"window\"] }");
  ASSERT_TRUE(module_) << said_;
  EXPECT_THAT(dims("wide"), ElementsAre(1, 7, 9, 7));
  EXPECT_THAT(text_, HasSubstr("{before=[0,0,1,2], after=[0,3,0,-1], mode=edge, value=0}"));
  EXPECT_THAT(dims("window"), ElementsAre(1, 7, 5, 5));
  EXPECT_THAT(text_, HasSubstr("{before=[0,0,0,-2], after=[0,0,-4,0], mode=constant, value=0}"));
  EXPECT_THAT(dims("middle"), ElementsAre(1, 4, 5, 5));
  EXPECT_THAT(text_, HasSubstr("{before=[0,0,-1,0], after=[0,0,-2,-1], mode=constant, value=0}"));
}

TEST_F(TensorLayers, TransposeReshapeAndReduce) {
  import("layer { name: \"last\" transpose { order: [2, 3, 1] } }"
         "layer { name: \"flat\" reshape { dims: [0, -1, 1] } }"
         "layer { name: \"sum\" reduce_sum { axis: [1, 2] } }"
         "layer { name: \"row\" flatten {} input: \"image\" } layer { name: \"mean\" reduce_mean {} }");
  ASSERT_TRUE(module_) << said_;
  EXPECT_THAT(dims("last"), ElementsAre(1, 8, 6, 4));
  EXPECT_THAT(dims("flat"), ElementsAre(1, 8, 24, 1));
  EXPECT_THAT(dims("sum"), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(dims("mean"), ElementsAre(1, 1));
}

TEST_F(TensorLayers, ScaleLearnsAFactorAndAShiftThatDoNotDecay) {
  import("layer { scale { start: 0.5 } } layer { scale { bias: false } }");
  ASSERT_TRUE(module_) << said_;
  const ir::State* factor = module_->find_state("scale1.scale");
  ASSERT_NE(factor, nullptr);
  EXPECT_THAT(factor->value.type.dims, ElementsAre(4));
  EXPECT_EQ(factor->initializer, (ir::Initializer{ir::InitializerKind::constant, 0.5, 0}));
  EXPECT_EQ(factor->decay_multiplier, 0);
  ASSERT_NE(module_->find_state("scale1.bias"), nullptr);
  EXPECT_EQ(module_->find_state("scale2.bias"), nullptr);
  EXPECT_THAT(text_, HasSubstr("%scale1 = bias(%scale1.scale, @scale1.bias)"));
  EXPECT_THAT(text_, HasSubstr("%scale2 = scale(%scale1, @scale2.scale)"));
}

TEST_F(TensorLayers, SoftmaxOfImagesIsThatOfTheirPixels) {
  import("layer { softmax {} } layer { log_softmax {} }");
  ASSERT_TRUE(module_) << said_;
  EXPECT_THAT(dims("softmax1"), ElementsAre(1, 4, 8, 6));
  EXPECT_THAT(text_, HasSubstr("softmax(%image.preprocess) {axis=1}"));
}

} // namespace
} // namespace kiln::frontend
