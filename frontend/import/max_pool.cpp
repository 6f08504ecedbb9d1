// max_pool: its message to the op of that name.
// All checks are those of any pooling.
#include "ir/ops/max_pool.h"
#include "frontend/import/window.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::MaxPool& pool, LayerImport& import) {
  ir::MaxPool::Attributes attributes;
  if (!take_pool(pool, "max_pool", import, attributes)) return nullptr;
  return &import.create<ir::MaxPool>(attributes, {&import.input()});
}

} // namespace kiln::frontend
