// Measures a trained network: loss and accuracy over a data source, and predictions for given samples.
// Every sample counts once: rows that pad a last batch are ignored, so a result does not depend on the batch size.
#include "runtime/evaluate.h"

#include "runtime/checkpoint.h"
#include "runtime/error.h"
#include "runtime/layout.h"
#include "runtime/number_format.h"

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
      labels_(instance.program(), function_), predicted_(find_output(function_, "predicted", KILN_I32)) {
  const kiln_program& program = instance.program();
  check_source(program, function_, source);
  const int losses = std::max(program.loss_count, 1); // a program that names none has one of weight 1
  for (int i = 0; i < losses; ++i) {
    Loss loss{0, 0, 1, ""};
    if (i < program.loss_count) loss = {0, 0, program.losses[i].weight, program.losses[i].name};
    const std::string suffix = losses > 1 ? ":" + loss.name : "";
    loss.value = require_output(function_, "loss" + suffix, KILN_F32);
    loss.sample_weight = find_output(function_, "loss_weight" + suffix, KILN_F32);
    losses_.push_back(loss);
  }
  if (int correct = find_output(function_, "correct", KILN_F32); correct >= 0) counts_.push_back({1, correct});
  for (int output = 0; output < function_.output_count; ++output) {
    const std::string_view name = function_.outputs[output].name;
    int64_t k;
    if (name.starts_with("top_") && parse_integer(name.substr(4), k)) counts_.push_back({k, output});
  }
}

std::vector<int64_t> Evaluator::top_k() const {
  std::vector<int64_t> all;
  for (size_t i = 1; i < counts_.size(); ++i) all.push_back(counts_[i].k);
  return all;
}

void Evaluator::count_classes(ConfusionMatrix& confusion, int64_t row) const {
  auto* labels = static_cast<const int32_t*>(memory_.inputs()[static_cast<size_t>(labels_.input())]);
  auto* predicted = static_cast<const int32_t*>(memory_.outputs()[static_cast<size_t>(predicted_)]);
  for (int64_t i = row * labels_.per_sample(); i < (row + 1) * labels_.per_sample(); ++i)
    if (labels_.counts(labels[i])) confusion.add(labels[i], predicted[i]);
}

Evaluation Evaluator::run(const SignalGuard* signals) {
  auto start = std::chrono::steady_clock::now();
  Evaluation result;
  std::vector<double> loss_sums(losses_.size()), weight_sums(losses_.size()), count_sums(counts_.size());
  int64_t counted = 0;
  if (predicted_ >= 0) result.confusion = ConfusionMatrix(program_classes(instance_.program()));
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
      for (size_t i = 0; i < losses_.size(); ++i) {
        const int weight = losses_[i].sample_weight;
        loss_sums[i] += double{memory_.output(losses_[i].value)[row]};
        weight_sums[i] += weight < 0 ? 1 : double{memory_.output(weight)[row]};
      }
      for (size_t i = 0; i < counts_.size(); ++i) count_sums[i] += double{memory_.output(counts_[i].output)[row]};
      if (!counts_.empty()) counted += labels_.counted_in_row(memory_.input(labels_.input()), row);
      if (predicted_ >= 0) count_classes(result.confusion, row);
    }
    if (signals && signals->caught() != 0) {
      result.stopped = true;
      return result;
    }
  }
  if (result.samples == 0) throw Error(ErrorKind::data, "no sample to evaluate on can be read");
  for (size_t i = 0; i < losses_.size(); ++i) {
    const double mean = weight_sums[i] == 0 ? 0 : loss_sums[i] / weight_sums[i];
    result.loss += losses_[i].weight * mean;
    if (losses_.size() > 1) result.losses.push_back({losses_[i].name, mean});
  }
  result.accuracy = not_measured;
  for (size_t i = 0; i < counts_.size(); ++i) {
    const double share = counted > 0 ? count_sums[i] / static_cast<double>(counted) : not_measured;
    if (i == 0)
      result.accuracy = share;
    else
      result.top_k.push_back({counts_[i].k, share});
  }
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
