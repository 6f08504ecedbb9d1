// dropout: its message to the op of that name, in every function; eliminate_dropout takes it out where none is wanted.
// Its random stream is named after the layer.
#include "ir/ops/dropout.h"

#include <fmt/format.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Dropout& dropout, LayerImport& import) {
  if (!(dropout.drop() >= 0 && dropout.drop() < 1))
    import.report.error("dropout.drop", fmt::format("drop is {}: it must be at least 0 and below 1", dropout.drop()),
                        "it is the probability of dropping a value, not of keeping it");
  if (!import.ready()) return nullptr;
  return &import.create<ir::Dropout>(
      {.drop = dropout.drop(), .stream = import.stream(""), .whole_channels = dropout.whole_channels()},
      {&import.input()});
}

} // namespace kiln::frontend
