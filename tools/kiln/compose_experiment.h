// A first experiment for data that were found: a network, pre-processing, augmentation and training that fit their
// size and number, as text with comments for who goes on with it.
#pragma once

#include "find_data.h"

#include <string>

namespace kiln::tools {

// `folder` is where the experiment will stand: paths in it begin there, unless the data's are absolute. `opening` says
// where it comes from; it becomes the first comment.
std::string compose_experiment(const FoundData& found, const std::string& name, const std::string& folder,
                               const std::string& opening);

// "3 classes (daisy, rose, tulip)"
// Of a class with fewer samples none can be kept for validation and tests.
constexpr int64_t kFewForSplit = 3;

std::string describe_classes(const FoundData& found);
// "240x320 to 1024x768", of those that were looked at, height x width
std::string describe_sizes(const FoundData& found);

} // namespace kiln::tools
