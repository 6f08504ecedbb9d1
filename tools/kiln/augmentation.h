// The augmentation of an experiment as the runtime wants it described.
#pragma once

#include "frontend/load_experiment.h"
#include "runtime/abi.h"
#include "tools/statistics/preprocess_states.h"

#include <cstdint>
#include <list>
#include <span>
#include <vector>

namespace kiln::tools {

// Owns what the stages point to.
class Augmentation {
public:
  explicit Augmentation(const frontend::LoadedExperiment& loaded);
  Augmentation(const Augmentation&) = delete;
  Augmentation& operator=(const Augmentation&) = delete;

  std::span<const kiln_augment_stage> stages() const { return stages_; }
  // What fancy_pca adds, from the summary of the training images.
  void set_colors(const std::vector<statistics::NamedTensor>& summary);

private:
  kiln_outside outside(proto::Border border, const google::protobuf::RepeatedField<int64_t>& fill);

  std::vector<kiln_augment_stage> stages_;
  std::list<std::vector<uint8_t>> fills_;
};

} // namespace kiln::tools
