// clip: its message to the op of that name; a bound that is not given is infinite.
// Takes any shape.
#include "ir/ops/clip.h"

#include <fmt/format.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Clip& clip, LayerImport& import) {
  if (!clip.has_min() && !clip.has_max())
    import.report.missing("clip", "clip needs a bound", "for example min: 0 max: 6");
  if (clip.has_min() && clip.has_max() && !(static_cast<float>(clip.min()) < static_cast<float>(clip.max())))
    import.report.error("clip.min", fmt::format("min is {}: it must be less than max, {}", clip.min(), clip.max()));
  if (!import.ready()) return nullptr;
  ir::Clip::Attributes attributes;
  if (clip.has_min()) attributes.min = clip.min();
  if (clip.has_max()) attributes.max = clip.max();
  return &import.create<ir::Clip>(attributes, {&import.input()});
}

} // namespace kiln::frontend
