// Files of images -> what `predict` says of each: decoded and fitted on all threads, in batches, in the order given.
#pragma once

#include "runtime/data_source.h"
#include "runtime/fit_image.h"
#include "runtime/function_io.h"
#include "runtime/instance.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kiln::products {

// Images among the words: a file is itself; a directory stands for the images below it, in the order of their paths. Of
// a directory that cannot be read or holds none, the problem is told.
using TellProblem = std::function<void(const std::string& directory, const std::string& problem)>;
std::vector<std::string> list_images(std::span<const std::string> words, const TellProblem& tell_problem);

class Classifier {
public:
  // What is to be done with one sample: either the problem or the values of the output, in logical order.
  using Tell = std::function<void(size_t sample, const std::string& problem, std::span<const float> output)>;

  // Throws runtime::Error (unsupported) when the program takes more than images.
  explicit Classifier(runtime::Instance& instance);

  runtime::ImageShape shape() const { return shape_; } // of what predict takes
  int64_t outputs() const { return outputs_; }         // values a sample

  // All samples of a source of such images; what cannot be read is told and leaves the others alone.
  void run(const runtime::DataSource& source, const Tell& tell);
  // `rows` images as they lie in memory, at most max_batch().
  void run(const uint8_t* images, int64_t rows, const std::function<void(int64_t row, std::span<const float>)>& tell);
  int64_t max_batch() const { return batches_.front().function->batch; }

private:
  struct Batch {
    const kiln_function* function;
    runtime::FunctionMemory memory;
    int output;
  };

  Batch& batch_for(int64_t rows);
  // What is in the batch's input -> logical_.
  void predict(Batch& batch);

  runtime::Instance& instance_;
  std::vector<Batch> batches_; // the largest first
  runtime::ImageShape shape_;
  int64_t outputs_ = 0;
  std::vector<float> logical_;
};

// Files for such a classifier, fitted by `fit`, of whose result the middle is cut out where the network takes less.
std::shared_ptr<const runtime::DataSource> open_images(std::vector<std::string> files, const runtime::FitRule& fit,
                                                       const std::array<uint8_t, 3>& background,
                                                       const runtime::ImageShape& shape);

// The most probable classes, of equal ones the lower.
std::vector<std::pair<int64_t, float>> top_classes(std::span<const float> probabilities, int64_t count);

} // namespace kiln::products
