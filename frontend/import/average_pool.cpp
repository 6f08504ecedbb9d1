// average_pool: its message to the op of that name.
// All checks are those of any pooling.
#include "ir/ops/average_pool.h"
#include "frontend/import/window.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::AveragePool& pool, LayerImport& import) {
  ir::AveragePool::Attributes attributes;
  if (!take_pool(pool, "average_pool", import, attributes)) return nullptr;
  attributes.count_include_pad = pool.count_include_pad();
  return &import.create<ir::AveragePool>(attributes, {&import.input()});
}

} // namespace kiln::frontend
