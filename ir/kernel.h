// The kernels a node can be given, the layouts each wants and the workspace it needs: what choose_kernels,
// assign_layouts, plan_memory and the emitters agree on.
#pragma once

#include "ir/target.h"
#include "ir/type.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace kiln::ir {

class Node;

enum class Kernel : uint8_t {
  unset,
  any,       // the op has one kernel, which takes every layout (all tensors alike) or fixes its own
  blocked,   // channels in blocks of the vector width (NCHWc)
  first,     // convolution of few input channels: plain source, blocked result
  depthwise, // convolution in which each channel sees itself alone: blocked, a filter a lane
  plain,     // plain layouts throughout: the general fallback
  direct,    // dense by dot products
  tiled,     // dense by register tiles over panels copied to scratch
};

std::string_view name_of(Kernel kernel);
std::optional<Kernel> parse_kernel(std::string_view text);

// The layouts a node's kernel wants. For ops whose kernel takes every layout: those of its first operand.
struct LayoutDemand {
  std::vector<Layout> operands;
  std::vector<Layout> results;
};

// Assumes node.kernel is set. Throws TypeError for a kernel that the op does not have.
LayoutDemand layout_demand(const Node& node, const Target& target);

// How many partial results a sum over samples is split into: a function of the shape alone (design: "sharded" sums).
// 1 means owned: one task adds all samples in order.
int64_t shard_count(const Node& node, const Target& target);

// Elements of one partial result of a sum per channel over operand 0's samples and pixels: whole blocks where it has
// them.
int64_t channel_sum_elements(const Node& node, const Target& target);

// Bytes of workspace (partial sums, packed operands) that the node's kernel needs during its step.
int64_t workspace_bytes(const Node& node, const Target& target);

// How lrn goes over blocked tensors: some pixels at a time, whose channels it lays out in scratch one behind the other,
// with zeros before and after them that stand for the channels that do not exist.
struct LrnTile {
  int64_t pixels;
  int64_t margin;   // zeros at either end of a pixel, in whole blocks
  int64_t channels; // with padding lanes

  int64_t row() const { return margin + channels + margin; } // elements a pixel
};
LrnTile lrn_tile(const TensorType& src, int64_t size, const Target& target);

// The panels of a tiled dense kernel: columns of the result at a time, and how much of the sums' depth a task copies to
// its scratch at a time.
struct DensePanel {
  int64_t columns;
  int64_t depth; // whole vectors
};
DensePanel dense_panel(int64_t columns, int64_t depth, const Target& target);

// Bytes of scratch that each thread needs while it runs the node's kernel; not part of the arena.
int64_t scratch_bytes(const Node& node, const Target& target);

} // namespace kiln::ir
