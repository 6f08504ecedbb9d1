// Files of images -> what `predict` says of each.
#include "products/classify.h"

#include "runtime/augment/crop.h"
#include "runtime/error.h"
#include "runtime/folder_reader.h"
#include "runtime/image_files_source.h"
#include "runtime/layout.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <numeric>
#include <string_view>
#include <sys/stat.h>

namespace kiln::products {
namespace {

using runtime::Error;
using runtime::ErrorKind;

bool is_directory(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

} // namespace

std::vector<std::string> list_images(std::span<const std::string> words, const TellProblem& tell_problem) {
  std::vector<std::string> files;
  for (const std::string& word : words) {
    if (!is_directory(word)) {
      files.push_back(word);
      continue;
    }
    try {
      std::vector<std::string> found = runtime::find_images(word);
      if (found.empty()) throw Error(ErrorKind::data, word + ": holds no image (jpg, png, ppm, pgm)");
      std::move(found.begin(), found.end(), std::back_inserter(files));
    } catch (const Error& error) {
      tell_problem(word, error.message);
    }
  }
  return files;
}

Classifier::Classifier(runtime::Instance& instance) : instance_(instance) {
  const kiln_program& program = instance.program();
  for (int32_t i = 0; i < program.function_count; ++i) {
    const kiln_function& function = program.functions[i];
    if (function.name != std::string_view("predict")) continue;
    if (function.input_count != 1 || function.inputs[0].name != runtime::image_name ||
        function.inputs[0].dtype != KILN_U8 || function.inputs[0].rank != 4)
      throw Error(ErrorKind::unsupported, "this network takes more than images; files of images do not suffice");
    int output = runtime::find_output(function, "probability", KILN_F32);
    if (output < 0) output = runtime::require_output(function, "output", KILN_F32);
    batches_.push_back({&function, runtime::FunctionMemory(function), output});
  }
  if (batches_.empty()) runtime::require_function(program, "predict");
  std::sort(batches_.begin(), batches_.end(),
            [](const Batch& a, const Batch& b) { return a.function->batch > b.function->batch; });
  const kiln_function& largest = *batches_.front().function;
  const int64_t* dims = largest.inputs[0].dims;
  shape_ = {dims[1], dims[2], dims[3]};
  outputs_ = runtime::element_count(largest.outputs[batches_.front().output]) / largest.batch;
  logical_.resize(static_cast<size_t>(outputs_ * largest.batch));
}

// Whole batches as long as there are, then the smallest: rows that pad cost as much as others.
Classifier::Batch& Classifier::batch_for(int64_t rows) {
  for (Batch& batch : batches_)
    if (batch.function->batch <= rows) return batch;
  return batches_.back();
}

void Classifier::predict(Batch& batch) {
  instance_.run(*batch.function, batch.memory.inputs(), batch.memory.outputs(), 0, 0);
  runtime::unpack(batch.function->outputs[batch.output], batch.memory.output(batch.output), logical_.data());
}

void Classifier::run(const uint8_t* images, int64_t rows,
                     const std::function<void(int64_t row, std::span<const float>)>& tell) {
  const int64_t bytes = shape_.bytes();
  for (int64_t done = 0; done < rows;) {
    Batch& batch = batch_for(rows - done);
    const int64_t count = std::min(batch.function->batch, rows - done);
    std::memcpy(batch.memory.input(0), images + done * bytes, static_cast<size_t>(count * bytes));
    predict(batch);
    for (int64_t row = 0; row < count; ++row)
      tell(done + row, std::span(logical_).subspan(static_cast<size_t>(row * outputs_), static_cast<size_t>(outputs_)));
    done += count;
  }
}

void Classifier::run(const runtime::DataSource& source, const Tell& tell) {
  const size_t image = source.index_of(*source.find_field(runtime::image_name));
  const auto chunk = std::min<int64_t>(source.size(), std::max<int64_t>(max_batch(), 2 * instance_.pool().threads()));
  const auto bytes = static_cast<size_t>(shape_.bytes());
  std::vector<uint8_t> images(static_cast<size_t>(chunk) * bytes);
  std::vector<std::string> problems(static_cast<size_t>(chunk));
  for (int64_t first = 0; first < source.size(); first += chunk) {
    const int64_t rows = std::min(chunk, source.size() - first);
    instance_.pool().run(rows, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        std::string& problem = problems[static_cast<size_t>(row)];
        uint8_t* target = images.data() + static_cast<size_t>(row) * bytes;
        try {
          problem.clear();
          source.read(first + row, image, target);
        } catch (const Error& error) {
          problem = error.message;
          std::memset(target, 0, bytes);
        }
      }
    });
    run(images.data(), rows, [&](int64_t row, std::span<const float> output) {
      tell(static_cast<size_t>(first + row), problems[static_cast<size_t>(row)], output);
    });
  }
}

std::shared_ptr<const runtime::DataSource> open_images(std::vector<std::string> files, const runtime::FitRule& fit,
                                                       const std::array<uint8_t, 3>& background,
                                                       const runtime::ImageShape& shape) {
  runtime::FileListing listing{std::move(files), {}};
  listing.labels.resize(listing.paths.size());
  std::shared_ptr<const runtime::DataSource> source =
      std::make_shared<runtime::ImageFilesSource>(std::move(listing), fit, background);
  if (fit.target == shape) return source;
  return runtime::crop_center(std::move(source), shape.height, shape.width);
}

std::vector<std::pair<int64_t, float>> top_classes(std::span<const float> probabilities, int64_t count) {
  std::vector<int64_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return probabilities[static_cast<size_t>(a)] > probabilities[static_cast<size_t>(b)];
  });
  order.resize(std::min(order.size(), static_cast<size_t>(count)));
  std::vector<std::pair<int64_t, float>> top;
  for (int64_t index : order) top.emplace_back(index, probabilities[static_cast<size_t>(index)]);
  return top;
}

} // namespace kiln::products
