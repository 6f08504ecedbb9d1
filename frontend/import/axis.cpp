// The axes of a layer's input as users count them.
// Told with what the input looks like, since that is what decides.
#include "frontend/import/axis.h"

#include <fmt/format.h>

namespace kiln::frontend {

bool check_axis(LayerImport& import, int64_t axis, const std::string& field) {
  if (!import.input_known()) return false;
  const auto rank = static_cast<int64_t>(import.input_dims().size());
  if (axis >= 1 && axis < rank) return true;
  import.report.error(field,
                      fmt::format("axis is {}: its input is {}, so it can be {}", axis, shape_text(import.input_dims()),
                                  rank == 2 ? "1 (values)" : "1 (channels), 2 (height) or 3 (width)"));
  return false;
}

} // namespace kiln::frontend
