// lrn: its message to the op of that name.
// Checks that the denominator cannot become zero.
#include "ir/ops/lrn.h"

#include <cmath>

#include <fmt/format.h>

#include "frontend/import/window.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Lrn& lrn, LayerImport& import) {
  LayerReport& report = import.report;
  int64_t size = take_count(true, lrn.size(), "lrn", "size", report);
  if (!(lrn.alpha() >= 0)) report.error("lrn.alpha", fmt::format("alpha is {}: it must be at least 0", lrn.alpha()));
  if (!(lrn.beta() >= 0)) report.error("lrn.beta", fmt::format("beta is {}: it must be at least 0", lrn.beta()));
  if (!(lrn.k() > 0)) report.error("lrn.k", fmt::format("k is {}: it must be above 0", lrn.k()));
  if (import.input_known()) expect_image(import);
  if (!import.ready()) return nullptr;
  return &import.create<ir::Lrn>({size, lrn.alpha(), lrn.beta(), lrn.k()}, {&import.input()});
}

} // namespace kiln::frontend
