// Experiment file and overrides -> a resolved, checked experiment: read, override, resolve, check, probe, in that
// order. What every tool calls first; import_network (frontend/importer.h) is next.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontend/diagnostics.h"
#include "frontend/positions.h"
#include "frontend/probe_data.h"
#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

struct LoadedExperiment {
  proto::Experiment experiment; // resolved
  Positions positions;
  DataFacts data;
};

// Empty when the text could not be read as an experiment at all. Otherwise there can still be errors in `diagnostics`;
// importing then finds the rest of them.
std::optional<LoadedExperiment> load_experiment(const std::string& path, const std::vector<std::string>& overrides,
                                                Diagnostics& diagnostics);

} // namespace kiln::frontend
