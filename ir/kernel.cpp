// Kernels: names, layout demands, shards and workspace.
#include "ir/kernel.h"

#include "ir/all_ops.h"
#include "ir/op.h"
#include "ir/op_code.h"
#include "ir/ops/pixels.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace kiln::ir {

namespace {

constexpr std::array<std::string_view, 8> kNames = {"unset",     "any",   "blocked", "first",
                                                    "depthwise", "plain", "direct",  "tiled"};

// A sharded sum has about this many tasks: enough to keep a machine of this kind busy, few enough that the partial
// results stay small. Part of the plan, so of the bits.
constexpr int64_t kSumTasks = 16;

// Batch-norm statistics of a group of channels are taken over shards of about this many elements, which the two passes
// over a shard find in cache. Part of the plan, so of the bits.
constexpr int64_t kStatisticsShard = 16384;

// A shard of a reduction is not worth a task for fewer elements.
constexpr int64_t kReductionShard = 16384;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

class Demand {
public:
  Demand(const Node& node, const Target& target) : node_(node), block_(target.vector_width) {
    demand_.operands.resize(node.operands().size());
    demand_.results.resize(node.result_count());
  }

  LayoutDemand run() {
    switch (node_.op().code) {
    case OpCode::conv2d:
      convolution({{LayoutKind::nchwc, LayoutKind::oihw_io}, LayoutKind::nchwc},
                  {{LayoutKind::plain, LayoutKind::ohwi_o}, LayoutKind::nchwc},
                  {{LayoutKind::nchwc, LayoutKind::ohwi_o}, LayoutKind::nchwc});
      break;
    case OpCode::conv2d_backward_data:
      if (node_.kernel == Kernel::first) refuse();
      convolution({{LayoutKind::oihw_oi, LayoutKind::nchwc}, LayoutKind::nchwc}, {},
                  {{LayoutKind::ohwi_o, LayoutKind::nchwc}, LayoutKind::nchwc});
      break;
    case OpCode::conv2d_backward_weights:
      convolution({{LayoutKind::nchwc, LayoutKind::nchwc}, LayoutKind::oihw_io},
                  {{LayoutKind::plain, LayoutKind::nchwc}, LayoutKind::ohwi_o},
                  {{LayoutKind::nchwc, LayoutKind::nchwc}, LayoutKind::ohwi_o});
      break;
    case OpCode::conv_transpose2d:
      if (node_.kernel == Kernel::first) refuse();
      convolution({{LayoutKind::nchwc, LayoutKind::oihw_oi}, LayoutKind::nchwc}, {},
                  {{LayoutKind::nchwc, LayoutKind::ohwi_o}, LayoutKind::nchwc});
      break;
    case OpCode::bias:
    case OpCode::scale:
      only(Kernel::any);
      all_as(first_operand());
      demand_.operands[1] = vector_beside(first_operand());
      break;
    case OpCode::bias_backward:
    case OpCode::scale_backward_factor:
      only(Kernel::any);
      all_as(first_operand());
      demand_.results[0] = vector_beside(first_operand());
      break;
    case OpCode::prelu:
    case OpCode::prelu_backward:
      only(Kernel::any);
      all_as(first_operand());
      demand_.operands[1] = slopes_beside(first_operand(), node_.operand(1).type);
      break;
    case OpCode::prelu_backward_slope:
      only(Kernel::any);
      all_as(first_operand());
      demand_.results[0] = slopes_beside(first_operand(), node_.result().type);
      break;
    case OpCode::batch_norm:
    case OpCode::batch_norm_backward:
    case OpCode::batch_norm_inference:
      only(Kernel::any);
      per_channel_beside(first_operand());
      break;
    case OpCode::update_running_statistics: // states as the statistics that come in
      only(Kernel::any);
      all_as(node_.operand(2).type.layout);
      break;
    case OpCode::sgd_update:
    case OpCode::adagrad_update:
    case OpCode::rmsprop_update:
    case OpCode::adadelta_update:
    case OpCode::adam_update:
      only(Kernel::any);
      all_as(first_operand());
      demand_.operands.back() = {}; // the learning rate
      break;
    case OpCode::penalty:
      only(Kernel::any);
      all_as(first_operand());
      demand_.results[0] = {};
      break;
    case OpCode::clip_by_norm:
      only(Kernel::any);
      all_as(first_operand());
      demand_.operands[1] = {}; // the sum of squares
      break;
    case OpCode::average_weights: // as the parameter is kept
      only(Kernel::any);
      all_as(node_.operand(1).type.layout);
      break;
    case OpCode::convert_layout:
      only(Kernel::any);
      demand_.operands[0] = first_operand();
      demand_.results[0] = node_.attributes<ConvertLayout>().layout();
      break;
    case OpCode::add:
    case OpCode::subtract:
    case OpCode::multiply:
    case OpCode::divide:
    case OpCode::divide_backward_divisor:
    case OpCode::maximum:
    case OpCode::maximum_backward:
    case OpCode::minimum:
    case OpCode::minimum_backward:
    case OpCode::expand:
    case OpCode::reduce_mean_backward:
      stretched();
      break;
    case OpCode::reduce_sum:
      reduction(node_.attributes<ReduceSum>());
      break;
    case OpCode::reduce_mean:
      reduction(node_.attributes<ReduceMean>());
      break;
    case OpCode::softmax:
      blocked_if(node_.attributes<Softmax>().axis == 1);
      break;
    case OpCode::softmax_backward:
      blocked_if(node_.attributes<SoftmaxBackward>().axis == 1);
      break;
    case OpCode::log_softmax:
      blocked_if(node_.attributes<LogSoftmax>().axis == 1);
      break;
    case OpCode::log_softmax_backward:
      blocked_if(node_.attributes<LogSoftmaxBackward>().axis == 1);
      break;
    case OpCode::concat:
      blocked_if(true);
      break;
    case OpCode::slice:
      blocked_if(node_.attributes<Slice>().axis != 1 || node_.attributes<Slice>().step == 1);
      break;
    case OpCode::slice_backward:
      blocked_if(node_.attributes<SliceBackward>().axis != 1);
      break;
    case OpCode::pad:
      blocked_if(pads_in_blocks(node_.attributes<Pad>()));
      break;
    case OpCode::pad_backward:
      blocked_if(node_.attributes<PadBackward>().axis != 1);
      break;
    case OpCode::dense:
    case OpCode::dense_backward_data:
    case OpCode::dense_backward_weights:
      if (node_.kernel != Kernel::direct && node_.kernel != Kernel::tiled) refuse();
      break;
    default:
      if (node_.op().traits.takes_any_layout()) {
        only(Kernel::any);
        all_as(first_operand());
      } else {
        only(Kernel::plain);
      }
    }
    return demand_;
  }

private:
  [[noreturn]] void refuse() const {
    throw TypeError(fmt::format("{} has no kernel '{}'", node_.op().name, name_of(node_.kernel)));
  }
  void only(Kernel kernel) const {
    if (node_.kernel != kernel) refuse();
  }
  Layout layout(LayoutKind kind) const { return kind == LayoutKind::plain ? Layout{} : Layout{kind, block_}; }
  Layout first_operand() const { return node_.operand(0).type.layout; }
  static Layout vector_beside(Layout tensor) {
    return tensor.kind == LayoutKind::nchwc ? Layout{LayoutKind::vector_c, tensor.block} : Layout{};
  }
  // A slope for all channels is one number in any layout.
  static Layout slopes_beside(Layout tensor, const TensorType& slope) {
    return slope.dims[0] == 1 ? Layout{} : vector_beside(tensor);
  }
  void all_as(Layout layout) {
    for (Layout& operand : demand_.operands) operand = layout;
    for (Layout& result : demand_.results) result = layout;
  }
  // Operands that stretch to the result. Of one type but for the layout: as the first that is not plain. Else the
  // result is blocked as the first operand that has all of its channels and is; an operand of one channel is plain
  // then.
  void stretched() {
    only(Kernel::any);
    const Dims& dims = node_.result().type.dims;
    bool alike = true;
    for (const Value* operand : node_.operands()) alike = alike && operand->type.dims == dims;
    Layout leading;
    for (const Value* operand : node_.operands()) {
      const Layout layout = operand->type.layout;
      const bool leads = alike ? layout.kind != LayoutKind::plain : layout.kind == LayoutKind::nchwc && fits(*operand);
      if (leading.kind == LayoutKind::plain && leads) leading = layout;
    }
    // Sums alone keep the padding of weights zero; no other formula runs on them.
    if (!node_.is<Add>() && leading.kind != LayoutKind::nchwc) leading = {};
    if (!alike)
      for (const Value* operand : node_.operands())
        if (!fits(*operand) && !has_values_a_channel(*operand)) leading = {};
    demand_.results[0] = leading;
    for (size_t i = 0; i < demand_.operands.size(); ++i)
      demand_.operands[i] = alike || fits(node_.operand(i)) ? leading : Layout{};
  }
  // Whether an operand can have the layout of a blocked result that it stretches to.
  bool fits(const Value& operand) const {
    const Dims& dims = node_.result().type.dims;
    return dims.size() == 4 && operand.type.rank() == 4 && operand.type.dims[1] == dims[1];
  }
  // Whether a plain operand can be stretched over a blocked result: one channel, or several without height and width.
  bool has_values_a_channel(const Value& operand) const {
    const Dims& dims = operand.type.dims;
    const size_t rank = dims.size();
    return rank < 3 || dims[rank - 3] == 1 || (rank == 3 && dims[1] == 1 && dims[2] == 1);
  }
  // All tensors in the first operand's blocks, where the kernel can work in them.
  void blocked_if(bool can) {
    only(Kernel::any);
    if (can && first_operand().kind == LayoutKind::nchwc) all_as(first_operand());
  }
  // Padding lanes stay zero: no channels are added, and nothing but zeros around them.
  bool pads_in_blocks(const Pad::Attributes& pad) const {
    if (pad.before.size() != 4 || pad.before[1] != 0 || pad.after[1] != 0) return false;
    return pad.mode != PadMode::constant || pad.value == 0;
  }
  // Channels that are kept may stay in blocks.
  void reduction(const ReduceAttributes& attributes) {
    only(Kernel::any);
    const Layout src = first_operand();
    if (src.kind == LayoutKind::nchwc && attributes.keep_dims && !reduces(attributes, 1)) all_as(src);
  }
  // Activations as `layout`, values a channel to go with them.
  void per_channel_beside(Layout layout) {
    const auto demand = [&](const Value& value) { return value.type.rank() == 1 ? vector_beside(layout) : layout; };
    for (size_t i = 0; i < demand_.operands.size(); ++i) demand_.operands[i] = demand(node_.operand(i));
    for (size_t i = 0; i < demand_.results.size(); ++i) demand_.results[i] = demand(node_.result(i));
  }
  // Of the first two operands and of the result.
  struct ConvolutionLayouts {
    std::array<LayoutKind, 2> operands;
    LayoutKind result;
  };
  void convolution(const ConvolutionLayouts& blocked, const ConvolutionLayouts& first,
                   const ConvolutionLayouts& depthwise) {
    switch (node_.kernel) {
    case Kernel::plain:
      return;
    case Kernel::blocked:
      return convolution(blocked);
    case Kernel::first:
      return convolution(first);
    case Kernel::depthwise:
      return convolution(depthwise);
    case Kernel::unset:
    case Kernel::any:
    case Kernel::direct:
    case Kernel::tiled:
      refuse();
    }
  }
  void convolution(const ConvolutionLayouts& layouts) {
    demand_.results[0] = layout(layouts.result);
    for (size_t i = 0; i < 2; ++i) demand_.operands[i] = layout(layouts.operands[i]);
    // An epilogue's: values a channel, or a tensor as the result.
    for (size_t i = 2; i < demand_.operands.size(); ++i)
      demand_.operands[i] = node_.operand(i).type.rank() == 1 ? layout(LayoutKind::vector_c) : demand_.results[0];
  }

