// reshape: the same values under other sizes, one of which may be left to be found.
// Rows of values and images are what other layers understand, so it makes one or the other.
#include "ir/ops/reshape.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Reshape& reshape, LayerImport& import) {
  LayerReport& report = import.report;
  const std::string field = "reshape.dims";
  if (reshape.dims().empty())
    report.missing("reshape", "it has no dims", "dims: [channels, height, width], or dims: -1");
  else if (reshape.dims_size() != 1 && reshape.dims_size() != 3)
    report.error(field, fmt::format("dims has {} sizes: one (values) or three (channels, height, width) are possible",
                                    reshape.dims_size()));
  int64_t open = 0;
  constexpr int64_t largest = int64_t{1} << 30;
  for (int i = 0; i < reshape.dims_size(); ++i) {
    int64_t size = reshape.dims(i);
    open += size == -1;
    if (size < -1 || size > largest)
      report.error(fmt::format("{}[{}]", field, i),
                   fmt::format("a size is {}: it must be -1 (what is left), 0 (as the input's) or 1 to 2^30", size));
  }
  if (open > 1) report.error(field, "only one size can be -1");
  if (!import.ready()) return nullptr;

  int64_t values = values_of(import.input_dims());
  ir::Dims dims{import.input_dims()[0]};
  dims.insert(dims.end(), reshape.dims().begin(), reshape.dims().end());
  for (size_t i = 1; i < dims.size(); ++i) {
    if (dims[i] != 0) continue;
    if (i >= import.input_dims().size()) {
      report.error(fmt::format("{}[{}]", field, i - 1),
                   fmt::format("a size is 0: its input is {}, which has none there", shape_text(import.input_dims())));
      return nullptr;
    }
    dims[i] = import.input_dims()[i];
  }
  int64_t known = 1;
  for (size_t i = 1; i < dims.size() && known <= values; ++i) known *= dims[i] == -1 ? 1 : dims[i];
  if (open == 1) std::replace(dims.begin() + 1, dims.end(), int64_t{-1}, std::max<int64_t>(values / known, 1));
  if (open == 1 ? values % known != 0 : known != values) {
    report.error(field, fmt::format("its input is {} = {} values, which {} cannot hold",
                                    shape_text(import.input_dims()), values, fmt::join(reshape.dims(), "x")));
    return nullptr;
  }
  return &import.create<ir::Reshape>({.dims = std::move(dims)}, {&import.input()});
}

} // namespace kiln::frontend
