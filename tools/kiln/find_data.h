// What kind of data a folder holds, and what they are like: for `kiln init`, which is told no more than the folder.
#pragma once

#include "frontend/proto/kiln.pb.h"
#include "runtime/data_facts.h"
#include "runtime/image.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::tools {

struct FoundData {
  proto::Data data; // the source and nothing else; paths as they were given
  bool is_of_files = false;
  runtime::PerSplit<int64_t> samples;
  std::vector<int64_t> class_counts;    // of the training split
  std::vector<std::string> class_names; // empty: the labels are numbers
  std::vector<runtime::DataProblem> problems;

  // Of the images that were looked at: all of arrays, some of files.
  runtime::ImageShape least, most; // each side by itself
  int64_t middle_side = 0;         // the median of the shorter sides
  double middle_aspect = 1;        // the median of longer to shorter side
  bool is_grey = true;
  int64_t unreadable = 0;
  std::string first_unreadable; // what is wrong with it

  bool are_alike() const { return least == most; }
  std::string class_name(size_t label) const; // its number where it has none
};

// `place` is a folder, or one file that holds or lists all. Throws runtime::Error (data) that says what was expected
// and what is there.
FoundData find_data(const std::string& place);

} // namespace kiln::tools
