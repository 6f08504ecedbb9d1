// kiln train: compiles the experiment and trains it here and now.
#include "compile_experiment.h"
#include "frontend/import/preprocess.h"
#include "measure_data.h"
#include "report.h"
#include "runtime/error.h"
#include "runtime/number_format.h"
#include "runtime/train_loop.h"

#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kiln::tools {

namespace {

nlohmann::json summary(const runtime::TrainResult& result, const codegen::Program& program,
                       const runtime::TrainOptions& run) {
  return {{"epochs", result.epochs},
          {"steps", result.steps},
          {"train_loss", number(result.train_loss)},
          {"train_accuracy", number(result.train_accuracy)},
          {"evaluated", runtime::name_of(run.evaluated)},
          {"test_loss", number(result.test_loss)},
          {"test_accuracy", number(result.test_accuracy)},
          {"seconds", result.seconds},
          {"samples_per_second", number(result.samples_per_second)},
          {"compile_seconds", program.compile_seconds()},
          {"peak_memory_bytes", result.peak_memory_bytes},
          {"instance_memory_bytes", result.instance_memory_bytes},
          {"weights_sha256", result.weights_sha256},
          {"plan_hash", program.description().plan_hash},
          {"bad_records", result.bad_records},
          {"run_directory", run.run_directory}};
}

} // namespace

int run_train(const Options& options) {
  select_kernels(target_of(options));
  const frontend::LoadedExperiment loaded = load(options);
  const frontend::Recipe recipe = frontend::make_recipe(loaded.experiment.training(), loaded.data.train_samples);
  const bool is_watched = loaded.data.watched_samples() > 0;

  frontend::ImportOptions wanted;
  wanted.train_batch = recipe.batch;
  wanted.evaluate_batch = is_watched ? recipe.evaluation_batch : 0;
  wanted.predict_batches.clear();
  const Compiled compiled = compile(import(loaded, wanted, options), Purpose::training, loaded, options);

  const runtime::DataSplits data = open_data(loaded);
  if (data[runtime::Split::train] == nullptr)
    throw runtime::Error(runtime::ErrorKind::data,
                         fmt::format("{}: the experiment names no training data", options.experiment));
  const Augmentation augmentation(loaded);
  const Training training(recipe, augmentation);

  runtime::TrainOptions run;
  run.program = &compiled.program.description();
  run.training = &training.description;
  run.train = data[runtime::Split::train];
  run.test = data.watched();
  run.evaluated = data.watched_split();
  run.on_bad_record = loaded.experiment.data().on_bad_record() == proto::SKIP ? runtime::BadRecordPolicy::skip
                                                                              : runtime::BadRecordPolicy::fail;
  run.input_workers = options.input_workers;
  run.threads = thread_count(options);
  run.max_steps = options.max_steps;
  run.run_directory = run_directory(loaded, options);
  run.resume = options.resume;
  run.replan = options.replan;
  run.weights = options.weights;
  if (frontend::takes_statistics(loaded.experiment.preprocess())) {
    run.data_statistics = statistics_states(loaded);
    run.measure_data = [&](runtime::Instance& instance) {
      fill_statistics(loaded, *data[runtime::Split::train], options, run.run_directory, instance);
    };
  }
  run.kiln_version = KILN_VERSION;
  run.progress = options.verbosity < 0 ? runtime::ProgressMode::none : options.progress;
  const runtime::TrainResult result = runtime::train(run);

  if (options.json) {
    print_json(summary(result, compiled.program, run));
  } else {
    fmt::print("{} epochs, {} steps in {:.1f} s ({:.0f} samples/s): train loss {:.4f}{}\n", result.epochs, result.steps,
               result.seconds, result.samples_per_second, result.train_loss, accuracy_text(result.train_accuracy));
    if (std::isfinite(result.test_loss))
      fmt::print("{} loss {:.4f}{}\n", runtime::name_of(run.evaluated), result.test_loss,
                 accuracy_text(result.test_accuracy));
    if (result.bad_records > 0)
      fmt::print("{} bad records were passed over: {}/bad_records.txt\n", result.bad_records, run.run_directory);
    fmt::print("weights_sha256 {}\nrun directory {}\n", result.weights_sha256, run.run_directory);
  }
  return result.stopped_by_signal == 0 ? 0 : 128 + result.stopped_by_signal;
}

} // namespace kiln::tools
