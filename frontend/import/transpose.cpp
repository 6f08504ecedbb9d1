// transpose: channels, height and width in another order; the batch stays where it is.
// An order that changes nothing is no mistake.
#include "ir/ops/transpose.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Transpose& transpose, LayerImport& import) {
  std::vector<int64_t> sorted(transpose.order().begin(), transpose.order().end());
  std::sort(sorted.begin(), sorted.end());
  if (sorted.empty())
    import.report.missing("transpose", "it has no order", "order: [2, 3, 1] puts channels last");
  else if (sorted != std::vector<int64_t>{1, 2, 3})
    import.report.error("transpose.order",
                        fmt::format("order is [{}]: it must name 1 (channels), 2 (height) and 3 (width) once each",
                                    fmt::join(transpose.order(), ", ")));
  if (!import.ready()) return nullptr;
  if (import.input_dims().size() != 4) {
    import.report.error("input", fmt::format("its input is {}: it takes images", shape_text(import.input_dims())));
    return nullptr;
  }
  ir::Dims order{0};
  order.insert(order.end(), transpose.order().begin(), transpose.order().end());
  return &import.create<ir::Transpose>({.order = order}, {&import.input()});
}

} // namespace kiln::frontend