  const Node& node_;
  const int32_t block_;
  LayoutDemand demand_;
};

} // namespace

std::string_view name_of(Kernel kernel) { return kNames[static_cast<size_t>(kernel)]; }

std::optional<Kernel> parse_kernel(std::string_view text) {
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == text) return static_cast<Kernel>(i);
  return std::nullopt;
}

LayoutDemand layout_demand(const Node& node, const Target& target) { return Demand(node, target).run(); }

namespace {

// Over the outermost axis that is summed over, unless it is the innermost of all, where vectors run along it.
int64_t reduction_shards(const Node& node, const ReduceAttributes& attributes, const Target& target) {
  const TensorType& src = node.operand(0).type;
  const auto wide = [](int64_t extent) { return extent > 1; };
  size_t outermost = 0;
  while (outermost < src.dims.size() && !(reduces(attributes, outermost) && wide(src.dims[outermost]))) ++outermost;
  if (outermost == src.dims.size()) return 1;
  const auto behind = src.dims.begin() + static_cast<std::ptrdiff_t>(outermost) + 1;
  const bool blocked = src.layout.kind == LayoutKind::nchwc;
  if (!blocked && std::none_of(behind, src.dims.end(), wide)) return 1;
  const int64_t owned_tasks = divide_up(node.result().type.elements(), target.vector_width);
  const int64_t most = std::min(kSumTasks / owned_tasks, src.elements() / kReductionShard);
  return std::clamp<int64_t>(most, 1, src.dims[outermost]);
}

} // namespace

