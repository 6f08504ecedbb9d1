// kiln show: the network as a graph (text, Graphviz) or as the code that it becomes.
#include "compile_experiment.h"
#include "contact_sheet.h"
#include "frontend/layer_names.h"
#include "ir/plan_text.h"
#include "ir/text.h"
#include "measure_data.h"
#include "runtime/error.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

namespace kiln::tools {

namespace {

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

// Shape of one sample.
std::string shape_of(const ir::TensorType& type) {
  return type.dims.size() < 2 ? "" : fmt::format("{}", fmt::join(type.dims.begin() + 1, type.dims.end(), "x"));
}

// Layers and what flows between them. Shapes are those of `predict`, whose nodes say which layer they serve.
std::string dot(const frontend::LoadedExperiment& loaded, const ir::Function& predict) {
  const frontend::DataFacts& data = loaded.data;
  std::map<std::string, std::string> shapes;
  for (const auto& node : predict.nodes())
    if (node->result_count() > 0) shapes[node->layer] = shape_of(node->result(0).type);

  std::string text =
      fmt::format("digraph {} {{\n  node [shape=box, fontname=\"Helvetica\"]\n", quoted(predict.module().name()));
  text += fmt::format("  image [label=\"image\\n{}x{}x{}\", shape=ellipse]\n", data.channels, data.height, data.width);
  for (const auto& layer : loaded.experiment.network().layer()) {
    const std::string kind = frontend::kind_name(layer);
    std::string label = layer.name();
    if (label != kind) label += "\\n" + kind;
    if (!shapes[layer.name()].empty()) label += "\\n" + shapes[layer.name()];
    text += fmt::format("  {} [label=\"{}\"]\n", quoted(layer.name()), label); // names hold nothing to escape
    for (const std::string& input : layer.input())
      text += fmt::format("  {} -> {}\n", quoted(input), quoted(layer.name()));
  }
  return text + "}\n";
}

// So that what is printed is still IR text.
std::string as_comments(const std::string& text) {
  std::string result;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    result += fmt::format("# {}\n", text.substr(start, end - start));
    start = end + 1;
  }
  return result;
}

int show_augmentation(const frontend::LoadedExperiment& loaded, const Options& options) {
  const auto source = open_data(loaded).sources[runtime::Split::train];
  if (source == nullptr)
    throw runtime::Error(runtime::ErrorKind::data,
                         fmt::format("{}: the experiment names no training data", options.experiment));
  Augmentation augmentation(loaded);
  measure_colors(loaded, *source, options, augmentation);
  if (augmentation.stages().empty())
    throw runtime::Error(runtime::ErrorKind::usage,
                         fmt::format("{}: there is no augmentation to show", options.experiment));
  const std::string path = options.out.empty() ? fmt::format("{}-augment.png", loaded.experiment.name()) : options.out;
  write_contact_sheet(path, *source, augmentation, options.augment, loaded.experiment.training().seed());
  fmt::print("{}: training images, and each as the first {} epochs show it\n", path, options.augment);
  return 0;
}

bool is_wanted(const Options& options, std::string_view function) {
  return options.function.empty() || options.function == function;
}

} // namespace

int run_show(const Options& options) {
  const ir::Target target = target_of(options);
  const frontend::LoadedExperiment loaded = load(options);
  if (options.augment > 0) return show_augmentation(loaded, options);
  const proto::Training& training = loaded.experiment.training();
  if (options.format == "dot") {
    fmt::print("{}", dot(loaded, *import(loaded, {0, 0, {1}}, options)->find_function("predict")));
    return 0;
  }

  frontend::ImportOptions to_train, to_predict;
  to_train.train_batch = is_wanted(options, "train_step") ? training.batch() : 0;
  to_train.evaluate_batch = is_wanted(options, "evaluate") ? training.evaluation_batch() : 0;
  to_train.predict_batches.clear();
  if (!is_wanted(options, "predict")) to_predict.predict_batches.clear();

  const bool as_code = options.format != "text";
  if (!as_code && !options.optimized) {
    frontend::ImportOptions wanted = to_train;
    wanted.predict_batches = to_predict.predict_batches;
    fmt::print("{}", ir::print(*import(loaded, wanted, options)));
    return 0;
  }
  if (as_code && options.function.empty())
    throw runtime::Error(runtime::ErrorKind::usage,
                         fmt::format("--format {} shows one function: name it with --function "
                                     "train_step, evaluate or predict",
                                     options.format));

  const bool predicts = options.function == "predict";
  for (const Purpose purpose : {Purpose::training, Purpose::inference}) {
    if (!options.function.empty() && predicts != (purpose == Purpose::inference)) continue;
    const auto module = import(loaded, purpose == Purpose::training ? to_train : to_predict, options);
    // predict as the product has it: with weights known.
    if (purpose == Purpose::inference) {
      bind_initial_weights(*module, training.seed(), target);
      bind_stand_in_rotation(loaded, *module);
    }
    const ir::Plan plan = optimize(*module, purpose, options);
    if (options.format == "llvm")
      fmt::print("{}", codegen::llvm_text(plan, options.function));
    else if (options.format == "asm")
      fmt::print("{}", codegen::assembly_text(plan, options.function));
    else
      fmt::print("{}{}", ir::print(*module), as_comments(ir::print(plan)));
  }
  return 0;
}

} // namespace kiln::tools
