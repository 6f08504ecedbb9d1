// reduce_mean: means over axes, which stay as one position each.
// Images stay images, rows stay rows.
#include "ir/ops/reduce_mean.h"

#include "frontend/import/reduce.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::ReduceMean& reduce, LayerImport& import) {
  ir::ReduceAttributes attributes = take_axes(reduce, "reduce_mean.axis", import);
  if (!import.ready()) return nullptr;
  return &import.create<ir::ReduceMean>(std::move(attributes), {&import.input()});
}

} // namespace kiln::frontend
