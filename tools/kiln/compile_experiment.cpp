// The steps that every verb shares.
#include "compile_experiment.h"

#include "codegen/host_cpu.h"
#include "frontend/describe_data.h"
#include "frontend/layer_names.h"
#include "frontend/render.h"
#include "ir/all_ops.h"
#include "ir/text.h"
#include "measure_data.h"
#include "passes/pass_manager.h"
#include "passes/pipeline.h"
#include "passes/plan_memory.h"
#include "report.h"
#include "runtime/augment/crop.h"
#include "runtime/blas.h"
#include "runtime/checkpoint.h"
#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/safetensors.h"
#include "runtime/synthetic_source.h"
#include "tools/statistics/preprocess_states.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::tools {

frontend::LoadedExperiment load(const Options& options) {
  frontend::Diagnostics diagnostics;
  auto loaded = frontend::load_experiment(options.experiment, options.overrides, diagnostics);
  // What shapes bring to light belongs to the same list: an error now does not hide the others.
  if (loaded && diagnostics.has_errors()) frontend::import_network(*loaded, {}, diagnostics);
  report_diagnostics(diagnostics, options);
  return std::move(*loaded);
}

std::unique_ptr<ir::Module> import(const frontend::LoadedExperiment& loaded, const frontend::ImportOptions& wanted,
                                   const Options& options) {
  frontend::Diagnostics diagnostics;
  auto module = frontend::import_network(loaded, wanted, diagnostics);
  report_diagnostics(diagnostics, options);
  return module;
}

ir::Target target_of(const Options& options) {
  if (!options.target.empty()) {
    if (options.target != "aarch64-linux-gnu")
      throw runtime::Error(runtime::ErrorKind::usage,
                           fmt::format("--target takes aarch64-linux-gnu, not \"{}\"", options.target));
    if (options.cpu != "native")
      throw runtime::Error(runtime::ErrorKind::usage, "--cpu names levels of x86-64: it does not go with --target");
    return ir::aarch64_target();
  }
  const ir::IsaLevel host = codegen::host_isa_level();
  if (options.cpu == "native") return ir::target_for(host);
  const auto level = ir::parse_isa_level(options.cpu);
  if (!level)
    throw runtime::Error(runtime::ErrorKind::usage,
                         fmt::format("--cpu: no level \"{}\"; there are x86-64, v2, v3, v4, native", options.cpu));
  if (*level > host)
    throw runtime::Error(
        runtime::ErrorKind::unsupported,
        fmt::format("--cpu: this CPU is of level {} and cannot run code of level {}", name_of(host), options.cpu));
  return ir::target_for(*level);
}

int thread_count(const Options& options) { return options.threads > 0 ? options.threads : runtime::available_cpus(); }

void select_kernels(const ir::Target& target) {
  runtime::select_blis_kernels(*runtime::parse_isa_level(ir::name_of(target.level)));
}

ir::Plan optimize(ir::Module& module, Purpose purpose, const Options& options, const passes::PassOptions& pass) {
  passes::RunOptions run;
  run.pass = pass;
  run.pass.target = target_of(options);
  if (!options.print_after.empty()) {
    if (options.print_after != "all" && passes::find_pass(options.print_after) == nullptr)
      throw runtime::Error(runtime::ErrorKind::usage,
                           fmt::format("--print-after: no pass \"{}\"", options.print_after));
    run.after_pass = [&](std::string_view pass, const ir::Module& after, bool) {
      if (options.print_after == "all" || options.print_after == pass)
        fmt::print("# after {}\n{}", pass, ir::print(after));
    };
  }
  passes::run_passes(module, purpose == Purpose::training ? passes::training_pipeline() : passes::inference_pipeline(),
                     run);
  return passes::plan_memory(module, run.pass.target);
}

std::string cache_directory(const Options& options) {
  if (options.cache == "off") return {};
  if (options.cache != "auto") return options.cache;
  // As the XDG base directory specification has it: relative values count as unset.
  const char* caches = std::getenv("XDG_CACHE_HOME");
  if (caches != nullptr && caches[0] == '/') return std::string(caches) + "/kiln";
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/kiln" : std::string();
}

