// Experiment file and overrides -> a resolved, checked experiment.
// Nothing but the order of the steps.
#include "frontend/load_experiment.h"

#include "frontend/check_experiment.h"
#include "frontend/override.h"
#include "frontend/read_experiment.h"
#include "frontend/resolve.h"

namespace kiln::frontend {

std::optional<LoadedExperiment> load_experiment(const std::string& path, const std::vector<std::string>& overrides,
                                                Diagnostics& diagnostics) {
  std::optional<ReadExperiment> read = read_experiment(path, diagnostics);
  if (!read) return std::nullopt;
  apply_overrides(overrides, *read, diagnostics);
  LoadedExperiment loaded{std::move(read->message), std::move(read->positions), {}};
  resolve(loaded.experiment, path);
  check_experiment(loaded.experiment, loaded.positions, diagnostics);
  loaded.data = probe_data(loaded.experiment, loaded.positions, diagnostics);
  // From here on the classes are these, whatever becomes of the files: the names go with the model.
  if (loaded.experiment.data().class_name().empty())
    for (const std::string& name : loaded.data.class_names) loaded.experiment.mutable_data()->add_class_name(name);
  return loaded;
}

} // namespace kiln::frontend
