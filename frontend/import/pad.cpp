// pad: more rows, columns and channels around its input, or fewer.
// A row of values has channels alone.
#include "ir/ops/pad.h"

#include <algorithm>

#include <fmt/format.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {
namespace {

ir::PadMode mode_of(proto::Pad::Mode mode) {
  switch (mode) {
  case proto::Pad::CONSTANT:
    return ir::PadMode::constant;
  case proto::Pad::REFLECT:
    return ir::PadMode::reflect;
  case proto::Pad::EDGE:
    return ir::PadMode::edge;
  }
  return ir::PadMode::constant;
}

} // namespace

ir::Value* import_layer(const proto::Pad& pad, LayerImport& import) {
  LayerReport& report = import.report;
  constexpr int64_t largest = int64_t{1} << 30;
  for (const auto& [values, field] : {std::pair{&pad.padding(), "padding"}, std::pair{&pad.channels(), "channels"}})
    for (int i = 0; i < values->size(); ++i)
      if (values->Get(i) < -largest || values->Get(i) > largest)
        report.error(fmt::format("pad.{}[{}]", field, i),
                     fmt::format("{} is {}: it must be -2^30 to 2^30", field, values->Get(i)));
  if (pad.padding_size() != 4)
    report.error("pad.padding",
                 fmt::format("padding has {} values: one, two (height, width) or four (top, left, bottom, right) are "
                             "possible",
                             pad.padding_size()));
  if (pad.channels_size() != 0 && pad.channels_size() != 2)
    report.error("pad.channels",
                 fmt::format("channels has {} values: two (before, after) are possible", pad.channels_size()));
  if (!import.ready()) return nullptr;

  const ir::Dims& dims = import.input_dims();
  ir::Pad::Attributes attributes{ir::Dims(dims.size(), 0), ir::Dims(dims.size(), 0), mode_of(pad.mode()), pad.value()};
  if (pad.channels_size() == 2) {
    attributes.before[1] = pad.channels(0);
    attributes.after[1] = pad.channels(1);
  }
  for (int side = 0; side < 4; ++side) {
    const auto dim = static_cast<size_t>(2 + side % 2);
    if (dim < dims.size())
      (side < 2 ? attributes.before : attributes.after)[dim] = pad.padding(side);
    else if (pad.padding(side) != 0) {
      report.error("pad.padding", fmt::format("its input is {}: it has no height and width", shape_text(dims)));
      return nullptr;
    }
  }
  ir::Dims result = dims;
  for (size_t d = 1; d < dims.size(); ++d) {
    result[d] += attributes.before[d] + attributes.after[d];
    const std::string_view what = d == 1 ? "channels" : d == 2 ? "height" : "width";
    if (result[d] < 1) {
      report.error(d == 1 ? "pad.channels" : "pad.padding",
                   fmt::format("its input is {}: of its {} nothing is left", shape_text(dims), what));
      return nullptr;
    }
    const int64_t most = std::max(attributes.before[d], attributes.after[d]);
    if (pad.mode() == proto::Pad::REFLECT && most >= dims[d]) {
      report.error(d == 1 ? "pad.channels" : "pad.padding",
                   fmt::format("its input is {}: a {} of {} can be reflected by at most {}, not {}", shape_text(dims),
                               what, dims[d], dims[d] - 1, most));
      return nullptr;
    }
  }
  if (!import.check_size(result, "its output")) return nullptr;
  return &import.create<ir::Pad>(std::move(attributes), {&import.input()});
}

} // namespace kiln::frontend