int64_t label_classes(const frontend::LoadedExperiment& loaded, const ir::Module& module) {
  if (const int64_t classes = class_count(module); classes > 0) return classes;
  frontend::ImportOptions wanted;
  wanted.evaluate_batch = 1;
  wanted.predict_batches.clear();
  frontend::Diagnostics ignored; // told when the network was imported for good
  const auto with_losses = frontend::import_network(loaded, wanted, ignored);
  if (with_losses == nullptr) return 0;
  int64_t fewest = 0;
  for (const auto& node : with_losses->functions().front()->nodes()) {
    // A loss has scores, then labels.
    if (node->operands().size() < 2) continue;
    const ir::Value &scores = node->operand(0), &labels = node->operand(1);
    if (labels.name != runtime::label_name || labels.type.dtype != ir::DType::i32 || scores.type.rank() < 2) continue;
    fewest = fewest == 0 ? scores.type.dims[1] : std::min(fewest, scores.type.dims[1]);
  }
  return fewest;
}

codegen::ProgramFacts program_facts(const frontend::LoadedExperiment& loaded, const ir::Module& module) {
  codegen::ProgramFacts facts;
  facts.experiment = frontend::render(loaded.experiment);
  facts.class_names = class_names(loaded, label_classes(loaded, module));
  facts.confusion_matrix = loaded.experiment.metrics().confusion_matrix();
  facts.per_class = loaded.experiment.metrics().per_class();
  for (const auto& layer : loaded.experiment.network().layer()) {
    if (!frontend::is_loss(layer)) continue;
    facts.losses.push_back({layer.name(), layer.loss_weight()});
    // The last loss that takes classes is the one whose labels are counted.
    if (!layer.has_softmax_cross_entropy() && !layer.has_multi_class_hinge()) continue;
    facts.ignores_label = layer.softmax_cross_entropy().has_ignore_label();
    facts.ignored_label = layer.softmax_cross_entropy().ignore_label();
  }
  return facts;
}

runtime::LabelRange label_range(const frontend::LoadedExperiment& loaded, const ir::Module& module) {
  const codegen::ProgramFacts facts = program_facts(loaded, module);
  runtime::LabelRange range{static_cast<int64_t>(facts.class_names.size()), {}};
  if (facts.ignores_label) range.ignored = facts.ignored_label;
  return range;
}

Compiled compile(std::unique_ptr<ir::Module> module, Purpose purpose, const frontend::LoadedExperiment& loaded,
                 const Options& options) {
  ir::Plan plan = optimize(*module, purpose, options);
  codegen::CompileOptions compile_options;
  compile_options.threads = thread_count(options);
  compile_options.cache_directory = cache_directory(options);
  compile_options.facts = program_facts(loaded, *module);
  codegen::Program program(plan, compile_options);
  if (options.verbosity > 0)
    fmt::print(stderr, "{} kernels, {} bytes of code for {}, {} objects from the cache, in {:.2f} s\n",
               program.kernel_count(), program.code_bytes(), program.description().isa, program.cached_count(),
               program.compile_seconds());
  return {std::move(module), std::move(plan), std::move(program)};
}

int64_t class_count(const ir::Module& module) {
  for (const auto& function : module.functions())
    for (const auto& output : function->outputs)
      if (output.name == "correct" && output.value->producer->is<ir::TopK>())
        return output.value->producer->operand(0).type.dims[1];
  for (const auto& function : module.functions())
    for (const auto& output : function->outputs)
      if (output.name == "probability") return output.value->type.dims[1];
  return 0;
}

std::vector<std::string> class_names(const frontend::LoadedExperiment& loaded, int64_t classes) {
  const auto& given = loaded.experiment.data().class_name();
  if (classes == 0) return {};
  std::vector<std::string> names(given.begin(), given.end());
  // An auxiliary loss may tell fewer classes apart than the data name.
  if (static_cast<int64_t>(names.size()) > classes) names.resize(static_cast<size_t>(classes));
  for (auto i = static_cast<int64_t>(names.size()); i < classes; ++i) names.push_back(fmt::to_string(i));
  return names;
}

