// The candidate lists: a function of the node, the function's kind and the target, never of the machine.
#include "passes/kernel_candidates.h"

#include "ir/all_ops.h"
#include "ir/op_code.h"

#include <fmt/format.h>

namespace kiln::passes {

using namespace ir;

namespace {

// With so few input channels, blocks of channels would be mostly padding.
constexpr int64_t kFewChannels = 4;

struct Channels {
  int64_t in_group; // of the source, per group
  int64_t out_group;
  int64_t groups;
};

std::string refuse_first(const Channels& channels) {
  if (channels.groups != 1) return fmt::format("{} groups", channels.groups);
  if (channels.in_group > kFewChannels)
    return fmt::format("{} input channels, more than {}", channels.in_group, kFewChannels);
  return "";
}

std::string refuse_depthwise(const Channels& channels) {
  if (channels.in_group != 1 || channels.out_group != 1)
    return fmt::format("groups of {} input and {} output channels, not of one each", channels.in_group,
                       channels.out_group);
  return "";
}

std::string refuse_blocked(const Channels& channels, int64_t block) {
  if (channels.groups == 1 || (channels.in_group % block == 0 && channels.out_group % block == 0)) return "";
  return fmt::format("groups of {} input and {} output channels are no multiple of {}", channels.in_group,
                     channels.out_group, block);
}

// The weights of a panel are turned before tiles go over it, at the price of about eight rows' products.
constexpr int64_t kRowsWorthAPanel = 32;

std::string refuse_tiled(const Node& node, FunctionKind kind) {
  if (kind == FunctionKind::predict) return "predict adds up alike in every batch, one sample's included";
  const int64_t rows = node.operand(0).type.dims[0];
  return rows < kRowsWorthAPanel ? fmt::format("{} rows, fewer than {}", rows, kRowsWorthAPanel) : "";
}

template <class Op> Channels channels_of(const Node& node, const Dims& weights) {
  const int64_t groups = node.attributes<Op>().group;
  return {weights[1], weights[0] / groups, groups};
}

// `has_first`: the op has the kernel for few input channels.
std::vector<KernelCandidate> convolution_candidates(const Channels& channels, int64_t block, bool has_first) {
  std::vector<KernelCandidate> candidates;
  if (has_first) candidates.push_back({Kernel::first, refuse_first(channels)});
  if (channels.groups != 1) candidates.push_back({Kernel::depthwise, refuse_depthwise(channels)});
  candidates.push_back({Kernel::blocked, refuse_blocked(channels, block)});
  candidates.push_back({Kernel::plain, ""});
  return candidates;
}

} // namespace

std::vector<KernelCandidate> kernel_candidates(const Node& node, FunctionKind kind, const Target& target) {
  const int64_t block = target.vector_width;
  switch (node.op().code) {
  case OpCode::conv2d:
    return convolution_candidates(channels_of<Conv2d>(node, node.operand(1).type.dims), block, true);
  case OpCode::conv2d_backward_weights:
    return convolution_candidates(channels_of<Conv2dBackwardWeights>(node, node.result().type.dims), block, true);
  case OpCode::conv2d_backward_data:
    return convolution_candidates(channels_of<Conv2dBackwardData>(node, node.operand(0).type.dims), block, false);
  case OpCode::conv_transpose2d:
    return convolution_candidates(channels_of<ConvTranspose2d>(node, node.operand(1).type.dims), block, false);
  case OpCode::dense:
    return {{Kernel::tiled, refuse_tiled(node, kind)}, {Kernel::direct, ""}};
  case OpCode::dense_backward_data:
  case OpCode::dense_backward_weights:
    return {{Kernel::tiled, ""}};
  default:
    return {{node.op().traits.takes_any_layout() ? Kernel::any : Kernel::plain, ""}};
  }
}

} // namespace kiln::passes
