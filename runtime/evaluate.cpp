// Measures a trained network: loss and accuracy over a data source, and predictions for given samples.
// Every sample counts once: rows that pad a last batch are ignored, so a result does not depend on the batch size.
#include "runtime/evaluate.h"

#include "runtime/checkpoint.h"
#include "runtime/error.h"
#include "runtime/layout.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

namespace kiln::runtime {

LabelCount::LabelCount(const kiln_program& program, const kiln_function& function) {
  for (int input = 0; input < function.input_count; ++input) {
    const kiln_tensor& tensor = function.inputs[input];
    if (tensor.name != label_name || tensor.dtype != KILN_I32) continue;
    input_ = input;
    labels_per_sample_ = element_count(tensor) / function.batch;
  }
  if (program.ignores_label) ignored_ = program.ignored_label;
}

int64_t LabelCount::counted(const void* labels, int64_t rows) const {
  const int64_t all = rows * labels_per_sample_;
  if (!ignored_) return all;
  auto* values = static_cast<const int32_t*>(labels);
  return all - std::count(values, values + all, *ignored_);
}

int64_t LabelCount::counted_in_row(const void* labels, int64_t row) const {
  return counted(static_cast<const int32_t*>(labels) + row * labels_per_sample_, 1);
}

Evaluator::Evaluator(Instance& instance, const DataSource& source, int64_t batch, Split split, BadRecords* bad_records)
    : instance_(instance), function_(require_function(instance.program(), "evaluate", batch)), memory_(function_),
      fields_(bind_fields(function_, source)), reader_(source, field_numbers(fields_), split, bad_records),
      labels_(instance.program(), function_), loss_(require_output(function_, "loss", KILN_F32)),
      correct_(find_output(function_, "correct", KILN_F32)) {
  check_source(instance.program(), function_, source);
}

Evaluation Evaluator::run(const SignalGuard* signals) {
  auto start = std::chrono::steady_clock::now();
  Evaluation result;
  double loss_sum = 0, correct_sum = 0;
  int64_t counted = 0;
  const int64_t size = reader_.source().size();
  std::vector<char*> parts;
  for (const BoundField& field : fields_) parts.push_back(memory_.input(field.input));
  std::vector<int64_t> indices(static_cast<size_t>(function_.batch));
  std::vector<uint8_t> was_read(indices.size());
  for (int64_t first = 0; first < size; first += function_.batch) {
    int64_t rows = std::min(function_.batch, size - first);
    std::iota(indices.begin(), indices.end(), first);
    reader_.read_marked(std::span(indices).first(static_cast<size_t>(rows)), parts, was_read, &instance_.pool());
    for (const BoundField& field : fields_)
      memset(memory_.input(field.input) + rows * field.bytes, 0,
             static_cast<size_t>((function_.batch - rows) * field.bytes));
    instance_.run(function_, memory_.inputs(), memory_.outputs(), 0, 0);
    for (int64_t row = 0; row < rows; ++row) {
      if (was_read[static_cast<size_t>(row)] == 0) continue;
      ++result.samples;
      loss_sum += double{memory_.output(loss_)[row]};
      if (correct_ < 0) continue;
      correct_sum += double{memory_.output(correct_)[row]};
      counted += labels_.counted_in_row(memory_.input(labels_.input()), row);
    }
    if (signals && signals->caught() != 0) {
      result.stopped = true;
      return result;
    }
  }
  if (result.samples == 0) throw Error(ErrorKind::data, "no sample to evaluate on can be read");
  result.loss = loss_sum / static_cast<double>(result.samples);
  result.accuracy = counted > 0 ? correct_sum / static_cast<double>(counted) : not_measured;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

std::vector<float> predict_samples(Instance& instance, const kiln_function& predict, const DataSource& source,
                                   std::span<const int64_t> samples) {
  FunctionMemory memory(predict);
  const std::vector<BoundField> fields = bind_fields(predict, source);
  int output = find_output(predict, "probability", KILN_F32);
  if (output < 0) output = require_output(predict, "output", KILN_F32);
  int64_t values = element_count(predict.outputs[output]) / predict.batch;
  std::vector<float> logical(static_cast<size_t>(predict.batch * values));
  std::vector<float> result;
  result.reserve(samples.size() * static_cast<size_t>(values));
  for (size_t first = 0; first < samples.size(); first += static_cast<size_t>(predict.batch)) {
    size_t rows = std::min(static_cast<size_t>(predict.batch), samples.size() - first);
    for (const BoundField& field : fields) {
      char* data = memory.input(field.input);
      for (size_t row = 0; row < rows; ++row)
        source.read(samples[first + row], field.field, data + static_cast<int64_t>(row) * field.bytes);
    }
    instance.run(predict, memory.inputs(), memory.outputs(), 0, 0);
    unpack(predict.outputs[output], memory.output(output), logical.data());
    result.insert(result.end(), logical.begin(), logical.begin() + static_cast<int64_t>(rows) * values);
  }
  return result;
}

} // namespace kiln::runtime
