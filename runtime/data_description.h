// What an experiment says about its data, as plain values: what open_data() needs, and nothing of how it was written.
#pragma once

#include "runtime/cifar_reader.h"
#include "runtime/data_facts.h"
#include "runtime/fit_image.h"
#include "runtime/list_reader.h"
#include "runtime/npy_source.h"
#include "runtime/split_samples.h"

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace kiln::runtime {

// An empty path means that there is no such split.
struct IdxData {
  PerSplit<std::string> images;
  PerSplit<std::string> labels;
};

struct FolderData {
  PerSplit<std::string> folders;
};

struct ListData {
  PerSplit<std::string> files;
  ListOptions options;
};

struct CifarData {
  CifarKind kind = CifarKind::cifar10;
  PerSplit<std::vector<std::string>> files;
  std::vector<std::string> class_names; // of the file beside them
};

struct NpyData {
  PerSplit<NpyArrays> arrays;
};

struct DataDescription {
  std::variant<std::monostate, IdxData, FolderData, ListData, CifarData, NpyData> source;
  std::vector<std::string> class_names; // empty: as the source says
  // Files of images: how each becomes one of fit.target. Others: images of another size are fitted if `resizes`.
  FitRule fit;
  bool resizes = false;
  std::array<uint8_t, 3> background = {255, 255, 255};
  SplitShares split;
  int64_t cache_bytes = 0;
};

} // namespace kiln::runtime
