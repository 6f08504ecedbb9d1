// Pad: to pad.
// Widths are an attribute until version 10, then an input. Negative ones cut.
#include "ir/ops/pad.h"
#include "frontend/onnx/axes.h"
#include "frontend/onnx/node_import.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {
namespace {

ir::PadMode mode_of(const std::string& mode) {
  if (mode == "constant") return ir::PadMode::constant;
  if (mode == "reflect") return ir::PadMode::reflect;
  if (mode == "edge") return ir::PadMode::edge;
  if (mode == "wrap") refuse_unsupported("its mode is wrap");
  refuse_invalid(fmt::format("its mode is \"{}\", expected constant, reflect or edge", mode));
}

} // namespace

void import_pad(NodeImport& node) {
  std::vector<int64_t> pads;
  double value = 0;
  const auto rank = static_cast<size_t>(node.rank());
  std::vector<int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  if (node.version < 11) {
    node.expect_inputs(1, 1);
    pads = node.integers("pads").value_or(pads);
    value = node.real("value", 0);
  } else {
    node.expect_inputs(2, node.version < 18 ? 3 : 4);
    pads = node.integers(1, "pads");
    if (node.has_input(2)) value = node.number(2, "constant_value");
    if (node.has_input(3)) {
      axes = node.integers(3, "axes");
      axes_of(axes, node.rank()); // each once
      for (int64_t& axis : axes) axis = axis_of(axis, node.rank());
    }
  }
  ir::Pad::Attributes attributes;
  attributes.mode = mode_of(node.text("mode", "constant"));
  attributes.value = attributes.mode == ir::PadMode::constant ? value : 0;
  constexpr int64_t most = int64_t{1} << 30;
  if (pads.size() != 2 * axes.size() ||
      std::any_of(pads.begin(), pads.end(), [&](int64_t pad) { return pad < -most || pad > most; }))
    refuse_invalid(fmt::format("its pads are [{}], expected {} values", fmt::join(pads, ","), 2 * axes.size()));

  attributes.before.assign(rank, 0);
  attributes.after.assign(rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    attributes.before[static_cast<size_t>(axes[i])] = pads[i];
    attributes.after[static_cast<size_t>(axes[i])] = pads[i + axes.size()];
  }
  if (std::all_of(pads.begin(), pads.end(), [](int64_t pad) { return pad == 0; }))
    return node.output_alias(node.dims());
  node.output(node.create<ir::Pad>(attributes, {&node.input()}));
}

} // namespace kiln::frontend::onnx
