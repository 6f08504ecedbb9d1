// What a finished run or evaluation comes to.
#include "runtime/run_report.h"

#include "runtime/json_writer.h"
#include "runtime/number_format.h"
#include "runtime/run_records.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace kiln::runtime {
namespace {

// Nothing where labels are no classes.
std::string accuracy_text(double accuracy) {
  return std::isfinite(accuracy) ? ", accuracy " + format_fixed(accuracy, 4) : std::string();
}

std::string share_text(double share) { return std::isfinite(share) ? format_fixed(share, 4) : "-"; }

std::vector<std::string> names_of(const kiln_program& program) {
  return {program.class_names, program.class_names + program.class_count};
}

std::string in_column(std::string text, size_t width) {
  text.insert(0, text.size() < width ? width - text.size() : 0, ' ');
  return "  " + text;
}

std::string at_front(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

size_t name_width(const std::vector<std::string>& names) {
  size_t width = 5; // of "label" and "class"
  for (const std::string& name : names) width = std::max(width, name.size());
  return width;
}

std::string per_class_table(const ConfusionMatrix& matrix, const std::vector<std::string>& names) {
  const size_t width = name_width(names);
  std::string text = at_front("class", width) + "    labels  precision   recall       F1\n";
  for (int64_t c = 0; c < matrix.classes(); ++c)
    text += at_front(names[static_cast<size_t>(c)], width) + in_column(format_integer(matrix.labels(c)), 8) +
            in_column(share_text(matrix.precision(c)), 9) + in_column(share_text(matrix.recall(c)), 7) +
            in_column(share_text(matrix.f1(c)), 7) + "\n";
  return text;
}

// A row a label, a column a prediction.
std::string confusion_table(const ConfusionMatrix& matrix, const std::vector<std::string>& names) {
  const size_t width = name_width(names);
  const int64_t columns = matrix.classes() + (matrix.has_without_class() ? 1 : 0);
  std::string text = at_front("label", width);
  for (const std::string& name : names) text += in_column(name, width);
  text += columns > matrix.classes() ? in_column("none", width) + "\n" : "\n";
  for (int64_t label = 0; label < matrix.classes(); ++label) {
    text += at_front(names[static_cast<size_t>(label)], width);
    for (int64_t predicted = 0; predicted < columns; ++predicted)
      text += in_column(format_integer(matrix.count(label, predicted)), width);
    text += "\n";
  }
  return text;
}

void add_confusion(JsonWriter& json, const ConfusionMatrix& matrix) {
  json.key("confusion_matrix").begin_array();
  for (int64_t label = 0; label < matrix.classes(); ++label) {
    json.begin_array();
    for (int64_t predicted = 0; predicted < matrix.classes(); ++predicted) json.value(matrix.count(label, predicted));
    json.end_array();
  }
  json.end_array();
  if (!matrix.has_without_class()) return;
  json.key("without_class").begin_array();
  for (int64_t label = 0; label < matrix.classes(); ++label) json.value(matrix.without_class(label));
  json.end_array();
}

void add_classes(JsonWriter& json, const ConfusionMatrix& matrix, const std::vector<std::string>& names) {
  json.key("per_class").begin_array();
  for (int64_t c = 0; c < matrix.classes(); ++c) {
    json.begin_object().member("class", c).member("name", names[static_cast<size_t>(c)]);
    json.member("labels", matrix.labels(c)).member("precision", matrix.precision(c));
    json.member("recall", matrix.recall(c)).member("f1", matrix.f1(c)).end_object();
  }
  json.end_array();
}

} // namespace

std::string training_text(const TrainResult& result, const TrainOptions& run) {
  std::string text = format_integer(result.epochs) + " epochs, " + format_integer(result.steps) + " steps in " +
                     format_fixed(result.seconds, 1) + " s (" + format_fixed(result.samples_per_second, 0) +
                     " samples/s): train loss " + format_fixed(result.train_loss, 4) +
                     accuracy_text(result.train_accuracy) + "\n";
  if (std::isfinite(result.test_loss))
    text += name_of(run.evaluated) + (" loss " + format_fixed(result.test_loss, 4)) +
            accuracy_text(result.test_accuracy) + "\n";
  for (const NamedMetric& metric : result.further)
    if (std::isfinite(metric.value)) text += metric.name + " " + format_fixed(metric.value, 4) + "\n";
  if (result.stopped_early) text += "stopped early: tests had not become better\n";
  if (result.bad_records > 0)
    text += format_integer(result.bad_records) + " bad records were passed over: " + run.run_directory +
            "/bad_records.txt\n";
  text += "weights_sha256 " + result.weights_sha256 + "\n";
  if (run.run_directory.empty()) return text;
  return text + "run directory " + run.run_directory + "\nreport " + RunRecords::report_path(run.run_directory) + "\n";
}

std::string training_json(const TrainResult& result, const TrainOptions& run, std::optional<double> compile_seconds) {
  JsonWriter json;
  json.begin_object();
  json.member("epochs", result.epochs).member("steps", result.steps).member("stopped_early", result.stopped_early);
  json.member("train_loss", result.train_loss).member("train_accuracy", result.train_accuracy);
  json.member("evaluated", name_of(run.evaluated));
  json.member("test_loss", result.test_loss).member("test_accuracy", result.test_accuracy);
  for (const NamedMetric& metric : result.further) json.member(metric.name, metric.value);
  json.member("seconds", result.seconds).member("samples_per_second", result.samples_per_second);
  if (compile_seconds) json.member("compile_seconds", *compile_seconds);
  json.member("peak_memory_bytes", result.peak_memory_bytes);
  json.member("instance_memory_bytes", result.instance_memory_bytes);
  json.member("weights_sha256", result.weights_sha256).member("plan_hash", run.program->plan_hash);
  json.member("bad_records", result.bad_records).member("run_directory", run.run_directory);
  json.member("report", run.run_directory.empty() ? std::string() : RunRecords::report_path(run.run_directory));
  json.end_object();
  return json.text() + "\n";
}

std::string evaluation_text(const Evaluation& result, const BadRecords& bad_records, const kiln_program& program) {
  std::string text = format_integer(result.samples) + " samples: loss " + format_fixed(result.loss, 4) +
                     accuracy_text(result.accuracy) + " (" + format_fixed(result.seconds, 2) + " s)\n";
  for (const auto& loss : result.losses) text += "loss of " + loss.name + ": " + format_fixed(loss.mean, 4) + "\n";
  for (const auto& top : result.top_k) text += "top " + format_integer(top.k) + ": " + share_text(top.accuracy) + "\n";
  if (result.confusion.classes() > 0) {
    if (program.per_class) text += "\n" + per_class_table(result.confusion, names_of(program));
    if (program.confusion_matrix) text += "\n" + confusion_table(result.confusion, names_of(program));
  }
  if (bad_records.count() > 0)
    text += format_integer(bad_records.count()) +
            " samples could not be read and were left out, the last: " + bad_records.last_problem() + "\n";
  return text;
}

std::string evaluation_json(const Evaluation& result, const BadRecords& bad_records, const kiln_program& program,
                            std::string_view weights) {
  JsonWriter json;
  json.begin_object();
  json.member("samples", result.samples).member("bad_records", bad_records.count());
  json.member("test_loss", result.loss).member("test_accuracy", result.accuracy);
  if (!result.losses.empty()) {
    json.key("losses").begin_object();
    for (const auto& loss : result.losses) json.member(loss.name, loss.mean);
    json.end_object();
  }
  if (!result.top_k.empty()) {
    json.key("top_k").begin_object();
    for (const auto& top : result.top_k) json.member(format_integer(top.k), top.accuracy);
    json.end_object();
  }
  if (result.confusion.classes() > 0) {
    if (program.confusion_matrix) add_confusion(json, result.confusion);
    if (program.per_class) add_classes(json, result.confusion, names_of(program));
  }
  json.member("seconds", result.seconds).member("weights", weights).end_object();
  return json.text() + "\n";
}

} // namespace kiln::runtime