void bind_weights(ir::Module& module, const std::string& path) {
  const runtime::SafetensorsFile file(path);
  runtime::verify_checksum(file);
  std::vector<std::string> problems;
  for (const auto& state : module.states()) {
    if (state->role != ir::StateRole::parameter && state->role != ir::StateRole::statistic) continue;
    const auto& name = state->value.name;
    const auto* tensor = runtime::find_weights(file, name);
    if (tensor == nullptr) {
      problems.push_back(fmt::format("{} is missing", name));
    } else if (tensor->dtype != "F32" || tensor->shape != state->value.type.dims) {
      problems.push_back(fmt::format("{} is {}{}, the network wants F32{}", name, tensor->dtype,
                                     runtime::shape_text(tensor->shape), runtime::shape_text(state->value.type.dims)));
    } else {
      std::vector<float> values(static_cast<size_t>(state->value.type.elements()));
      file.read(*tensor, values.data());
      state->data.assign(values.begin(), values.end());
    }
  }
  if (!problems.empty())
    throw runtime::Error(runtime::ErrorKind::data, fmt::format("{}: {}", path, fmt::join(problems, "; ")));
}

StatesAlone::StatesAlone(const ir::Module& module, const ir::Target& target)
    : plan_{&module, target, {}}, description_(plan_, "", {}), instance_(description_.program(), {}) {}

void bind_initial_weights(ir::Module& module, uint64_t seed, const ir::Target& target) {
  // The runtime knows how states begin.
  StatesAlone alone(module, target);
  runtime::Instance& instance = alone.instance();
  instance.initialize(seed);
  std::vector<float> values;
  for (const auto& state : module.states()) {
    if (state->role != ir::StateRole::parameter && state->role != ir::StateRole::statistic) continue;
    values.resize(static_cast<size_t>(state->value.type.elements()));
    instance.read_state(state->value.index, values.data());
    state->data.assign(values.begin(), values.end());
  }
}

void write_known_states(const ir::Module& module, runtime::Instance& instance) {
  for (const auto& state : module.states()) {
    if (state->role == ir::StateRole::constant || state->data.empty()) continue;
    const std::vector<float> values(state->data.begin(), state->data.end());
    instance.write_state(state->value.index, values.data());
  }
}

std::string run_directory(const frontend::LoadedExperiment& loaded, const Options& options) {
  return options.out.empty() ? "runs/" + loaded.experiment.name() : options.out;
}

std::string weights_path(const frontend::LoadedExperiment& loaded, const Options& options) {
  if (!options.weights.empty()) return options.weights;
  std::string path = runtime::trained_weights_path(run_directory(loaded, options) + "/checkpoints",
                                                   loaded.experiment.training().keep_best() != proto::NEITHER);
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr)
    throw runtime::Error(
        runtime::ErrorKind::data,
        fmt::format("no weights: {} does not exist; train first, or name a file with --weights or a run with --out",
                    path));
  std::fclose(file);
  return path;
}

