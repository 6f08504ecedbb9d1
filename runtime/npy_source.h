// Samples that are rows of NumPy arrays: images, labels of any kind, and what else a network takes.
#pragma once

#include "runtime/data_source.h"
#include "runtime/npy_reader.h"

#include <memory>
#include <string>
#include <vector>

namespace kiln::runtime {

struct NamedArray {
  std::string name; // the network's input
  ArrayPlace place;
};

// The arrays of a split, a row a sample. Images: u1 of N x H x W, or N x H x W x C (N x C x H x W with
// `channels_first`). Labels: whole numbers, N or N x 1 (classes) or N x H x W (a class a pixel); or floats, N or N x
// dims. Inputs: numbers of N or N x dims, which become floats.
struct NpyArrays {
  ArrayPlace image;
  ArrayPlace label;
  std::vector<NamedArray> inputs;
  bool channels_first = false;
};

struct NpySurvey {
  int64_t samples = 0;
  std::vector<Field> fields; // image, label, inputs
};

// What the headers promise. Throws Error (data), also where arrays disagree about the number of samples.
NpySurvey survey_npy(const NpyArrays& arrays);
// The labels of classes alone; none where labels are something else.
std::vector<int32_t> read_npy_labels(const ArrayPlace& place);
// Reads all of them. Throws Error (data), also on labels that no class can have.
std::unique_ptr<DataSource> open_npy(const NpyArrays& arrays);

} // namespace kiln::runtime
