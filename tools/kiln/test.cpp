// kiln test: loss and accuracy of trained weights on the test split.
#include "compile_experiment.h"
#include "report.h"
#include "runtime/checkpoint.h"
#include "runtime/error.h"
#include "runtime/evaluate.h"
#include "runtime/instance.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kiln::tools {

int run_test(const Options& options) {
  select_kernels(target_of(options));
  const frontend::LoadedExperiment loaded = load(options);
  const auto source = open_test_source(loaded);
  if (source == nullptr)
    throw runtime::Error(runtime::ErrorKind::data,
                         fmt::format("{}: the experiment names no test data", options.experiment));

  const frontend::Recipe recipe = frontend::make_recipe(loaded.experiment.training(), loaded.data.train_samples);
  frontend::ImportOptions wanted;
  wanted.evaluate_batch = options.batch.value_or(recipe.evaluation_batch);
  wanted.predict_batches.clear();
  const Compiled compiled = compile(import(loaded, wanted, options), Purpose::training, loaded, options);

  runtime::Instance instance(compiled.program.description(), {.threads = thread_count(options)});
  const std::string weights = weights_path(loaded, options);
  require_complete(runtime::load_weights(weights, instance));
  const runtime::Evaluation result = runtime::Evaluator(instance, *source).run();

  if (options.json)
    print_json({{"samples", result.samples},
                {"test_loss", number(result.loss)},
                {"test_accuracy", number(result.accuracy)},
                {"seconds", result.seconds},
                {"weights", weights}});
  else
    fmt::print("{} samples: loss {:.4f}{} ({:.2f} s)\n", result.samples, result.loss, accuracy_text(result.accuracy),
               result.seconds);
  return 0;
}

} // namespace kiln::tools
