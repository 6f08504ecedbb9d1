// From the moments of the training images to the states of the pre-processing: center, factor, rotation.
// The formulas are those of `Preprocess` in kiln.proto.
#pragma once

#include "frontend/proto/kiln.pb.h"
#include "runtime/image_statistics.h"
#include "tools/statistics/eigen.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::statistics {

// In logical order: channels outermost.
struct NamedTensor {
  std::string name;
  std::vector<int64_t> dims;
  std::vector<double> values;
};

struct PreprocessStates {
  std::vector<NamedTensor> states; // named as in frontend/import/preprocess.h
  std::vector<double> eigenvalues; // of the covariance that was decorrelated, all of them; else empty
};

// Whether decorrelation asks for the covariance of whole images.
bool needs_covariance(const proto::Preprocess& preprocess);

// Of a checked experiment that takes statistics. Throws runtime::Error (data) where the data allow no such thing: an
// eigenvalue of 0 and no epsilon.
PreprocessStates make_states(const proto::Preprocess& preprocess, const runtime::ImageMoments& moments);

// What `kiln stats` shows and stores, in grey levels: mean, std, min, max of every value, channel_mean, channel_std,
// channel_covariance and its eigenvalues and eigenvectors (rows); in all detail the same of the covariance of all
// values, where it was measured.
enum class Detail : uint8_t { channels, all };
std::vector<NamedTensor> summarize(const runtime::ImageMoments& moments, Detail detail);

// The tensors as a safetensors file of doubles; `count` of images goes into its metadata.
void write_tensors(const std::string& path, const std::vector<NamedTensor>& tensors, int64_t count);

} // namespace kiln::statistics
