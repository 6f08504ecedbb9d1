// slice: some positions along one axis; or, with `at`, all of them in several outputs.
// The outputs' names are the wiring's (layer_names.h).
#include "ir/ops/slice.h"

#include <fmt/format.h>

#include "frontend/import/axis.h"

namespace kiln::frontend {
namespace {

// Outputs from 0 to the first of `at`, from there to the second, and so on.
ir::Value* import_parts(const proto::Slice& slice, int64_t size, LayerImport& import) {
  std::vector<int64_t> begins{0};
  for (int i = 0; i < slice.at_size(); ++i) {
    const int64_t at = slice.at(i);
    if (at <= begins.back() || at >= size) {
      import.report.error(fmt::format("slice.at[{}]", i),
                          fmt::format("at is {}: it must be {} to {}, between what comes before and the end", at,
                                      begins.back() + 1, size - 1));
      return nullptr;
    }
    begins.push_back(at);
  }
  for (size_t i = 0; i < begins.size(); ++i) {
    const int64_t end = i + 1 < begins.size() ? begins[i + 1] : size;
    import.parts.push_back(
        &import.create<ir::Slice>({.begin = begins[i], .count = end - begins[i], .axis = slice.axis()},
                                  {&import.input()}, std::to_string(i + 1)));
  }
  return nullptr; // it has parts alone
}

} // namespace

ir::Value* import_layer(const proto::Slice& slice, LayerImport& import) {
  LayerReport& report = import.report;
  if (slice.step() == 0) report.error("slice.step", "step is 0: it must be another number");
  const bool cuts = slice.at_size() > 0;
  if (cuts && (slice.has_count() || slice.begin() != 0 || slice.step() != 1))
    report.error("slice.at", "at cuts the whole input: it goes with no begin, count or step");
  if (!check_axis(import, slice.axis(), "slice.axis") || !import.ready()) return nullptr;
  const int64_t size = import.input_dims()[static_cast<size_t>(slice.axis())];
  if (cuts) return import_parts(slice, size, import);
  if (slice.begin() < 0 || slice.begin() >= size) {
    report.error("slice.begin", fmt::format("begin is {}: it must be 0 to {}", slice.begin(), size - 1));
    return nullptr;
  }
  const int64_t step = slice.step();
  const int64_t most = 1 + (step > 0 ? (size - 1 - slice.begin()) / step : slice.begin() / (-(step + 1) + 1));
  const int64_t count = slice.has_count() ? slice.count() : most;
  if (count < 1 || count > most) {
    report.error("slice.count", fmt::format("count is {}: it must be 1 to {}", count, most));
    return nullptr;
  }
  return &import.create<ir::Slice>({.begin = slice.begin(), .count = count, .axis = slice.axis(), .step = step},
                                   {&import.input()});
}

} // namespace kiln::frontend
