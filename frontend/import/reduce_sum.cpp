// reduce_sum: sums over axes, which stay as one position each.
// Images stay images, rows stay rows.
#include "ir/ops/reduce_sum.h"

#include "frontend/import/reduce.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::ReduceSum& reduce, LayerImport& import) {
  ir::ReduceAttributes attributes = take_axes(reduce, "reduce_sum.axis", import);
  if (!import.ready()) return nullptr;
  return &import.create<ir::ReduceSum>(std::move(attributes), {&import.input()});
}

} // namespace kiln::frontend
