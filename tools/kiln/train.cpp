// kiln train: compiles the experiment and trains it here and now.
#include "compile_experiment.h"
#include "frontend/import/preprocess.h"
#include "lint_facts.h"
#include "measure_data.h"
#include "report.h"
#include "runtime/epoch_samples.h"
#include "runtime/error.h"
#include "runtime/recipe.h"
#include "runtime/run_report.h"
#include "runtime/train_loop.h"

#include <fmt/format.h>

namespace kiln::tools {

int run_train(const Options& options) {
  select_kernels(target_of(options));
  const frontend::LoadedExperiment loaded = load(options);
  ExperimentRecipe recipe(loaded);
  const bool is_watched = loaded.data.watched_samples() > 0;

  frontend::ImportOptions wanted;
  wanted.train_batch = recipe.stated().batch;
  wanted.evaluate_batch = is_watched ? recipe.stated().evaluation_batch : 0;
  wanted.predict_batches.clear();
  const Compiled compiled = compile(import(loaded, wanted, options), Purpose::training, loaded, options);

  const runtime::DataSplits data = open_data(loaded);
  if (data[runtime::Split::train] == nullptr)
    throw runtime::Error(runtime::ErrorKind::data,
                         fmt::format("{}: the experiment names no training data", options.experiment));
  recipe.measure(loaded, *data[runtime::Split::train], options);
  report_lint(lint_experiment(loaded, data[runtime::Split::train]), frontend::LintSeverity::warning,
              frontend::LintSeverity::warning, options);
  const kiln_recipe& stated = recipe.stated();
  const runtime::Training training(stated, samples_per_epoch(*data[runtime::Split::train], stated.class_rules));

  runtime::TrainOptions run;
  run.program = &compiled.program.description();
  run.training = &training.description();
  run.train = data[runtime::Split::train];
  run.test = data.watched();
  run.evaluated = data.watched_split();
  run.on_bad_record = recipe.on_bad_record();
  run.input_workers = options.input_workers;
  run.threads = thread_count(options);
  run.max_steps = options.max_steps;
  run.run_directory = run_directory(loaded, options);
  run.resume = options.resume;
  run.replan = options.replan;
  run.weights = options.weights.empty() ? loaded.experiment.training().weights() : options.weights;
  if (frontend::takes_statistics(loaded.experiment.preprocess())) {
    run.data_statistics = statistics_states(loaded);
    run.measure_data = [&](runtime::Instance& instance) {
      fill_statistics(loaded, *data[runtime::Split::train], options, run.run_directory, instance);
    };
  }
  run.kiln_version = KILN_VERSION;
  run.progress = options.verbosity < 0 ? runtime::ProgressMode::none : options.progress;
  const runtime::TrainResult result = runtime::train(run);

  fmt::print("{}", options.json ? runtime::training_json(result, run, compiled.program.compile_seconds())
                                : runtime::training_text(result, run));
  return result.stopped_by_signal == 0 ? 0 : 128 + result.stopped_by_signal;
}

} // namespace kiln::tools
