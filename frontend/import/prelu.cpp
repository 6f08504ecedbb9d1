// prelu: its message to the op of that name and the slopes that it learns, which do not decay.
// A decayed slope would be pulled towards that of a plain rectifier.
#include "ir/ops/prelu.h"

#include <cmath>

#include <fmt/format.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Prelu& prelu, LayerImport& import) {
  if (!std::isfinite(static_cast<float>(prelu.start())))
    import.report.error("prelu.start",
                        fmt::format("start is {}: it must be a number that fits a float", prelu.start()));
  if (!import.ready()) return nullptr;
  const int64_t slopes = prelu.shared() ? 1 : import.input_dims()[1];
  ir::State& slope = import.parameter("slope", {slopes}, {ir::InitializerKind::constant, prelu.start(), 0});
  slope.decay_multiplier = 0;
  return &import.create<ir::Prelu>({}, {&import.input(), &slope.value});
}

} // namespace kiln::frontend
