// scale: a learnt factor for each channel and, if wanted, a learnt shift; neither decays.
// The shift is a bias, so that it goes where biases go.
#include "ir/ops/scale.h"

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

ir::Value* import_layer(const proto::Scale& scale, LayerImport& import) {
  if (!import.ready()) return nullptr;
  ir::State& factor =
      import.parameter("scale", {import.input_dims()[1]}, {ir::InitializerKind::constant, scale.start(), 0});
  factor.decay_multiplier = 0;
  if (!scale.bias()) return &import.create<ir::Scale>({}, {&import.input(), &factor.value});
  ir::Value& scaled = import.create<ir::Scale>({}, {&import.input(), &factor.value}, "scale");
  return &import.add_bias(scaled, {ir::InitializerKind::constant, 0, 0});
}

} // namespace kiln::frontend
