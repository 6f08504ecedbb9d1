// Plain values about data sets that readers, probes and scans share.
#pragma once

#include "runtime/image.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace kiln::runtime {

// The parts of a data set: to train on, to watch the training by, to judge the result by.
enum class Split : uint8_t { train, validation, test };
inline constexpr std::array<Split, 3> all_splits = {Split::train, Split::validation, Split::test};
const char* name_of(Split split);

// One value a split.
template <class T> struct PerSplit {
  std::array<T, 3> values{};
  T& operator[](Split split) { return values[static_cast<size_t>(split)]; }
  const T& operator[](Split split) const { return values[static_cast<size_t>(split)]; }
};

// What is wrong with a data set, as far as reading can go on; what it cannot go on from is an Error.
struct DataProblem {
  bool is_warning = false;
  std::string message; // begins with the file or directory
  std::string hint = {};
};

// Image files and their classes.
struct FileListing {
  std::vector<std::string> paths;
  std::vector<int32_t> labels;
};

// Images of one shape and their labels, in memory.
struct LabelledImages {
  ImageShape shape;
  std::vector<uint8_t> pixels; // row-major over samples, height, width, channels
  std::vector<int32_t> labels;
};

} // namespace kiln::runtime
