// A native trainer: trains as `kiln train` does, tests and predicts, with the code and the recipe it was built with.
#include "products/choose_product.h"
#include "products/classify.h"
#include "products/command_line.h"
#include "products/info.h"
#include "products/known_states.h"
#include "products/product_data.h"
#include "products/recipe_info.h"
#include "products/report_predictions.h"
#include "products/run_product.h"
#include "runtime/checkpoint.h"
#include "runtime/cpu.h"
#include "runtime/epoch_samples.h"
#include "runtime/error.h"
#include "runtime/evaluate.h"
#include "runtime/file_io.h"
#include "runtime/number_format.h"
#include "runtime/recipe.h"
#include "runtime/run_report.h"
#include "runtime/train_loop.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace kiln::products {
namespace {

using runtime::Error;
using runtime::ErrorKind;

constexpr Flag kFlags[] = {
    {"--data", "DIR|FILE...", "where the data are: a directory with the experiment's files, or files in its order"},
    {"--epochs", "N", "how often to see all training samples"},
    {"--lr", "RATE", "the learning rate that the schedule starts from"},
    {"--seed", "N", "of everything random"},
    {"--threads", "N", "threads in all; default: the CPUs this process may use"},
    {"--max-steps", "N", "end after this many steps since the run's very start"},
    {"--input-workers", "N", "threads, out of --threads, that only read data ahead; default 0"},
    {"--out", "DIR", "the run directory; default: runs/<network>"},
    {"--resume", "", "go on from the run directory's last checkpoint"},
    {"--replan", "", "accept a checkpoint of another plan, and so other bits"},
    {"--weights", "FILE", "safetensors to start from, or to test or predict with"},
    {"--test", "", "measure trained weights on the test samples"},
    {"--predict", "FILE...", "classify images, or all images of directories, with trained weights"},
    {"--top", "N", "classes to show for each image; default 3"},
    {"--progress", "MODE", "auto (default), plain, bar, none"},
    {"--quiet", "", "say only the result and errors"},
    {"--json", "", "print the result as JSON"},
    {"--cpu", "LEVEL", "which code to run, of those inside; default: the best for this CPU"},
    {"--info", "", "what this is: network, recipe, plan, memory, and what can be changed"},
    {"--licences", "", "of the libraries inside"},
    {"--version", "", "the version of Kiln that built this"},
    {"--help", "", "this text"},
};

constexpr std::string_view kExitCodes =
    "Exit codes: 0 ok, 1 failed while running, 2 wrong usage, 4 data unreadable, 5 training diverged,\n"
    "6 mismatch, 7 out of memory, 8 not supported here, 130/143 stopped by a signal after a checkpoint.\n";

class Trainer {
public:
  Trainer(std::span<const kiln_product> products, int argc, const char* const* argv)
      : program_name_(program_name(argv)), words_(kFlags, argc, argv),
        product_(choose_product(products, words_.text("--cpu"))) {}

  int run() {
    if (words_.has("--help")) return tell(help());
    if (words_.has("--version")) return tell(std::string("kiln ") + product_.kiln_version + "\n");
    if (words_.has("--licences")) return tell(licence_text(product_));
    if (words_.has("--info")) return tell(info());
    if (!words_.words().empty())
      throw Error(ErrorKind::usage, "\"" + words_.words().front() + "\" belongs to no option; --help lists them");
    if (words_.has("--test") && words_.has("--predict"))
      throw Error(ErrorKind::usage, "--test and --predict exclude each other");
    if (words_.has("--predict")) return predict();
    return words_.has("--test") ? test() : train();
  }

private:
  bool is_json() const { return words_.has("--json"); }
  static int tell(std::string_view text) {
    print(text);
    return 0;
  }
  std::string info() const {
    if (!is_json()) return info_text(product_, recipe_text(product_));
    return info_json(product_, [this](runtime::JsonWriter& json) { add_recipe(json, *product_.recipe); });
  }
  std::string help() const {
    const std::string name = product_.program->name;
    return "Trains the network \"" + name + "\" that it was built for.\n\nUsage: " + program_name_ +
           " [OPTIONS]\n       " + program_name_ + " --test [OPTIONS]\n       " + program_name_ +
           " --predict FILE... [OPTIONS]\n\n" + help_text(kFlags) + "\n" + std::string(kExitCodes);
  }
  int threads() const { return static_cast<int>(words_.count("--threads", 1, runtime::available_cpus())); }
  std::string run_directory() const { return words_.text("--out", std::string("runs/") + product_.program->name); }

  // Of the checkpoint where none are named.
  std::string weights() const {
    if (words_.has("--weights")) return words_.text("--weights");
    std::string path = runtime::trained_weights_path(run_directory() + "/checkpoints",
                                                     product_.recipe->test_rules.keep_best != KILN_MEASURE_NEITHER);
    if (!runtime::file_exists(path))
      throw Error(ErrorKind::data,
                  "no weights: " + path +
                      " does not exist; train first, or name a file with --weights or a run with --out");
    return path;
  }