namespace {

runtime::SyntheticTarget synthetic_target(const proto::Network& network) {
  auto target = runtime::SyntheticTarget::values;
  for (const auto& layer : network.layer()) {
    if (layer.has_softmax_cross_entropy()) target = runtime::SyntheticTarget::distribution;
    if (layer.has_sigmoid_cross_entropy()) target = runtime::SyntheticTarget::flags;
    if (layer.has_mean_squared_error() || layer.has_l1() || layer.has_huber())
      target = runtime::SyntheticTarget::values;
  }
  return target;
}

// Gives what the network takes, which its function for tests says.
std::shared_ptr<const runtime::DataSource> open_synthetic(const frontend::LoadedExperiment& loaded, int64_t samples,
                                                          int64_t first_sample) {
  if (samples == 0) return nullptr;
  frontend::ImportOptions wanted;
  wanted.evaluate_batch = 1;
  wanted.predict_batches.clear();
  frontend::Diagnostics ignored; // told when the network was imported for good
  const auto module = frontend::import_network(loaded, wanted, ignored);
  if (module == nullptr) return nullptr;
  runtime::SyntheticOptions options;
  for (const auto& input : module->functions().front()->inputs()) {
    const ir::TensorType& type = input->type;
    const kiln_dtype dtype = type.dtype == ir::DType::f32 ? KILN_F32 : type.dtype == ir::DType::u8 ? KILN_U8 : KILN_I32;
    options.fields.push_back({input->name, dtype, {type.dims.begin() + 1, type.dims.end()}});
  }
  const proto::Synthetic& synthetic = loaded.experiment.data().synthetic();
  const int64_t classes = class_count(*module);
  options.target = synthetic_target(loaded.experiment.network());
  options.classes = synthetic.has_classes() ? synthetic.classes() : classes > 0 ? classes : 10;
  options.samples = samples;
  options.first_sample = first_sample;
  options.seed = synthetic.seed();
  return runtime::make_synthetic_source(std::move(options));
}

} // namespace

runtime::DataSplits open_data(const frontend::LoadedExperiment& loaded) {
  const proto::Data& data = loaded.experiment.data();
  runtime::DataSplits splits;
  if (data.has_synthetic()) {
    const proto::Synthetic& synthetic = data.synthetic();
    splits.sources[runtime::Split::train] = open_synthetic(loaded, synthetic.train_samples(), 0);
    splits.sources[runtime::Split::test] = open_synthetic(loaded, synthetic.test_samples(), synthetic.train_samples());
  } else {
    splits = runtime::open_data(frontend::describe_data(data));
  }
  if (loaded.experiment.augment().random_crop().size().empty()) return splits;
  for (const runtime::Split split : {runtime::Split::validation, runtime::Split::test})
    if (auto& source = splits.sources[split])
      source = runtime::crop_center(std::move(source), loaded.data.height, loaded.data.width);
  return splits;
}

runtime::DataDescription describe_data(const frontend::LoadedExperiment& loaded, const ir::Module& module) {
  runtime::DataDescription data = frontend::describe_data(loaded.experiment.data());
  if (data.fit.target.bytes() == 0 && !std::holds_alternative<std::monostate>(data.source))
    data.fit.target = runtime::survey_data(data).shape;
  if (data.fit.target.bytes() == 0) data.fit.target = {loaded.data.height, loaded.data.width, loaded.data.channels};
  data.class_names = class_names(loaded, class_count(module));
  return data;
}

std::shared_ptr<const runtime::DataSource> open_test_source(const frontend::LoadedExperiment& loaded,
                                                            const Options& options) {
  auto source = open_data(loaded).sources[runtime::Split::test];
  if (source == nullptr)
    throw runtime::Error(runtime::ErrorKind::data,
                         fmt::format("{}: the experiment names no test data", options.experiment));
  return source;
}

ExperimentRecipe::ExperimentRecipe(const frontend::LoadedExperiment& loaded)
    : augmentation_(loaded), recipe_(loaded.experiment.training()), stated_(recipe_.stated()) {
  stated_.augmentation = augmentation_.stages().data();
  stated_.augmentation_count = static_cast<int32_t>(augmentation_.stages().size());
  stated_.skips_bad_records = loaded.experiment.data().on_bad_record() == proto::SKIP ? 1 : 0;
}

void measure_colors(const frontend::LoadedExperiment& loaded, const runtime::DataSource& train, const Options& options,
                    Augmentation& augmentation) {
  if (!loaded.experiment.augment().has_fancy_pca()) return;
  augmentation.set_colors(
      statistics::summarize(measure_data(loaded, train, false, options), statistics::Detail::channels));
}

void ExperimentRecipe::measure(const frontend::LoadedExperiment& loaded, const runtime::DataSource& train,
                               const Options& options) {
  measure_colors(loaded, train, options, augmentation_);
}

} // namespace kiln::tools
