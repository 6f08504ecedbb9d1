// concat: its inputs behind each other along an axis.
// How many inputs there are was checked with the wiring.
#include "ir/ops/concat.h"

#include <fmt/format.h>

#include "frontend/import/axis.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Concat& concat, LayerImport& import) {
  if (!check_axis(import, concat.axis(), "concat.axis") || !import.ready()) return nullptr;
  const auto axis = static_cast<size_t>(concat.axis());
  std::vector<ir::Value*> operands;
  ir::Dims dims = import.input_dims();
  dims[axis] = 0;
  for (size_t i = 0; i < import.input_count(); ++i) {
    ir::Dims rest = import.input_dims(i);
    const int64_t size = axis < rest.size() ? rest[axis] : 0;
    if (axis < rest.size()) rest[axis] = dims[axis];
    if (rest != dims) {
      constexpr std::string_view kNames[] = {"", "channels", "height", "width"};
      import.report.error("input", fmt::format("its inputs differ in more than {}: \"{}\" is {}, \"{}\" is {}",
                                               kNames[axis], import.input(0).name, shape_text(import.input_dims(0)),
                                               import.input(i).name, shape_text(import.input_dims(i))));
      return nullptr;
    }
    dims[axis] += size;
    operands.push_back(&import.input(i));
  }
  if (!import.check_size(dims, "its output")) return nullptr;
  return &import.create<ir::Concat>({.axis = concat.axis()}, operands);
}

} // namespace kiln::frontend
