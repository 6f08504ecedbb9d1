// What is wrong with the files of a data set, each looked at by itself: for those who want all of it at once, where
// opening the data stops at the first.
#pragma once

#include "runtime/data_description.h"
#include "runtime/data_facts.h"
#include "runtime/data_source.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::runtime {

struct FileProblem {
  Split split = Split::train;
  std::string field;   // of the experiment's data source, which names the file: "train_images", "train"
  std::string message; // begins with the file
};

enum class FileDepth : uint8_t {
  headers, // names, sizes and headers
  whole,   // every byte of what is no file of a single image
};

// Files that are not what they should be, or do not fit one another within a split.
std::vector<FileProblem> find_file_problems(const DataDescription& description, FileDepth depth);

// Labels of classes that lie out of the range: of each split that has such the first, and how many more there are.
// Reads labels alone. Files that cannot be read are passed over.
std::vector<FileProblem> find_label_problems(const DataDescription& description, const LabelRange& range);

} // namespace kiln::runtime
