// kiln build --emit=trainer and --emit=infer.
#include "build_product.h"

#include "codegen/executable.h"
#include "compile_experiment.h"
#include "frontend/describe_data.h"
#include "frontend/import/preprocess.h"
#include "frontend/render.h"
#include "measure_data.h"
#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/evaluate.h"
#include "runtime/file_io.h"
#include "sysroot.h"

#include <array>
#include <fmt/format.h>
#include <zlib.h>

namespace kiln::tools {

namespace {

// Batches that predict is compiled for, beside 1.
constexpr int64_t kPredictBatch = 16;

codegen::ProductOptions product_options(const frontend::LoadedExperiment& loaded, const ir::Module& module,
                                        const Options& options, const std::string& sysroot) {
  codegen::ProductOptions product;
  product.kiln_version = KILN_VERSION;
  product.experiment = frontend::render(loaded.experiment);
  product.class_names = class_names(loaded, class_count(module));
  product.threads = thread_count(options);
  product.cache_directory = cache_directory(options);
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

// With class names and the images' size, also where only the files say them.
runtime::DataDescription product_data(const frontend::LoadedExperiment& loaded, const ir::Module& module) {
  runtime::DataDescription data = frontend::describe_data(loaded.experiment.data());
  if (data.fit.target.bytes() == 0 && !std::holds_alternative<std::monostate>(data.source))
    data.fit.target = runtime::survey_data(data).shape;
  if (data.fit.target.bytes() == 0) data.fit.target = {loaded.data.height, loaded.data.width, loaded.data.channels};
  data.class_names = class_names(loaded, class_count(module));
  return data;
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

} // namespace

codegen::Executable build_trainer(const frontend::LoadedExperiment& loaded, const Options& options,
                                  std::string& summary) {
  const std::string sysroot = require_sysroot(options);
  const ExperimentRecipe recipe(loaded);
  frontend::ImportOptions training_functions;
  training_functions.train_batch = recipe.stated().batch;
  training_functions.evaluate_batch = loaded.data.watched_samples() > 0 ? recipe.stated().evaluation_batch : 0;
  training_functions.predict_batches.clear();
  auto training_module = import(loaded, training_functions, options);
  std::vector<codegen::KnownState> known_states = measure_states(loaded, *training_module, options);
  const codegen::ProductOptions product = product_options(loaded, *training_module, options, sysroot);
  const runtime::DataDescription data = product_data(loaded, *training_module);
  const ir::Plan training = optimize(*training_module, Purpose::training, options);

  auto prediction_module = import(loaded, prediction_functions(options), options);
  const ir::Plan prediction = optimize(*prediction_module, Purpose::training, options);

  const codegen::Product made =
      codegen::make_trainer({training, prediction, recipe.stated(), data, std::move(known_states)}, product);
  summary = fmt::format("trains {} for {}{}", loaded.experiment.name(), name_of(training.target.level),
                        made.calls_blas ? ", with BLIS for dense layers" : "");
  return codegen::executable(made.objects, sysroot);
}

codegen::Executable build_inference(const frontend::LoadedExperiment& loaded, const Options& options,
                                    std::string& summary) {
  const std::string sysroot = require_sysroot(options);
  auto module = import(loaded, prediction_functions(options), options);
  const std::string weights = weights_path(loaded, options);
  bind_weights(*module, weights);
  const codegen::ProductOptions product = product_options(loaded, *module, options, sysroot);
  const runtime::DataDescription data = product_data(loaded, *module);
  const ir::Plan plan = optimize(*module, Purpose::inference, options);

  std::vector<codegen::KnownState> known_states;
  for (const auto& state : module->states())
    if (state->role != ir::StateRole::constant && !state->data.empty())
      known_states.push_back({state->value.name, {state->data.begin(), state->data.end()}});

  // What --selftest expects: from the same kernels, run here.
  codegen::CompileOptions compile_options;
  compile_options.threads = product.threads;
  compile_options.cache_directory = product.cache_directory;
  const codegen::Program program(plan, compile_options);
  runtime::Instance instance(program.description(), {});
  write_known_states(*module, instance);
  const kiln_function& predict = runtime::require_function(program.description(), "predict", 1);
  if (predict.input_count != 1)
    throw runtime::Error(runtime::ErrorKind::unsupported,
                         fmt::format("{}: an inference binary takes images, this network takes {} inputs",
                                     options.experiment, predict.input_count));
  const int64_t* dims = predict.inputs[0].dims;
  const std::vector<uint8_t> sample = noise_image(predict.inputs[0].bytes);
  const runtime::MemorySource source({dims[1], dims[2], dims[3]}, sample, {0}, "the sample", "");
  const std::vector<float> output = runtime::predict_samples(instance, predict, source, std::array<int64_t, 1>{0});

  const codegen::Product made = codegen::make_inference({plan, data, std::move(known_states), sample, output}, product);
  summary = fmt::format("classifies with {} for {}, weights {}", loaded.experiment.name(), name_of(plan.target.level),
                        weights);
  return codegen::executable(made.objects, sysroot);
}

} // namespace kiln::tools
