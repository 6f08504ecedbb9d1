// Samples that are made up: each class has a smooth pattern, and a sample is the pattern of its class with noise. Easy
// to learn, and needs no files. Every value is a function of (seed, sample, field, element); nothing is stored.
#pragma once

#include "runtime/data_source.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace kiln::runtime {

// What an f32 label is.
enum class SyntheticTarget {
  values,       // of a regression: a pattern of the class
  distribution, // over classes, the first dim: most of it on one
  flags         // 0 or 1, as the class has them
};

struct SyntheticOptions {
  // As the network takes them. `image`: the pattern of the class, or of each region's where the label is a map.
  // `label`: i32, the class or a map of regions' classes; f32, what `target` says. Any other, f32: noise and a pattern.
  std::vector<Field> fields;
  SyntheticTarget target = SyntheticTarget::values;
  int64_t classes = 10;
  int64_t samples = 0;
  int64_t first_sample = 0; // two sources with other numbers share patterns, but no sample
  uint64_t seed = 1;
};

std::unique_ptr<DataSource> make_synthetic_source(SyntheticOptions options);

} // namespace kiln::runtime
