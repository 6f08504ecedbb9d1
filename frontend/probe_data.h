// How large the images are and how many: taken from the headers of the data files, since shapes follow from it.
// Only headers are read, so that checking an experiment stays instant; what they promise is the runtime's to verify.
#pragma once

#include <cstdint>

#include "frontend/diagnostics.h"
#include "frontend/positions.h"
#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

// 0: not known, because there is no source or it is broken.
struct DataFacts {
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t train_samples = 0;
  int64_t test_samples = 0;

  bool knows_image() const { return channels > 0; }
};

// A file that cannot be read, or does not hold what it should, is an error of kind data. A stated data.image that
// the files contradict, and a batch larger than the training set, are errors of kind model.
DataFacts probe_data(const proto::Experiment& resolved, const Positions& positions, Diagnostics& diagnostics);

} // namespace kiln::frontend
