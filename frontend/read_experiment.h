// Experiment file -> message and the position of every field.
// Text, or binary when the name ends in ".pb". What the text means is not looked at here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "frontend/diagnostics.h"
#include "frontend/positions.h"
#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

struct ReadExperiment {
  proto::Experiment message;
  Positions positions;
};

// Empty when the file cannot be read (data error), or has a syntax or type error. Unknown names are errors too, all of
// them are told, but the rest is still returned: the messages that hold them are marked as damaged in `positions`.
std::optional<ReadExperiment> read_experiment(const std::string& path, Diagnostics& diagnostics);

// The same from text that is already in memory; `file` is what positions say.
std::optional<ReadExperiment> parse_experiment(std::string_view text, const std::string& file,
                                               Diagnostics& diagnostics);

} // namespace kiln::frontend
