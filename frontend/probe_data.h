// How large the images are, how many and of which classes: from names, sizes and headers of the data files.
// Only headers are read, so that checking an experiment stays instant; what they promise is the runtime's to verify.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "frontend/diagnostics.h"
#include "frontend/positions.h"
#include "frontend/proto/kiln.pb.h"
#include "runtime/open_data.h"

namespace kiln::frontend {

// 0: not known, because there is no source or it is broken.
struct DataFacts {
  // Of what the network takes: smaller than the source's images where augmentation cuts out a part.
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t train_samples = 0;
  int64_t validation_samples = 0;
  int64_t test_samples = 0;
  std::vector<std::string> class_names; // as the source says; empty if it does not
  int64_t memory_bytes = 0;             // that training will hold images in
  std::optional<runtime::Field> label;  // that the source gives with each image; empty if it is not known

  bool knows_image() const { return channels > 0; }
  // What training is watched by: the validation samples if there are any, else the test samples.
  int64_t watched_samples() const { return validation_samples > 0 ? validation_samples : test_samples; }
};

// A file that cannot be read, or does not hold what it should, is an error of kind data. A stated data.image that
// the files contradict, a batch larger than the training set, and a part to cut out that is larger
// than the images, are errors of kind model.
DataFacts probe_data(const proto::Experiment& resolved, const Positions& positions, Diagnostics& diagnostics);

} // namespace kiln::frontend
