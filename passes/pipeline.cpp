// The two ordered lists of passes, a reason on each line.
#include "passes/pipeline.h"

#include <array>

namespace kiln::passes {

namespace {

constexpr std::array<std::string_view, 12> kTraining = {
    "differentiate",          // first: gradient rules speak of the ops that the user wrote
    "append_optimizer",       // updates are nodes too, ordered and planned like the others
    "eliminate_dropout",      // of evaluate, which stands in the same module
    "fix_rrelu_slope",        // of evaluate too
    "use_running_statistics", // of evaluate too: it must neither take nor update statistics of a batch
    "fuse_epilogue",          // after differentiate: backward uses results of activations, which fusing keeps
    "fuse_norm_backward",     // after fuse_epilogue, which moves the activations themselves
    "choose_kernels",         // states which layouts are wanted; after fusing, which decides what a kernel must do
    "assign_layouts",         // as the kernels demand; strict verification from here on
    "cancel_layout_converts", // forward and backward want the same conversions
    "separate_outputs",       // late: earlier passes can make outputs meet
    "order",                  // frees activations early; last of those that move nodes
};

constexpr std::array<std::string_view, 13> kInference = {
    "eliminate_dropout",      // the identity here; it would stand in the way of fusing
    "fix_rrelu_slope",        // nothing is drawn here; what takes its place can be fused
    "use_running_statistics", // what folds must find the form that infers
    "fold_batch_norm",        // before fuse_epilogue, for the bias it leaves; needs weights in plain layout
    "fold_rotation",          // before fold_preprocess, which then finds center and factor beside a layer
    "fold_preprocess",        // needs the first layer unfused and its weights in plain layout
    "fuse_epilogue",          // after folding, which moves biases
    "choose_kernels",         // states which layouts are wanted
    "assign_layouts",         // as the kernels demand; strict verification from here on
    "cancel_layout_converts", // what assign_layouts puts between kernels that agree
    "fold_constants",         // folded and converted weights become stored weights
    "separate_outputs",       // late: earlier passes can make outputs meet
    "order",                  // frees activations early
};

} // namespace

std::span<const std::string_view> training_pipeline() { return kTraining; }
std::span<const std::string_view> inference_pipeline() { return kInference; }

} // namespace kiln::passes