int64_t shard_count(const Node& node, const Target& target) {
  const int64_t c = node.kernel == Kernel::plain ? 1 : target.vector_width;
  if (node.is<Conv2dBackwardWeights>()) {
    const Dims& weights = node.result().type.dims;
    const int64_t sources = node.kernel == Kernel::first ? 1 : divide_up(weights[1], c);
    const int64_t owned_tasks = divide_up(weights[0], c) * sources;
    return std::clamp<int64_t>(kSumTasks / owned_tasks, 1, node.operand(0).type.dims[0]);
  }
  if (node.is<BiasBackward>() || node.is<ScaleBackwardFactor>() || node.is<PreluBackwardSlope>()) {
    const Dims& ddst = node.operand(0).type.dims;
    return std::clamp<int64_t>(kSumTasks / divide_up(ddst[1], c), 1, ddst[0]);
  }
  if (node.is<BatchNorm>() || node.is<BatchNormBackward>()) {
    const Dims& src = node.operand(0).type.dims;
    const int64_t sample = pixels_of(src) * c; // of one group of channels
    return std::clamp<int64_t>(src[0] * sample / kStatisticsShard, 1, src[0]);
  }
  if (node.is<ReduceSum>()) return reduction_shards(node, node.attributes<ReduceSum>(), target);
  if (node.is<ReduceMean>()) return reduction_shards(node, node.attributes<ReduceMean>(), target);
  return 1;
}

