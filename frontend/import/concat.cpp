// concat: the channels of its inputs behind each other.
// How many inputs there are was checked with the wiring.
#include "ir/ops/concat.h"

#include <algorithm>

#include <fmt/format.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Concat&, LayerImport& import) {
  if (!import.ready()) return nullptr;
  std::vector<ir::Value*> operands;
  ir::Dims dims = import.input_dims();
  dims[1] = 0;
  for (size_t i = 0; i < import.input_count(); ++i) {
    const ir::Dims& own = import.input_dims(i);
    const bool fits = own.size() == dims.size() && std::equal(own.begin() + 2, own.end(), dims.begin() + 2);
    if (!fits) {
      import.report.error("input", fmt::format("its inputs differ in more than channels: \"{}\" is {}, \"{}\" is {}",
                                               import.input(0).name, shape_text(import.input_dims(0)),
                                               import.input(i).name, shape_text(own)));
      return nullptr;
    }
    dims[1] += own[1];
    operands.push_back(&import.input(i));
  }
  if (!import.check_size(dims, "its output")) return nullptr;
  return &import.create<ir::Concat>({}, operands);
}

} // namespace kiln::frontend
