// batch_norm: its message to batch_norm and the update of its running statistics, in every function;
// use_running_statistics makes it the form that infers where nothing trains.
#include "ir/ops/batch_norm.h"

#include <fmt/format.h>

#include "frontend/import/layer_import.h"
#include "ir/ops/add.h"
#include "ir/ops/bias.h"
#include "ir/ops/constant.h"
#include "ir/ops/divide.h"
#include "ir/ops/multiply.h"
#include "ir/ops/negate.h"
#include "ir/ops/reciprocal.h"
#include "ir/ops/scale.h"
#include "ir/ops/sqrt.h"
#include "ir/ops/subtract.h"
#include "ir/ops/update_running_statistics.h"

namespace kiln::frontend {
namespace {

// (x - mean) / sqrt(variance + epsilon) * scale + shift, of ops that gradients flow through: batch_norm_inference has
// none. What is of channels alone is computed once a step.
ir::Value& normalize_by_running_statistics(const proto::BatchNorm& norm, LayerImport& import, ir::State& mean,
                                           ir::State& variance, const std::vector<ir::Value*>& operands) {
  const ir::Dims& channels = mean.value.type.dims;
  ir::Value& epsilon = import.create<ir::Constant>({.value = norm.epsilon(), .dims = channels}, {}, "epsilon");
  ir::Value& shifted = import.create<ir::Add>({}, {&variance.value, &epsilon}, "variance.epsilon");
  ir::Value& deviation = import.create<ir::Sqrt>({}, {&shifted}, "deviation");
  ir::Value* factor = nullptr;
  if (norm.affine())
    factor = &import.create<ir::Divide>({}, {operands[1], &deviation}, "factor");
  else
    factor = &import.create<ir::Reciprocal>({}, {&deviation}, "factor");
  ir::Value* offset = &import.create<ir::Multiply>({}, {&mean.value, factor}, "offset");
  if (norm.affine())
    offset = &import.create<ir::Subtract>({}, {operands[2], offset}, "shift");
  else
    offset = &import.create<ir::Negate>({}, {offset}, "shift");
  ir::Value& scaled = import.create<ir::Scale>({}, {operands[0], factor}, "scaled");
  return import.create<ir::Bias>({}, {&scaled, offset});
}

} // namespace

ir::Value* import_layer(const proto::BatchNorm& norm, LayerImport& import) {
  LayerReport& report = import.report;
  if (!(norm.momentum() >= 0 && norm.momentum() <= 1))
    report.error("batch_norm.momentum", fmt::format("momentum is {}: it must be 0 to 1", norm.momentum()),
                 "it is the share of each new batch in the running statistics");
  if (!(norm.epsilon() >= 1e-30 && norm.epsilon() <= 1e30))
    report.error("batch_norm.epsilon", fmt::format("epsilon is {}: it must be 1e-30 to 1e30", norm.epsilon()));
  if (!import.ready()) return nullptr;

  const ir::Dims& dims = import.input_dims();
  int64_t count = dims[0] * values_of(dims) / dims[1];
  if (import.kind == FunctionKind::train_step && count < 2) {
    report.error("", "each channel has one value a batch: in training there is nothing to take a variance of",
                 "use a larger batch");
    return nullptr;
  }
  const ir::Dims channels{dims[1]};
  std::vector<ir::Value*> operands{&import.input()};
  if (norm.affine()) {
    for (auto [role, start] : {std::pair("scale", 1.0), std::pair("shift", 0.0)}) {
      ir::State& state = import.parameter(role, channels, {ir::InitializerKind::constant, start, 0});
      state.decay_multiplier = 0;
      operands.push_back(&state.value);
    }
  }
  ir::State& mean = import.statistic("mean", channels, 0);
  ir::State& variance = import.statistic("variance", channels, 1);
  if (import.is_frozen && import.kind == FunctionKind::train_step)
    return &normalize_by_running_statistics(norm, import, mean, variance, operands);
  ir::Node& node = import.create_node<ir::BatchNorm>({.epsilon = norm.epsilon(), .epilogue = {}}, std::move(operands));
  node.result(0).name = import.name;
  node.result(1).name = import.name + ".mean";
  node.result(2).name = import.name + ".variance";
  import.create_node<ir::UpdateRunningStatistics>({.share = norm.momentum(), .count = count},
                                                  {&mean.value, &variance.value, &node.result(1), &node.result(2)});
  return &node.result(0);
}

} // namespace kiln::frontend
