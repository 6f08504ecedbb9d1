// dense: its message to dense and bias, with the reshape that flattens an image first.
// Weights are [units, values of the input].
#include "ir/ops/dense.h"

#include "frontend/import/window.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Dense& dense, LayerImport& import) {
  const std::string at = "dense";
  int64_t units = take_count(dense.has_units(), dense.units(), at, "units", import.report);
  Fans fans;
  if (import.input_known()) fans.in = static_cast<double>(values_of(import.input_dims()));
  if (units > 0) fans.out = static_cast<double>(units);
  ir::Initializer weights_init = import_initializer(dense.weights_init(), fans, at + ".weights_init", import.report);
  ir::Initializer bias_init = import_initializer(dense.bias_init(), fans, at + ".bias_init", import.report);
  if (!import.ready()) return nullptr;

  ir::Dims weights{units, values_of(import.input_dims())};
  if (!import.check_size(weights, "its weight") || !import.check_size({import.input_dims()[0], units}, "its output"))
    return nullptr;
  ir::State& weight = import.parameter("weight", std::move(weights), weights_init);
  ir::Value& product =
      import.create<ir::Dense>({}, {&import.rows("reshape"), &weight.value}, dense.bias() ? "dense" : "");
  return dense.bias() ? &import.add_bias(product, bias_init) : &product;
}

} // namespace kiln::frontend
