// Nothing forgotten: every op has shapes and a gradient or stands here without one, every pass has golden files.
#include "ir/op.h"
#include "ir/text.h"
#include "tests/support/ir_files.h"

#include <array>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

namespace kiln::ir {
namespace {

using testing::Contains;

const std::filesystem::path kTests = KILN_SOURCE_DIR "/tests";

// Ops that no gradient flows through, by nature: they come in after differentiation, or take or give what has none.
constexpr std::array<std::string_view, 23> kNotDifferentiable = {
    "adadelta_update",           // effects
    "adagrad_update",            //
    "adam_update",               //
    "argmax",                    // chooses
    "average_weights",           // an effect
    "batch_norm_inference",      // made of batch_norm where nothing trains
    "clip_by_norm",              // of gradients
    "constant",                  // no operands
    "convert_layout",            // layouts are assigned after differentiation
    "fold_norm_bias",            // folding is for inference
    "fold_norm_weights",         //
    "fold_scale",                //
    "fold_shift",                //
    "label_weight",              // of labels
    "limit_norm",                // an effect
    "normalize_image",           // images are inputs
    "penalty",                   // its gradient is regularize_gradient's
    "preprocess",                //
    "regularize_gradient",       // of gradients
    "rmsprop_update",            // effects
    "sgd_update",                //
    "top_k",                     // counts
    "update_running_statistics", // an effect
};

bool is_backward(std::string_view name) { return name.find("_backward") != std::string_view::npos; }

std::string forward_of(std::string_view name) { return std::string(name.substr(0, name.find("_backward"))); }

std::set<std::string> ops_in_shapes() {
  std::set<std::string> used;
  for (const auto& path : test::ir_files(kTests / "shapes")) {
    const auto module = parse(test::read_text(path));
    const std::string op = path.stem().string();
    EXPECT_NE(find_op(op), nullptr) << path << " is named after no op";
    EXPECT_FALSE(module->functions().empty()) << path;
    for (const auto& function : module->functions()) {
      bool found = false;
      for (const auto& node : function->nodes()) {
        used.insert(std::string(node->op().name));
        found |= node->op().name == op;
      }
      EXPECT_TRUE(found) << path << ": func @" << function->name() << " does not use " << op;
    }
  }
  return used;
}

TEST(Complete, EveryOpHasShapes) {
  const std::set<std::string> used = ops_in_shapes();
  for (const OpInfo& op : all_ops()) {
    const std::string name = is_backward(op.name) ? forward_of(op.name) : std::string(op.name);
    EXPECT_TRUE(std::filesystem::exists(kTests / "shapes" / (name + ".ir"))) << "tests/shapes/" << name << ".ir";
    EXPECT_THAT(used, Contains(name));
  }
}

TEST(Complete, EveryBackwardOpHasAForwardOp) {
  for (const OpInfo& op : all_ops())
    if (is_backward(op.name)) {
      const OpInfo* forward = find_op(forward_of(op.name));
      ASSERT_NE(forward, nullptr) << op.name;
      EXPECT_NE(forward->gradient, nullptr) << forward->name;
    }
}

TEST(Complete, EveryOpHasAGradientOrIsKnownToHaveNone) {
  for (const OpInfo& op : all_ops()) {
    if (is_backward(op.name)) continue;
    const bool listed = std::count(kNotDifferentiable.begin(), kNotDifferentiable.end(), op.name) != 0;
    EXPECT_EQ(op.gradient == nullptr, listed) << op.name;
  }
}

// passes.def and plan_memory, which makes a plan and is no pass of the list.
constexpr std::array kFolders = {
#define PASS(name, summary) std::string_view(#name),
#include "passes/passes.def"
#undef PASS
    std::string_view("plan_memory"),
};

TEST(Complete, EveryPassHasGoldenFilesAndOneThatKeeps) {
  for (std::string_view folder : kFolders) {
    SCOPED_TRACE(folder);
    const auto files = test::ir_files(kTests / "golden" / folder);
    const auto keeps = std::count_if(files.begin(), files.end(),
                                     [](const auto& path) { return path.filename().string().starts_with("keeps_"); });
    EXPECT_GT(keeps, 0);
    EXPECT_GT(static_cast<std::ptrdiff_t>(files.size()), keeps);
  }
  for (const auto& entry : std::filesystem::directory_iterator(kTests / "golden"))
    EXPECT_THAT(kFolders, Contains(entry.path().filename().string())) << "is named after no pass";
}

} // namespace
} // namespace kiln::ir
