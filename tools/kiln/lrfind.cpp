// kiln lrfind: trains a few hundred steps at a rate that rises all the while, and suggests one to start with.
#include "compile_experiment.h"
#include "frontend/import/preprocess.h"
#include "measure_data.h"
#include "report.h"
#include "runtime/epoch_samples.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/line_chart.h"
#include "runtime/recipe.h"
#include "runtime/train_loop.h"
#include "tools/statistics/rate_range.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kiln::tools {

namespace {

// The recipe's own augmentation, order and clipping, but another rate and no end before `steps`.
kiln_training range_test(const kiln_training& stated, int64_t steps, double least, double most) {
  kiln_training training = stated;
  training.schedule = {};
  training.schedule.kind = KILN_SCHEDULE_EXP;
  training.schedule.base = least;
  training.schedule.gamma = std::pow(most / least, 1 / static_cast<double>(steps - 1));
  training.epochs = steps; // an epoch has at least one
  training.checkpoint_every_steps = 0;
  training.evaluate_every_epochs = 0;
  training.health_every_steps = 0;
  training.test_rules = {};
  return training;
}

std::string picture(const std::vector<statistics::RateStep>& steps, const statistics::RateRange& range) {
  runtime::LineChart chart{"loss by learning rate", "learning rate, as a power of ten", {}};
  runtime::Curve batches{"of batches", {}}, smoothed{"smoothed", {}};
  // Where it diverges the rest would be flat.
  const double start = range.smoothed.empty() ? 0 : range.smoothed.front();
  double least = start, greatest = start;
  for (size_t i = 0; i < range.smoothed.size(); ++i) {
    if (steps[i].loss > 3 * std::abs(start)) break;
    const double x = std::log10(steps[i].rate);
    batches.points.push_back({x, steps[i].loss, steps[i].loss, steps[i].loss});
    smoothed.points.push_back({x, range.smoothed[i], range.smoothed[i], range.smoothed[i]});
    least = std::min(least, steps[i].loss);
    greatest = std::max(greatest, steps[i].loss);
  }
  chart.curves = {std::move(batches), std::move(smoothed)};
  if (range.suggested > 0) {
    const double x = std::log10(range.suggested);
    chart.curves.push_back(
        {fmt::format("suggested: {}", range.suggested), {{x, least, least, least}, {x, greatest, greatest, greatest}}});
  }
  return runtime::svg(chart);
}

nlohmann::json to_json(const std::vector<statistics::RateStep>& steps, const statistics::RateRange& range) {
  const auto known = [](double rate) { return rate > 0 ? nlohmann::json(rate) : nlohmann::json(); };
  nlohmann::json curve = nlohmann::json::array();
  for (size_t i = 0; i < range.smoothed.size(); ++i)
    curve.push_back({{"learning_rate", steps[i].rate}, {"loss", steps[i].loss}, {"smoothed", range.smoothed[i]}});
  return {{"suggested", known(range.suggested)},
          {"steepest", known(range.steepest)},
          {"least_loss", known(range.least)},
          {"diverges", known(range.diverges)},
          {"reason", range.reason},
          {"curve", curve}};
}

} // namespace

int run_lrfind(const Options& options) {
  select_kernels(target_of(options));
  const frontend::LoadedExperiment loaded = load(options);
  ExperimentRecipe recipe(loaded);
  frontend::ImportOptions wanted;
  wanted.train_batch = recipe.stated().batch;
  wanted.predict_batches.clear();
  const Compiled compiled = compile(import(loaded, wanted, options), Purpose::training, loaded, options);
  const runtime::DataSplits data = open_data(loaded);
  const auto train = data[runtime::Split::train];
  if (train == nullptr)
    throw runtime::Error(runtime::ErrorKind::data,
                         fmt::format("{}: the experiment names no training data", options.experiment));
  recipe.measure(loaded, *train, options);
  const runtime::Training stated(recipe.stated(), samples_per_epoch(*train, recipe.stated().class_rules));
  const kiln_training training = range_test(stated.description(), options.steps, options.least_rate, options.most_rate);
  const std::string directory =
      options.out.empty() ? fmt::format("runs/{}-lrfind", loaded.experiment.name()) : options.out;
  runtime::make_directories(directory);

  runtime::TrainOptions run;
  run.program = &compiled.program.description();
  run.training = &training;
  run.train = train;
  run.on_bad_record = recipe.on_bad_record();
  run.threads = thread_count(options);
  run.max_steps = options.steps;
  run.weights = options.weights.empty() ? loaded.experiment.training().weights() : options.weights;
  run.progress = options.verbosity < 0 ? runtime::ProgressMode::none : options.progress;
  if (frontend::takes_statistics(loaded.experiment.preprocess())) {
    run.data_statistics = statistics_states(loaded);
    run.measure_data = [&](runtime::Instance& instance) {
      fill_statistics(loaded, *train, options, directory, instance);
    };
  }
  std::vector<statistics::RateStep> steps;
  statistics::RateTestEnd end;
  run.watch_step = [&](const runtime::StepMetrics& metrics) {
    steps.push_back({metrics.learning_rate, double{metrics.loss}});
    return !end.reached(double{metrics.loss});
  };
  int stopped_by_signal = 0;
  try {
    stopped_by_signal = runtime::train(run).stopped_by_signal;
  } catch (const runtime::Error& error) {
    if (error.kind != runtime::ErrorKind::diverged) throw; // which is what the test goes on to
  }
  if (stopped_by_signal != 0) return 128 + stopped_by_signal;

  const statistics::RateRange range = statistics::judge_rates(steps);
  const std::string picture_path = runtime::join_path(directory, "lrfind.svg");
  const nlohmann::json result = to_json(steps, range);
  runtime::write_text_file(picture_path, picture(steps, range));
  runtime::write_text_file(runtime::join_path(directory, "lrfind.json"), result.dump() + "\n");
  if (options.json) {
    print_json(result);
    return 0;
  }
  if (range.suggested > 0)
    fmt::print("suggested: learning_rate {{ start: {} }}\n", range.suggested);
  else
    fmt::print("no suggestion\n");
  fmt::print("because {}\n{} steps from {:.2g} to {:.2g}; the curve: {}\n", range.reason, steps.size(),
             options.least_rate, steps.empty() ? options.least_rate : steps.back().rate, picture_path);
  return 0;
}

} // namespace kiln::tools
