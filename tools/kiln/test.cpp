// kiln test: loss and accuracy of trained weights on the test split.
#include "compile_experiment.h"
#include "report.h"
#include "runtime/checkpoint.h"
#include "runtime/error.h"
#include "runtime/evaluate.h"
#include "runtime/instance.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kiln::tools {

namespace {

nlohmann::json to_json(const runtime::Evaluation& result, const proto::Metrics& metrics,
                       const std::vector<std::string>& names, const std::string& weights, int64_t bad_records) {
  nlohmann::json json = {{"samples", result.samples},        {"bad_records", bad_records},
                         {"test_loss", number(result.loss)}, {"test_accuracy", number(result.accuracy)},
                         {"seconds", result.seconds},        {"weights", weights}};
  for (const auto& loss : result.losses) json["losses"][loss.name] = number(loss.mean);
  for (const auto& top : result.top_k) json["top_k"][fmt::to_string(top.k)] = number(top.accuracy);
  const runtime::ConfusionMatrix& matrix = result.confusion;
  for (int64_t label = 0; metrics.confusion_matrix() && label < matrix.classes(); ++label) {
    nlohmann::json row = nlohmann::json::array();
    for (int64_t predicted = 0; predicted < matrix.classes(); ++predicted)
      row.push_back(matrix.count(label, predicted));
    json["confusion_matrix"].push_back(row);
    if (matrix.has_without_class()) json["without_class"].push_back(matrix.without_class(label));
  }
  for (int64_t c = 0; metrics.per_class() && c < matrix.classes(); ++c)
    json["per_class"].push_back({{"class", c},
                                 {"name", names.at(static_cast<size_t>(c))},
                                 {"labels", matrix.labels(c)},
                                 {"precision", number(matrix.precision(c))},
                                 {"recall", number(matrix.recall(c))},
                                 {"f1", number(matrix.f1(c))}});
  return json;
}

std::string share_text(double share) { return std::isfinite(share) ? fmt::format("{:.4f}", share) : "-"; }

void print_confusion(const runtime::ConfusionMatrix& matrix, const std::vector<std::string>& names, size_t width) {
  fmt::print("\n{:{}}", "label", width);
  for (const std::string& name : names) fmt::print("  {:>{}}", name, width);
  fmt::print("{}\n", matrix.has_without_class() ? fmt::format("  {:>{}}", "none", width) : "");
  const int64_t columns = matrix.classes() + (matrix.has_without_class() ? 1 : 0);
  for (int64_t label = 0; label < matrix.classes(); ++label) {
    fmt::print("{:{}}", names.at(static_cast<size_t>(label)), width);
    for (int64_t predicted = 0; predicted < columns; ++predicted)
      fmt::print("  {:{}}", matrix.count(label, predicted), width);
    fmt::print("\n");
  }
}

void print_text(const runtime::Evaluation& result, const proto::Metrics& metrics,
                const std::vector<std::string>& names) {
  fmt::print("{} samples: loss {:.4f}{} ({:.2f} s)\n", result.samples, result.loss, accuracy_text(result.accuracy),
             result.seconds);
  for (const auto& loss : result.losses) fmt::print("loss of {}: {:.4f}\n", loss.name, loss.mean);
  for (const auto& top : result.top_k) fmt::print("top {}: {}\n", top.k, share_text(top.accuracy));
  const runtime::ConfusionMatrix& matrix = result.confusion;
  size_t width = 5;
  for (const std::string& name : names) width = std::max(width, name.size());
  if (metrics.per_class() && matrix.classes() > 0) {
    fmt::print("\n{:{}}  {:>8}  {:>9}  {:>7}  {:>7}\n", "class", width, "labels", "precision", "recall", "F1");
    for (int64_t c = 0; c < matrix.classes(); ++c)
      fmt::print("{:{}}  {:8}  {:>9}  {:>7}  {:>7}\n", names.at(static_cast<size_t>(c)), width, matrix.labels(c),
                 share_text(matrix.precision(c)), share_text(matrix.recall(c)), share_text(matrix.f1(c)));
  }
  if (metrics.confusion_matrix() && matrix.classes() > 0) print_confusion(matrix, names, width);
}

} // namespace

int run_test(const Options& options) {
  select_kernels(target_of(options));
  const frontend::LoadedExperiment loaded = load(options);
  const auto source = open_test_source(loaded, options);

  const frontend::Recipe recipe = frontend::make_recipe(loaded.experiment.training(), loaded.data.train_samples);
  frontend::ImportOptions wanted;
  wanted.evaluate_batch = options.batch.value_or(recipe.evaluation_batch);
  wanted.predict_batches.clear();
  const Compiled compiled = compile(import(loaded, wanted, options), Purpose::training, loaded, options);

  runtime::Instance instance(compiled.program.description(), {.threads = thread_count(options)});
  const std::string weights = weights_path(loaded, options);
  require_complete(runtime::load_weights(weights, instance));
  runtime::BadRecords bad_records;
  const bool skips = loaded.experiment.data().on_bad_record() == proto::SKIP;
  runtime::Evaluator evaluator(instance, *source, 0, runtime::Split::test, skips ? &bad_records : nullptr);
  const runtime::Evaluation result = evaluator.run();

  const proto::Metrics& metrics = loaded.experiment.metrics();
  const std::vector<std::string> names = class_names(loaded, result.confusion.classes());
  if (options.json)
    print_json(to_json(result, metrics, names, weights, bad_records.count()));
  else
    print_text(result, metrics, names);
  if (bad_records.count() > 0 && !options.json)
    fmt::print("{} samples could not be read and were left out, the last: {}\n", bad_records.count(),
               bad_records.last_problem());
  return 0;
}

} // namespace kiln::tools
