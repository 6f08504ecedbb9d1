// The two metrics files of a run: metrics.csv, a row an epoch, and metrics.jsonl, an object a step and an epoch.
// Resuming cuts them back to the checkpoint, so that they end up as those of a run never stopped, wall times apart.
#include "runtime/metrics_files.h"

#include "runtime/json_reader.h"
#include "runtime/number_format.h"

#include <chrono>
#include <cmath>

namespace kiln::runtime {
namespace {

constexpr std::string_view csv_header = "epoch,step,learning_rate,train_loss,train_accuracy,test_loss,test_accuracy,"
                                        "seconds,samples_per_second";
constexpr size_t buffer_bytes = 1 << 16;

std::string csv_path(const std::string& directory) { return join_path(directory, "metrics.csv"); }

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The number in front of the first comma, which is taken off with it.
bool take_field(std::string_view& row, int64_t& value) {
  size_t comma = row.find(',');
  if (comma == std::string_view::npos || !parse_integer(row.substr(0, comma), value)) return false;
  row.remove_prefix(comma + 1);
  return true;
}

bool keep_csv_row(std::string_view row, int64_t last_epoch) {
  if (row.starts_with(csv_header)) return true;
  int64_t epoch;
  return take_field(row, epoch) && epoch <= last_epoch;
}

bool keep_jsonl_row(std::string_view row, int64_t last_step, int64_t last_epoch) {
  JsonValue value;
  std::string problem;
  if (!parse_json(row, value, problem)) return false;
  const JsonValue* kind = value.find("kind");
  if (!kind) return false;
  bool is_epoch = kind->text == "epoch";
  const JsonValue* count = value.find(is_epoch ? "epoch" : "step");
  uint64_t number;
  return count && count->as_unsigned(number) && number <= static_cast<uint64_t>(is_epoch ? last_epoch : last_step);
}

template <typename Keep> void keep_rows(const std::string& path, Keep keep) {
  if (!file_exists(path)) return;
  std::string text = read_text_file(path), kept;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string_view row = std::string_view(text).substr(begin, end - begin);
    if (keep(row)) kept.append(row) += '\n';
  }
  if (kept != text) write_text_file(path, kept);
}

} // namespace

std::string MetricsFiles::jsonl_path(const std::string& directory) { return join_path(directory, "metrics.jsonl"); }

MetricsFiles::MetricsFiles(const std::string& directory, std::span<const std::string> further)
    : csv_(csv_path(directory), buffer_bytes), jsonl_(jsonl_path(directory), buffer_bytes), last_flush_(now()) {
  json_.reserve(1024);
  if (InputFile(csv_path(directory)).size() == 0) {
    std::string header(csv_header);
    for (const std::string& name : further) header += ',' + name;
    csv_.append(header += '\n');
  }
  csv_.flush();
}

void MetricsFiles::cut_back(const std::string& directory, int64_t step, int64_t epoch) {
  keep_rows(csv_path(directory), [&](std::string_view row) { return keep_csv_row(row, epoch); });
  keep_rows(jsonl_path(directory), [&](std::string_view row) { return keep_jsonl_row(row, step, epoch); });
}

bool MetricsFiles::add_step(const StepMetrics& metrics) {
  json_.clear();
  json_.begin_object().member("kind", "step").member("step", metrics.step).member("epoch", metrics.epoch);
  json_.member("loss", metrics.loss).member("accuracy", metrics.accuracy);
  json_.member("learning_rate", metrics.learning_rate).end_object();
  jsonl_.append(json_.text());
  jsonl_.append("\n");
  const double time = now();
  if (time - last_flush_ <= 1) return false;
  last_flush_ = time;
  flush();
  return true;
}

void MetricsFiles::add_epoch(const EpochMetrics& metrics, std::span<const NamedMetric> further) {
  std::string row;
  append_integer(row, metrics.epoch);
  row += ',';
  append_integer(row, metrics.step);
  for (double value : {metrics.learning_rate, metrics.train_loss, metrics.train_accuracy, metrics.test_loss,
                       metrics.test_accuracy, metrics.seconds, metrics.samples_per_second}) {
    row += ',';
    if (std::isfinite(value)) append_double(row, value);
  }
  for (const NamedMetric& metric : further) {
    row += ',';
    if (std::isfinite(metric.value)) append_double(row, metric.value);
  }
  csv_.append(row += '\n');
  json_.clear();
  json_.begin_object().member("kind", "epoch").member("epoch", metrics.epoch).member("step", metrics.step);
  json_.member("learning_rate", metrics.learning_rate).member("train_loss", metrics.train_loss);
  json_.member("train_accuracy", metrics.train_accuracy).member("test_loss", metrics.test_loss);
  json_.member("test_accuracy", metrics.test_accuracy).member("seconds", metrics.seconds);
  json_.member("samples_per_second", metrics.samples_per_second);
  for (const NamedMetric& metric : further) json_.member(metric.name, metric.value);
  json_.end_object();
  jsonl_.append(json_.text());
  jsonl_.append("\n");
  flush();
}

void MetricsFiles::add_health(const HealthMetrics& metrics) {
  json_.clear();
  runtime::add_health(json_, metrics);
  jsonl_.append(json_.text());
  jsonl_.append("\n");
}

void MetricsFiles::flush() {
  csv_.flush();
  jsonl_.flush();
}

void MetricsFiles::sync() {
  csv_.sync();
  jsonl_.sync();
}

} // namespace kiln::runtime
