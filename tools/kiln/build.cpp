// kiln build: an experiment and its weights become files that run without Kiln.
#include "build_product.h"
#include "codegen/c_library.h"
#include "codegen/linker.h"
#include "compile_experiment.h"
#include "frontend/import/preprocess.h"
#include "frontend/suggest.h"
#include "inference_changes.h"
#include "ir/plan_text.h"
#include "ir/text.h"
#include "runtime/error.h"
#include "runtime/file_io.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::tools {

namespace {

constexpr std::array<std::string_view, 8> kKinds = {"lib", "shared", "obj", "trainer", "infer", "llvm", "asm", "ir"};

[[noreturn]] void refuse(const std::string& message) { throw runtime::Error(runtime::ErrorKind::usage, message); }

// The experiment's name with what no C identifier can hold made _.
std::string symbol_of(const frontend::LoadedExperiment& loaded, const Options& options) {
  if (!options.symbol.empty()) {
    if (!codegen::is_c_identifier(options.symbol))
      refuse(fmt::format("--name: \"{}\" is no name for C: letters, digits and _, no keyword", options.symbol));
    return options.symbol;
  }
  std::string symbol = loaded.experiment.name();
  for (char& c : symbol)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  if (!codegen::is_c_identifier(symbol)) symbol.insert(0, "net_");
  return symbol;
}

std::string without_ending(const std::string& path) {
  const size_t slash = path.rfind('/'), dot = path.rfind('.');
  const bool has_ending = dot != std::string::npos && (slash == std::string::npos || dot > slash + 1);
  return has_ending ? path.substr(0, dot) : path;
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string text_of(const std::string& kind, const ir::Module& module, const ir::Plan& plan) {
  if (kind == "ir") return ir::print(module);
  std::string text;
  for (const ir::FunctionPlan& function : plan.functions) {
    const std::string& name = function.function->name();
    text += kind == "llvm" ? codegen::llvm_text(plan, name) : codegen::assembly_text(plan, name);
  }
  return text;
}

int write_executable(const frontend::LoadedExperiment& loaded, const Options& options) {
  const bool trains = options.emit == "trainer";
  const std::string name = loaded.experiment.name() + (trains ? "-trainer" : "");
  const std::string output = options.output.empty() ? name : options.output;
  std::string summary;
  const codegen::Executable built =
      trains ? build_trainer(loaded, options, summary) : build_inference(loaded, options, output, summary);
  runtime::write_text_file(output, built.bytes);
  std::filesystem::permissions(output, std::filesystem::perms(0755));
  if (options.verbosity >= 0) fmt::print("{}: {} bytes, {}\n", output, built.bytes.size(), summary);
  if (options.verbosity > 0)
    for (const auto& [name, bytes] : built.parts) fmt::print("{:>10} bytes of {}\n", bytes, name);
  return 0;
}

} // namespace

int run_build(const Options& options) {
  if (std::find(kKinds.begin(), kKinds.end(), options.emit) == kKinds.end()) {
    if (options.emit.empty()) refuse(fmt::format("build needs --emit: one of {}", fmt::join(kKinds, ", ")));
    const std::string hint = frontend::suggestion(options.emit, {kKinds.begin(), kKinds.end()});
    refuse(fmt::format("--emit takes one of {}, not \"{}\"{}", fmt::join(kKinds, ", "), options.emit,
                       hint.empty() ? "" : "; " + hint));
  }
  if (options.weights_outside && options.emit != "infer")
    refuse("--weights-outside is for --emit=infer: a trainer reads weights, and a library keeps them as constants");
  const bool is_code = options.emit == "lib" || options.emit == "shared" || options.emit == "obj";
  if (!options.target.empty() && (options.emit == "trainer" || options.emit == "infer"))
    refuse("--target is for lib, shared, obj, llvm and asm: executables are built for x86-64 alone");
  if (options.train_step && !is_code) refuse("--train is for --emit=lib, shared and obj");
  if (options.emit == "trainer" || options.emit == "infer") return write_executable(load(options), options);
  const ir::Target target = target_of(options);
  select_kernels(target);
  const frontend::LoadedExperiment loaded = load(options);
  const std::string symbol = symbol_of(loaded, options);

  frontend::ImportOptions wanted;
  wanted.predict_batches = {1};
  if (options.batch.value_or(1) != 1) wanted.predict_batches.push_back(*options.batch);
  const ExperimentRecipe recipe(loaded);
  if (options.train_step) wanted.train_batch = recipe.stated().batch;
  auto module = import(loaded, wanted, options);
  if (options.train_step && options.weights.empty()) {
    if (frontend::takes_statistics(loaded.experiment.preprocess()))
      throw runtime::Error(runtime::ErrorKind::unsupported,
                           "pre-processing takes statistics of the training images: --weights must name a checkpoint "
                           "that holds them");
    bind_initial_weights(*module, recipe.stated().seed, target);
  } else {
    bind_weights(*module, weights_path(loaded, options));
  }
  const std::vector<std::string> names = class_names(loaded, class_count(*module));
  InferenceChanges changes;
  passes::PassOptions pass = changes.listen();
  const ir::Plan plan = optimize(*module, options.train_step ? Purpose::training : Purpose::inference, options, pass);

  if (!is_code) {
    const std::string text = text_of(options.emit, *module, plan);
    if (options.output.empty())
      fmt::print("{}", text);
    else
      runtime::write_text_file(options.output, text);
    return 0;
  }

  if (options.verbosity > 0 && !options.train_step) fmt::print("{}", changes.text(loaded, plan));
  codegen::CLibraryOptions library_options;
  library_options.name = symbol;
  library_options.class_names = names;
  library_options.threads = thread_count(options);
  library_options.cache_directory = cache_directory(options);
  const codegen::CLibrary library = codegen::make_c_library(plan, library_options);
  const std::string ending = options.emit == "lib" ? ".a" : options.emit == "obj" ? ".o" : ".so";
  const std::string stem = options.emit == "obj" ? symbol : "lib" + symbol;
  const std::string output = options.output.empty() ? stem + ending : options.output;
  const std::string header = options.output.empty() ? symbol + ".h" : without_ending(output) + ".h";
  const std::string bytes = options.emit == "lib"   ? codegen::archive_of(library.objects)
                            : options.emit == "obj" ? codegen::merged_object(library.objects)
                                                    : codegen::shared_library(library.objects, file_name(output));
  runtime::write_text_file(output, bytes);
  runtime::write_text_file(header, library.header);
  if (options.verbosity >= 0)
    fmt::print("{}: {} bytes, for {}\n{}: declares {}_init and {}_{}\n", output, bytes.size(), name_of(target), header,
               symbol, symbol, options.train_step ? "train_step" : "predict");
  return 0;
}

} // namespace kiln::tools
