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

  if (options.json)
    print_json({{"samples", result.samples},
                {"bad_records", bad_records.count()},
                {"test_loss", number(result.loss)},
                {"test_accuracy", number(result.accuracy)},
                {"seconds", result.seconds},
                {"weights", weights}});
  else
    fmt::print("{} samples: loss {:.4f}{} ({:.2f} s)\n", result.samples, result.loss, accuracy_text(result.accuracy),
               result.seconds);
  if (bad_records.count() > 0 && !options.json)
    fmt::print("{} samples could not be read and were left out, the last: {}\n", bad_records.count(),
               bad_records.last_problem());
  return 0;
}

} // namespace kiln::tools
