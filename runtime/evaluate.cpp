// Measures a trained network: loss and accuracy over a data source, and predictions for given samples.
// Every sample counts once: rows that pad a last batch are ignored, so a result does not depend on the batch size.
#include "runtime/evaluate.h"

#include "runtime/error.h"
#include "runtime/layout.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace kiln::runtime {

Evaluator::Evaluator(Instance& instance, const DataSource& source, int64_t batch)
    : instance_(instance), source_(source), function_(require_function(instance.program(), "evaluate", batch)),
      memory_(function_), image_(require_input(function_, "image", KILN_U8)),
      label_(require_input(function_, "label", KILN_I32)), loss_(require_output(function_, "loss", KILN_F32)),
      correct_(require_output(function_, "correct", KILN_F32)) {
  check_source(instance.program(), function_, source);
}

Evaluation Evaluator::run(const SignalGuard* signals) {
  auto start = std::chrono::steady_clock::now();
  Evaluation result;
  auto* images = reinterpret_cast<uint8_t*>(memory_.input(image_));
  auto* labels = reinterpret_cast<int32_t*>(memory_.input(label_));
  int64_t bytes = source_.shape().bytes();
  double loss_sum = 0, correct_sum = 0;
  for (int64_t first = 0; first < source_.size(); first += function_.batch) {
    int64_t rows = std::min(function_.batch, source_.size() - first);
    for (int64_t row = 0; row < rows; ++row) source_.read(first + row, images + row * bytes, labels + row);
    memset(images + rows * bytes, 0, static_cast<size_t>((function_.batch - rows) * bytes));
    memset(labels + rows, 0, static_cast<size_t>(function_.batch - rows) * sizeof(int32_t));
    instance_.run(function_, memory_.inputs(), memory_.outputs(), 0, 0);
    for (int64_t row = 0; row < rows; ++row) {
      loss_sum += double{memory_.output(loss_)[row]};
      correct_sum += double{memory_.output(correct_)[row]};
    }
    if (signals && signals->caught() != 0) {
      result.stopped = true;
      return result;
    }
  }
  result.samples = source_.size();
  result.loss = loss_sum / static_cast<double>(result.samples);
  result.accuracy = correct_sum / static_cast<double>(result.samples);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

std::vector<float> predict_samples(Instance& instance, const kiln_function& predict, const DataSource& source,
                                   std::span<const int64_t> samples) {
  FunctionMemory memory(predict);
  auto* images = reinterpret_cast<uint8_t*>(memory.input(require_input(predict, "image", KILN_U8)));
  int output = require_output(predict, "probability", KILN_F32);
  int64_t bytes = image_shape(predict).bytes();
  if (source.shape() != image_shape(predict))
    throw Error(ErrorKind::data,
                "images are " + to_string(source.shape()) + ", the network expects " + to_string(image_shape(predict)));
  int64_t classes = element_count(predict.outputs[output]) / predict.batch;
  std::vector<float> logical(static_cast<size_t>(predict.batch * classes));
  std::vector<float> result;
  result.reserve(samples.size() * static_cast<size_t>(classes));
  for (size_t first = 0; first < samples.size(); first += static_cast<size_t>(predict.batch)) {
    size_t rows = std::min(static_cast<size_t>(predict.batch), samples.size() - first);
    int32_t label;
    for (size_t row = 0; row < rows; ++row)
      source.read(samples[first + row], images + static_cast<int64_t>(row) * bytes, &label);
    instance.run(predict, memory.inputs(), memory.outputs(), 0, 0);
    unpack(predict.outputs[output], memory.output(output), logical.data());
    result.insert(result.end(), logical.begin(), logical.begin() + static_cast<int64_t>(rows) * classes);
  }
  return result;
}

} // namespace kiln::runtime