  runtime::DataSplits open() const {
    runtime::DataDescription description = describe(*product_.data);
    if (words_.has("--data")) description = relocate(description, words_.values("--data"));
    const kiln_recipe& recipe = *product_.recipe;
    const auto stages = std::span(recipe.augmentation, static_cast<size_t>(recipe.augmentation_count));
    const auto crop = std::find_if(stages.begin(), stages.end(),
                                   [](const auto& stage) { return stage.kind == KILN_AUGMENT_RANDOM_CROP; });
    if (crop == stages.end()) return runtime::open_data(description);
    return open_splits(description, crop->height, crop->width);
  }

  kiln_recipe recipe() const {
    kiln_recipe recipe = *product_.recipe;
    recipe.epochs = words_.count("--epochs", 1, recipe.epochs);
    if (words_.has("--seed") && !runtime::parse_unsigned(words_.text("--seed"), recipe.seed))
      throw Error(ErrorKind::usage, "--seed takes a whole number from 0 on, not \"" + words_.text("--seed") + "\"");
    if (words_.has("--lr")) {
      double& rate = recipe.schedule.base;
      if (!runtime::parse_double(words_.text("--lr"), rate) || !std::isfinite(rate) || rate <= 0)
        throw Error(ErrorKind::usage, "--lr takes a number above 0, not \"" + words_.text("--lr") + "\"");
    }
    return recipe;
  }

  runtime::ProgressMode progress() const {
    const std::string mode = words_.text("--progress", "auto");
    if (mode == "plain") return runtime::ProgressMode::plain;
    if (mode == "bar") return runtime::ProgressMode::bar;
    if (mode == "none" || words_.has("--quiet")) return runtime::ProgressMode::none;
    if (mode == "auto") return runtime::ProgressMode::automatic;
    throw Error(ErrorKind::usage, "--progress takes one of auto, plain, bar, none, not \"" + mode + "\"");
  }

  bool evaluates() const {
    const kiln_program& program = *product_.program;
    return std::any_of(program.functions, program.functions + program.function_count,
                       [](const kiln_function& function) { return function.name == std::string_view("evaluate"); });
  }

  int train() const {
    const kiln_recipe stated = recipe();
    const runtime::DataSplits data = open();
    if (data[runtime::Split::train] == nullptr) throw Error(ErrorKind::data, "no training data: name them with --data");
    const runtime::Training training(stated, samples_per_epoch(*data[runtime::Split::train], stated.class_rules));
    runtime::TrainOptions options;
    options.program = product_.program;
    options.training = &training.description();
    options.train = data[runtime::Split::train];
    options.test = evaluates() ? data.watched() : nullptr;
    options.evaluated = data.watched_split();
    options.on_bad_record = stated.skips_bad_records ? runtime::BadRecordPolicy::skip : runtime::BadRecordPolicy::fail;
    options.threads = threads();
    options.input_workers = static_cast<int>(words_.count("--input-workers", 0, 0));
    options.max_steps = words_.count("--max-steps", 1, 0);
    options.run_directory = run_directory();
    options.resume = words_.has("--resume");
    options.replan = words_.has("--replan");
    options.weights = words_.text("--weights", stated.weights);
    for (int32_t i = 0; i < product_.known_state_count; ++i)
      options.data_statistics.emplace_back(product_.known_states[i].name);
    if (product_.known_state_count > 0)
      options.measure_data = [this](runtime::Instance& instance) { write_known_states(product_, instance); };
    options.kiln_version = product_.kiln_version;
    options.progress = progress();
    const runtime::TrainResult result = runtime::train(options);
    print(is_json() ? runtime::training_json(result, options, {}) : runtime::training_text(result, options));
    return result.stopped_by_signal == 0 ? 0 : 128 + result.stopped_by_signal;
  }

  int test() const {
    if (!evaluates()) throw Error(ErrorKind::unsupported, "this trainer was built for an experiment without test data");
    const std::string path = weights();
    const runtime::DataSplits data = open();
    if (data[runtime::Split::test] == nullptr) throw Error(ErrorKind::data, "no test data: name them with --data");
    runtime::Instance instance(*product_.program, {.threads = threads()});
    runtime::require_complete(runtime::load_weights(path, instance));
    runtime::BadRecords bad_records;
    const bool skips = product_.recipe->skips_bad_records != 0;
    runtime::Evaluator evaluator(instance, *data[runtime::Split::test], 0, runtime::Split::test,
                                 skips ? &bad_records : nullptr);
    const runtime::Evaluation result = evaluator.run();
    print(is_json() ? runtime::evaluation_json(result, bad_records, *product_.program, path)
                    : runtime::evaluation_text(result, bad_records, *product_.program));
    return 0;
  }

  int predict() const {
    const std::string path = weights();
    runtime::Instance instance(*product_.predictor, {.threads = threads()});
    runtime::require_complete(runtime::load_weights(path, instance));
    Classifier classifier(instance);
    const PredictionReport report(*product_.predictor, program_name_, words_.count("--top", 1, 3), is_json());
    const runtime::DataDescription description = describe(*product_.data);
    return report_files(report, classifier, words_.values("--predict"), description.fit, description.background);
  }

  std::string program_name_;
  CommandLine words_;
  const kiln_product& product_;
};

} // namespace
} // namespace kiln::products

extern "C" int kiln_trainer_main(int argc, char** argv, const kiln_product* products, int count) {
  return kiln::products::run_product(argc, argv, [&] {
    return kiln::products::Trainer(std::span(products, static_cast<size_t>(count)), argc, argv).run();
  });
}
