// kiln build --emit=trainer and --emit=infer.
#include "build_product.h"

#include "codegen/executable.h"
#include "compile_experiment.h"
#include "frontend/import/preprocess.h"
#include "inference_changes.h"
#include "measure_data.h"
#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/evaluate.h"
#include "runtime/file_io.h"
#include "runtime/safetensors.h"
#include "sysroot.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

namespace kiln::tools {

namespace {

// Batches that predict is compiled for, beside 1.
constexpr int64_t kPredictBatch = 16;

codegen::ProductOptions product_options(const frontend::LoadedExperiment& loaded, const ir::Module& module,
                                        const Options& options, const std::string& sysroot) {
  codegen::ProductOptions product;
  product.kiln_version = KILN_VERSION;
  product.facts = program_facts(loaded, module);
  product.threads = thread_count(options);
  product.cache_directory = cache_directory(options);
  product.weights_outside = options.weights_outside;
  const std::string text = runtime::read_text_file(sysroot + "/" + kLicences);
  uLongf bytes = compressBound(text.size());
  product.licences.resize(bytes);
  if (compress2(reinterpret_cast<Bytef*>(product.licences.data()), &bytes, reinterpret_cast<const Bytef*>(text.data()),
                text.size(), Z_BEST_COMPRESSION) != Z_OK)
    throw runtime::Error(runtime::ErrorKind::runtime, "cannot compress the licence texts");
  product.licences.resize(bytes);
  product.licences_text_bytes = static_cast<int64_t>(text.size());
  return product;
}

// What pre-processing takes from the training images: measured here, since a trainer holds no eigenvalue solver.
std::vector<codegen::KnownState> measure_states(const frontend::LoadedExperiment& loaded, const ir::Module& module,
                                                const Options& options) {
  std::vector<codegen::KnownState> states;
  if (!frontend::takes_statistics(loaded.experiment.preprocess())) return states;
  const runtime::DataSplits data = open_data(loaded);
  if (data[runtime::Split::train] == nullptr)
    throw runtime::Error(runtime::ErrorKind::data,
                         fmt::format("{}: pre-processing takes statistics of the training images, which are not there",
                                     options.experiment));
  StatesAlone alone(module, target_of(options));
  fill_statistics(loaded, *data[runtime::Split::train], options, "", alone.instance());
  for (const std::string& name : statistics_states(loaded)) {
    codegen::KnownState& state = states.emplace_back();
    state.name = name;
    state.values.resize(static_cast<size_t>(module.find_state(name)->value.type.elements()));
    alone.instance().read_state(alone.instance().find_state(name), state.values.data());
  }
  return states;
}

// An image of noise, the same every time.
std::vector<uint8_t> noise_image(int64_t bytes) {
  std::vector<uint8_t> image(static_cast<size_t>(bytes));
  for (size_t i = 0; i < image.size(); ++i) image[i] = static_cast<uint8_t>(random::draw(0, i));
  return image;
}

frontend::ImportOptions prediction_functions(const Options& options) {
  frontend::ImportOptions functions;
  functions.predict_batches = {1};
  if (const int64_t batch = options.batch.value_or(kPredictBatch); batch != 1)
    functions.predict_batches.push_back(batch);
  return functions;
}

// What --selftest expects: from the same kernels, run here.
void make_sample(const ir::Plan& plan, const ir::Module& module, const codegen::ProductOptions& product,
                 const Options& options, codegen::InferenceParts& part) {
  codegen::CompileOptions compile_options;
  compile_options.threads = product.threads;
  compile_options.cache_directory = product.cache_directory;
  const codegen::Program program(plan, compile_options);
  runtime::Instance instance(program.description(), {});
  write_known_states(module, instance);
  const kiln_function& predict = runtime::require_function(program.description(), "predict", 1);
  if (predict.input_count != 1)
    throw runtime::Error(runtime::ErrorKind::unsupported,
                         fmt::format("{}: an inference binary takes images, this network takes {} inputs",
                                     options.experiment, predict.input_count));
  const int64_t* dims = predict.inputs[0].dims;
  part.sample = noise_image(predict.inputs[0].bytes);
  const runtime::MemorySource source({dims[1], dims[2], dims[3]}, part.sample, {0}, "the sample", "");
  part.sample_output = runtime::predict_samples(instance, predict, source, std::array<int64_t, 1>{0});
}

// The options of each level that --cpu names, ascending.
std::vector<Options> options_by_level(const Options& options) {
  std::vector<Options> levels;
  for (size_t start = 0; start <= options.cpu.size();) {
    const size_t end = std::min(options.cpu.find(',', start), options.cpu.size());
    levels.emplace_back(options).cpu = options.cpu.substr(start, end - start);
    start = end + 1;
  }
  const auto level = [](const Options& one) { return target_of(one).level; };
  std::sort(levels.begin(), levels.end(), [&](const Options& a, const Options& b) { return level(a) < level(b); });
  const auto twice = std::adjacent_find(levels.begin(), levels.end(),
                                        [&](const Options& a, const Options& b) { return level(a) == level(b); });
  if (twice != levels.end())
    throw runtime::Error(runtime::ErrorKind::usage,
                         fmt::format("--cpu: level {} is given twice", name_of(level(*twice))));
  return levels;
}

std::string level_names(const std::vector<Options>& levels) {
  std::vector<std::string_view> names;
  for (const Options& one : levels) names.push_back(name_of(target_of(one).level));
  return fmt::format("{}", fmt::join(names, ", "));
}

// What an inference binary reads that holds no weights.
void write_weights(const std::string& path, const std::vector<codegen::Weights>& weights,
                   const std::vector<const ir::Plan*>& plans) {
  runtime::Metadata metadata;
  for (const ir::Plan* plan : plans)
    metadata.emplace_back(runtime::weights_file_plan_key(name_of(plan->target.level)), codegen::plan_hash(*plan));
  std::vector<runtime::SafetensorsTensor> tensors;
  for (const codegen::Weights& each : weights)
    tensors.push_back({each.key, std::string(runtime::safetensors_dtype(each.dtype)), each.dims});
  runtime::SafetensorsWriter writer(path, tensors, metadata);
  for (const codegen::Weights& each : weights) writer.write(each.bytes.data(), each.bytes.size());
  writer.commit();
}

} // namespace

codegen::Executable build_trainer(const frontend::LoadedExperiment& loaded, const Options& options,
                                  std::string& summary) {
  struct Level {
    std::unique_ptr<ir::Module> training_module, prediction_module;
    ir::Plan training, prediction;
  };
  if (loaded.experiment.data().has_synthetic())
    throw runtime::Error(
        runtime::ErrorKind::unsupported,
        fmt::format("{}: a trainer reads files, but the experiment's data are made up", options.experiment));
  const std::string sysroot = require_sysroot(options);
  const std::vector<Options> levels = options_by_level(options);
  ExperimentRecipe recipe(loaded);
  if (const auto train = open_data(loaded).sources[runtime::Split::train]) recipe.measure(loaded, *train, options);
  frontend::ImportOptions training_functions;
  training_functions.train_batch = recipe.stated().batch;
  training_functions.evaluate_batch = loaded.data.watched_samples() > 0 ? recipe.stated().evaluation_batch : 0;
  training_functions.predict_batches.clear();

  const auto first_module = import(loaded, training_functions, options);
  const std::vector<codegen::KnownState> known_states = measure_states(loaded, *first_module, levels.front());
  const codegen::ProductOptions product = product_options(loaded, *first_module, options, sysroot);
  const runtime::DataDescription data = describe_data(loaded, *first_module);
  std::vector<Level> compiled;
  for (const Options& one : levels) {
    Level& level = compiled.emplace_back();
    level.training_module = import(loaded, training_functions, one);
    level.training = optimize(*level.training_module, Purpose::training, one);
    level.prediction_module = import(loaded, prediction_functions(one), one);
    level.prediction = optimize(*level.prediction_module, Purpose::training, one);
  }
  std::vector<codegen::TrainerParts> parts;
  for (const Level& level : compiled)
    parts.push_back({level.training, level.prediction, recipe.stated(), data, known_states});
  const codegen::Product made = codegen::make_trainer(parts, product);
  summary = fmt::format("trains {} for {}", loaded.experiment.name(), level_names(levels));
  return codegen::executable(made.objects, sysroot);
}

codegen::Executable build_inference(const frontend::LoadedExperiment& loaded, const Options& options,
                                    const std::string& output, std::string& summary) {
  struct Level {
    std::unique_ptr<ir::Module> module;
    ir::Plan plan;
  };
  const std::string sysroot = require_sysroot(options);
  const std::vector<Options> levels = options_by_level(options);
  const std::string weights = weights_path(loaded, options);
  InferenceChanges changes;
  std::vector<Level> compiled;
  for (const Options& one : levels) {
    Level& level = compiled.emplace_back();
    level.module = import(loaded, prediction_functions(one), one);
    bind_weights(*level.module, weights);
    level.plan = optimize(*level.module, Purpose::inference, one, changes.listen());
  }
  if (options.verbosity > 0) fmt::print("{}", changes.text(loaded, compiled.front().plan));
  const codegen::ProductOptions product = product_options(loaded, *compiled.front().module, options, sysroot);
  const runtime::DataDescription data = describe_data(loaded, *compiled.front().module);

  std::vector<codegen::InferenceParts> parts;
  for (const Level& level : compiled) {
    codegen::InferenceParts& part = parts.emplace_back(codegen::InferenceParts{level.plan, data, {}, {}, {}});
    for (const auto& state : level.module->states())
      if (state->role != ir::StateRole::constant && !state->data.empty())
        part.known_states.push_back({state->value.name, {state->data.begin(), state->data.end()}});
    make_sample(level.plan, *level.module, product, options, part);
  }
  const codegen::Product made = codegen::make_inference(parts, product);
  summary =
      fmt::format("classifies with {} for {}, weights {}", loaded.experiment.name(), level_names(levels), weights);
  if (options.weights_outside) {
    const std::string beside = output + ".safetensors";
    std::vector<const ir::Plan*> plans;
    for (const Level& level : compiled) plans.push_back(&level.plan);
    write_weights(beside, made.weights, plans);
    summary += ", in " + beside;
  }
  return codegen::executable(made.objects, sysroot);
}

} // namespace kiln::tools
