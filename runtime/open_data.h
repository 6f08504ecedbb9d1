// From the description of a data set to its sources, and to what can be told of it before any image is opened.
#pragma once

#include "runtime/data_description.h"
#include "runtime/data_facts.h"
#include "runtime/data_source.h"

#include <memory>
#include <string>
#include <vector>

namespace kiln::runtime {

struct DataSurvey {
  ImageShape shape;          // zero if there is no source
  std::vector<Field> fields; // of each sample; images as they are stored
  PerSplit<int64_t> samples;
  std::vector<std::string> class_names;
  std::vector<DataProblem> problems;
  int64_t memory_bytes = 0; // that training will hold images in
};

// Reads names, sizes and headers only. Throws Error (data).
DataSurvey survey_data(const DataDescription& description);

struct DataSplits {
  PerSplit<std::shared_ptr<const DataSource>> sources; // null where there is none
  std::vector<std::string> class_names;

  const DataSource* operator[](Split split) const { return sources[split].get(); }
  // What training is watched by: validation if there, else test; null if neither is.
  const DataSource* watched() const { return (*this)[watched_split()]; }
  Split watched_split() const { return (*this)[Split::validation] ? Split::validation : Split::test; }
};

// Throws Error (data), also for the problems of survey_data() that are no warnings.
DataSplits open_data(const DataDescription& description);

} // namespace kiln::runtime
