// log_softmax: its message to the op of that name, over the values of a row.
// An image is taken only if it is one pixel, which is a row in all but name.
#include "ir/ops/log_softmax.h"

#include <fmt/format.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::LogSoftmax&, LayerImport& import) {
  if (!import.ready()) return nullptr;
  const ir::Dims& dims = import.input_dims();
  if (dims.size() == 4 && dims[2] * dims[3] != 1) {
    import.report.error("", fmt::format("its input is {}: it takes a row of values", shape_text(dims)),
                        "put flatten {} or a dense layer before it");
    return nullptr;
  }
  return &import.create<ir::LogSoftmax>({}, {&import.rows("reshape")});
}

} // namespace kiln::frontend