int64_t channel_sum_elements(const Node& node, const Target& target) {
  const TensorType& src = node.operand(0).type;
  const int64_t channels = src.dims[1];
  return src.layout.kind == LayoutKind::plain ? channels
                                              : divide_up(channels, target.vector_width) * target.vector_width;
}

int64_t workspace_bytes(const Node& node, const Target& target) {
  if (node.is<PreluBackwardSlope>() && node.attributes<PreluBackwardSlope>().shared)
    return shard_count(node, target) * channel_sum_elements(node, target) * int64_t{sizeof(float)};
  const int64_t shards = shard_count(node, target);
  // Two values a channel of each shard; backward reads the merged ones after.
  if (node.is<BatchNorm>()) return 2 * shards * node.result(1).type.bytes();
  if (node.is<BatchNormBackward>()) return 2 * shards * node.operand(1).type.bytes();
  return shards == 1 ? 0 : shards * node.result().type.bytes();
}

LrnTile lrn_tile(const TensorType& src, int64_t size, const Target& target) {
  constexpr int64_t kElements = 4096; // of the first-level cache
  const int64_t c = target.vector_width;
  const int64_t margin = divide_up(std::min(size / 2, src.dims[1]), c) * c;
  LrnTile tile{1, margin, divide_up(src.dims[1], c) * c};
  tile.pixels = std::clamp<int64_t>(kElements / tile.row(), 1, src.dims[2] * src.dims[3]);
  return tile;
}

DensePanel dense_panel(int64_t columns, int64_t depth, const Target& target) {
  constexpr int64_t kMostDepth = 512;
  const int64_t width = target.vector_width;
  return {columns <= width ? width : 2 * width,
          divide_up(divide_up(depth, divide_up(depth, kMostDepth)), width) * width};
}

int64_t scratch_bytes(const Node& node, const Target& target) {
  if (node.kernel == Kernel::tiled) {
    const Dims& result = node.result().type.dims;
    const int64_t depth = node.is<DenseBackwardWeights>() ? node.operand(0).type.dims[0]
                          : node.is<Dense>()              ? node.operand(0).type.dims[1]
                                                          : node.operand(1).type.dims[1];
    const DensePanel panel = dense_panel(result[1], depth, target);
    return panel.columns * panel.depth * int64_t{sizeof(float)};
  }
  if (!node.is<Lrn>() && !node.is<LrnBackward>()) return 0;
  const bool backward = node.is<LrnBackward>();
  const TensorType& src = node.operand(0).type;
  int64_t elements = 0;
  if (src.layout.kind == LayoutKind::plain) { // of backward, two values a channel and lane
    elements = backward ? 2 * src.dims[1] * target.vector_width : 0;
  } else {
    const int64_t size = backward ? node.attributes<LrnBackward>().size : node.attributes<Lrn>().size;
    const LrnTile tile = lrn_tile(src, size, target);
    elements = tile.pixels * (backward ? 2 * tile.row() + tile.channels : tile.row());
  }
  return elements * int64_t{sizeof(float)};
}

} // namespace kiln::ir
