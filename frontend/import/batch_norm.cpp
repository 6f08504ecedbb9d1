// batch_norm: its message to batch_norm and the update of its running statistics, in every function;
// use_running_statistics makes it the form that infers where nothing trains.
#include "ir/ops/batch_norm.h"

#include <fmt/format.h>

#include "frontend/import/layer_import.h"
#include "ir/ops/update_running_statistics.h"

namespace kiln::frontend {

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
  ir::Node& node = import.create_node<ir::BatchNorm>({.epsilon = norm.epsilon(), .epilogue = {}}, std::move(operands));
  node.result(0).name = import.name;
  node.result(1).name = import.name + ".mean";
  node.result(2).name = import.name + ".variance";
  import.create_node<ir::UpdateRunningStatistics>({.share = norm.momentum(), .count = count},
                                                  {&mean.value, &variance.value, &node.result(1), &node.result(2)});
  return &node.result(0);
}

} // namespace kiln::frontend
