// crop: a window of its input, of a stated size or of that of a second input.
// It is padding by negative amounts.
#include <fmt/format.h>

#include "frontend/import/layer_import.h"
#include "ir/ops/pad.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Crop& crop, LayerImport& import) {
  LayerReport& report = import.report;
  const bool has_size = crop.size_size() > 0;
  if (has_size && crop.size_size() != 2)
    report.error("crop.size", fmt::format("size has {} values: one (both sides) or two (height, width) are possible",
                                          crop.size_size()));
  if (crop.offset_size() != 0 && crop.offset_size() != 2)
    report.error("crop.offset",
                 fmt::format("offset has {} values: one (both) or two (top, left) are possible", crop.offset_size()));
  if (!import.ready()) return nullptr;
  const ir::Dims& dims = import.input_dims();
  if (dims.size() != 4 || (!has_size && import.input_dims(1).size() != 4)) {
    report.error("input", fmt::format("\"{}\" is {}: it takes images", import.input(dims.size() == 4 ? 1 : 0).name,
                                      shape_text(import.input_dims(dims.size() == 4 ? 1 : 0))));
    return nullptr;
  }
  ir::Pad::Attributes attributes{{0, 0, 0, 0}, {0, 0, 0, 0}, ir::PadMode::constant, 0};
  for (int i = 0; i < 2; ++i) {
    const auto d = static_cast<size_t>(i + 2);
    const std::string_view side = i == 0 ? "height" : "width";
    const int64_t size = has_size ? crop.size(i) : import.input_dims(1)[d];
    if (size < 1 || size > dims[d]) {
      report.error(has_size ? "crop.size" : "input",
                   fmt::format("a {} of {} cannot be cut from {}", side, size, dims[d]));
      return nullptr;
    }
    const int64_t room = dims[d] - size;
    const int64_t offset = crop.offset_size() == 2 ? crop.offset(i) : room / 2;
    if (offset < 0 || offset > room) {
      report.error("crop.offset", fmt::format("an offset of {} leaves no {} of {} of {}: it must be 0 to {}", offset,
                                              side, size, dims[d], room));
      return nullptr;
    }
    attributes.before[d] = -offset;
    attributes.after[d] = offset - room;
  }
  return &import.create<ir::Pad>(std::move(attributes), {&import.input()});
}

} // namespace kiln::frontend
