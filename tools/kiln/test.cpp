// kiln test: loss and accuracy of trained weights on the test split.
#include "compile_experiment.h"
#include "report.h"
#include "runtime/checkpoint.h"
#include "runtime/error.h"
#include "runtime/evaluate.h"
#include "runtime/instance.h"
#include "runtime/run_report.h"

#include <fmt/format.h>

namespace kiln::tools {

int run_test(const Options& options) {
  const frontend::LoadedExperiment loaded = load(options);
  const auto source = open_test_source(loaded, options);

  frontend::ImportOptions wanted;
  wanted.evaluate_batch = options.batch.value_or(loaded.experiment.training().evaluation_batch());
  wanted.predict_batches.clear();
  const Compiled compiled = compile(import(loaded, wanted, options), Purpose::training, loaded, options);

  runtime::Instance instance(compiled.program.description(), {.threads = thread_count(options)});
  const std::string weights = weights_path(loaded, options);
  require_complete(runtime::load_weights(weights, instance));
  runtime::BadRecords bad_records;
  const bool skips = loaded.experiment.data().on_bad_record() == proto::SKIP;
  runtime::Evaluator evaluator(instance, *source, 0, runtime::Split::test, skips ? &bad_records : nullptr);
  const runtime::Evaluation result = evaluator.run();

  const kiln_program& program = compiled.program.description();
  fmt::print("{}", options.json ? runtime::evaluation_json(result, bad_records, program, weights)
                                : runtime::evaluation_text(result, bad_records, program));
  return 0;
}

} // namespace kiln::tools
