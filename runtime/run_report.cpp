// What a finished run or evaluation comes to.
#include "runtime/run_report.h"

#include "runtime/json_writer.h"
#include "runtime/number_format.h"

#include <cmath>

namespace kiln::runtime {
namespace {

// Nothing where labels are no classes.
std::string accuracy_text(double accuracy) {
  return std::isfinite(accuracy) ? ", accuracy " + format_fixed(accuracy, 4) : std::string();
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
  if (result.bad_records > 0)
    text += format_integer(result.bad_records) + " bad records were passed over: " + run.run_directory +
            "/bad_records.txt\n";
  return text + "weights_sha256 " + result.weights_sha256 + "\nrun directory " + run.run_directory + "\n";
}

std::string training_json(const TrainResult& result, const TrainOptions& run, std::optional<double> compile_seconds) {
  JsonWriter json;
  json.begin_object();
  json.member("epochs", result.epochs).member("steps", result.steps);
  json.member("train_loss", result.train_loss).member("train_accuracy", result.train_accuracy);
  json.member("evaluated", name_of(run.evaluated));
  json.member("test_loss", result.test_loss).member("test_accuracy", result.test_accuracy);
  json.member("seconds", result.seconds).member("samples_per_second", result.samples_per_second);
  if (compile_seconds) json.member("compile_seconds", *compile_seconds);
  json.member("peak_memory_bytes", result.peak_memory_bytes);
  json.member("instance_memory_bytes", result.instance_memory_bytes);
  json.member("weights_sha256", result.weights_sha256).member("plan_hash", run.program->plan_hash);
  json.member("bad_records", result.bad_records).member("run_directory", run.run_directory);
  json.end_object();
  return json.text() + "\n";
}

std::string evaluation_text(const Evaluation& result, const BadRecords& bad_records) {
  std::string text = format_integer(result.samples) + " samples: loss " + format_fixed(result.loss, 4) +
                     accuracy_text(result.accuracy) + " (" + format_fixed(result.seconds, 2) + " s)\n";
  if (bad_records.count() > 0)
    text += format_integer(bad_records.count()) +
            " samples could not be read and were left out, the last: " + bad_records.last_problem() + "\n";
  return text;
}

std::string evaluation_json(const Evaluation& result, const BadRecords& bad_records, std::string_view weights) {
  JsonWriter json;
  json.begin_object();
  json.member("samples", result.samples).member("bad_records", bad_records.count());
  json.member("test_loss", result.loss).member("test_accuracy", result.accuracy);
  json.member("seconds", result.seconds).member("weights", weights).end_object();
  return json.text() + "\n";
}

} // namespace kiln::runtime
