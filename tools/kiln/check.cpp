// kiln check: everything that is wrong with an experiment; if nothing is, what the network is and what it will take.
#include "check_data.h"
#include "compile_experiment.h"
#include "frontend/import/preprocess.h"
#include "frontend/layer_names.h"
#include "inference_changes.h"
#include "ir/op.h"
#include "lint_facts.h"
#include "measure_data.h"
#include "memory.h"
#include "passes/kernel_candidates.h"
#include "report.h"
#include "runtime/error.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace kiln::tools {

namespace {

struct LayerFacts {
  std::string name;
  std::string kind;
  ir::Dims output; // of one sample
  int64_t parameters = 0;
  int64_t flops = 0; // forward, of one sample
};

// Taken from the function that predicts one sample, as imported: each node says which layer it serves.
std::vector<LayerFacts> layer_facts(const frontend::LoadedExperiment& loaded, const ir::Function& predict) {
  std::vector<LayerFacts> layers;
  std::map<std::string, size_t> positions;
  for (const auto& layer : loaded.experiment.network().layer()) {
    positions[layer.name()] = layers.size();
    layers.push_back({layer.name(), frontend::kind_name(layer), {}, 0, 0});
  }
  std::set<const ir::Value*> counted;
  for (const auto& node : predict.nodes()) {
    const auto found = positions.find(node->layer);
    if (found == positions.end()) continue;
    LayerFacts& layer = layers[found->second];
    layer.flops += node->op().flops(*node);
    for (const ir::Value* operand : node->operands()) {
      if (operand->kind != ir::Value::Kind::state || !counted.insert(operand).second) continue;
      if (predict.module().state_of(*operand).role == ir::StateRole::parameter)
        layer.parameters += operand->type.elements();
    }
    if (node->result_count() > 0) {
      const ir::Dims& dims = node->result(0).type.dims;
      layer.output.assign(dims.begin() + (dims.empty() ? 0 : 1), dims.end());
    }
  }
  return layers;
}

int64_t flops_of(const ir::FunctionPlan& function) {
  int64_t flops = 0;
  for (const ir::PlanStep& step : function.steps) flops += step.node->op().flops(*step.node);
  return flops;
}

struct KernelFacts {
  std::string function;
  std::string node;
  std::string op;
  std::string layer;
  std::string kernel;
  std::vector<std::string> refusals; // "first: 20 input channels, more than 4"
};

void append_kernels(std::vector<KernelFacts>& kernels, const ir::Plan& plan) {
  for (const ir::FunctionPlan& function : plan.functions) {
    for (const ir::PlanStep& step : function.steps) {
      const ir::Node& node = *step.node;
      const std::string name = node.result_count() > 0 ? node.result(0).name : node.operand(0).name;
      KernelFacts facts{function.function->name(),
                        name,
                        std::string(node.op().name),
                        node.layer,
                        std::string(ir::name_of(node.kernel)),
                        {}};
      for (const auto& candidate : passes::kernel_candidates(node, passes::kind_of(*function.function), plan.target))
        if (!candidate.refusal.empty())
          facts.refusals.push_back(fmt::format("{}: {}", ir::name_of(candidate.kernel), candidate.refusal));
      kernels.push_back(std::move(facts));
    }
  }
}

struct Facts {
  std::vector<LayerFacts> layers;
  int64_t parameters = 0;
  int64_t flops = 0;          // forward, a sample
  int64_t training_flops = 0; // forward, backward and update, a sample
  int64_t batch = 0;
  Memory training;
  Memory inference;          // of one sample
  int64_t trainer_bytes = 0; // of a native trainer's own
  int64_t data_bytes = 0;
  std::vector<std::string> classes;
  std::vector<KernelFacts> kernels;
  std::vector<std::string> folding; // what was removed and folded in predict
};

std::string grouped(int64_t value) {
  std::string text;
  runtime::append_grouped(text, value);
  return text;
}

// Gives the first column to the left, the others to the right.
void print_table(const std::vector<std::vector<std::string>>& rows, size_t left_columns) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      line += i < left_columns ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("{:>{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
}

void print_memory(std::string_view what, const Memory& memory, int threads) {
  fmt::print("memory for {}: {} + {} x threads bytes, {} with {} (states {}, arena {}, input and output {}{}{})\n",
             what, grouped(memory.fixed()), grouped(memory.scratch_per_thread),
             grouped(memory.fixed() + threads * memory.scratch_per_thread), threads, grouped(memory.states),
             grouped(memory.arena), grouped(memory.input_output + memory.staging),
             memory.health > 0 ? fmt::format(", health {}", grouped(memory.health)) : "",
             memory.largest_state > 0 ? fmt::format(", a copy of the largest state {}", grouped(memory.largest_state))
                                      : "");
}

void print_text(const frontend::LoadedExperiment& loaded, const Facts& facts, const Options& options) {
  const frontend::DataFacts& data = loaded.data;
  std::vector<std::vector<std::string>> rows = {{"layer", "kind", "output", "parameters", "FLOPs a sample"}};
  rows.push_back({"image", "input", fmt::format("{}x{}x{}", data.channels, data.height, data.width), "", ""});
  for (const proto::NetworkInput& input : loaded.experiment.network().input())
    rows.push_back({input.name(), "input", fmt::format("{}", fmt::join(input.dims(), "x")), "", ""});
  for (const LayerFacts& layer : facts.layers)
    rows.push_back({layer.name, layer.kind, fmt::format("{}", fmt::join(layer.output, "x")), grouped(layer.parameters),
                    grouped(layer.flops)});
  rows.push_back({"total", "", "", grouped(facts.parameters), grouped(facts.flops)});
  print_table(rows, 3);
  fmt::print("\ntraining: {} FLOPs a sample (a multiply-add counts 2), batch {}, {} samples\n",
             grouped(facts.training_flops), facts.batch, data.train_samples > 0 ? grouped(data.train_samples) : "no");
  print_memory(fmt::format("training with batch {}", facts.batch), facts.training, thread_count(options));
  fmt::print("a native trainer takes about {} bytes beside, for code, stacks and buffers\n",
             grouped(facts.trainer_bytes));
  print_memory("inference with batch 1", facts.inference, thread_count(options));
  if (facts.data_bytes > 0) fmt::print("data held in memory while training: {} bytes\n", grouped(facts.data_bytes));
  // Numbers that stand for names tell nothing.
  const bool has_names = !loaded.experiment.data().class_name().empty();
  if (!facts.classes.empty())
    fmt::print("{} classes{}{}\n", facts.classes.size(), has_names ? ": " : "",
               has_names ? fmt::to_string(fmt::join(facts.classes, ", ")) : "");
  if (options.verbosity < 1) return;
  if (!facts.folding.empty())
    fmt::print("\nremoved and folded in predict{}\n", frontend::takes_statistics(loaded.experiment.preprocess())
                                                          ? ", as if all values of the images varied alike"
                                                          : "");
  for (const std::string& sentence : facts.folding) fmt::print("  {}\n", sentence);
  std::string function;
  rows.clear();
  for (const KernelFacts& kernel : facts.kernels) {
    if (kernel.function != function) {
      print_table(rows, 5);
      rows.clear();
      function = kernel.function;
      fmt::print("\nkernels of {}\n", function);
    }
    rows.push_back({"  " + kernel.node, kernel.op, kernel.layer, kernel.kernel,
                    fmt::format("{}", fmt::join(kernel.refusals, "; "))});
  }
  print_table(rows, 5);
}

nlohmann::json to_json(const Memory& memory) {
  return {{"fixed_bytes", memory.fixed()},
          {"bytes_per_thread", memory.scratch_per_thread},
          {"states_bytes", memory.states},
          {"arena_bytes", memory.arena},
          {"input_output_bytes", memory.input_output},
          {"staging_bytes", memory.staging},
          {"health_bytes", memory.health},
          {"largest_state_bytes", memory.largest_state}};
}

nlohmann::json to_json(const frontend::LoadedExperiment& loaded, const Facts& facts, const Options& options) {
  const frontend::DataFacts& data = loaded.data;
  nlohmann::json layers = nlohmann::json::array();
  for (const LayerFacts& layer : facts.layers)
    layers.push_back({{"name", layer.name},
                      {"kind", layer.kind},
                      {"output", layer.output},
                      {"parameters", layer.parameters},
                      {"flops", layer.flops}});
  nlohmann::json inputs = nlohmann::json::array();
  for (const proto::NetworkInput& input : loaded.experiment.network().input())
    inputs.push_back(
        {{"name", input.name()}, {"dims", std::vector<int64_t>(input.dims().begin(), input.dims().end())}});
  nlohmann::json result = {{"experiment", loaded.experiment.name()},
                           {"image", {data.channels, data.height, data.width}},
                           {"inputs", inputs},
                           {"train_samples", data.train_samples},
                           {"validation_samples", data.validation_samples},
                           {"test_samples", data.test_samples},
                           {"layers", layers},
                           {"totals",
                            {{"parameters", facts.parameters},
                             {"flops_per_sample", facts.flops},
                             {"training_flops_per_sample", facts.training_flops}}},
                           {"memory",
                            {{"training", to_json(facts.training)},
                             {"inference", to_json(facts.inference)},
                             {"trainer_bytes", facts.trainer_bytes},
                             {"data_bytes", facts.data_bytes}}},
                           {"training_batch", facts.batch},
                           {"class_names", facts.classes}};
  if (options.verbosity < 1) return result;
  nlohmann::json kernels = nlohmann::json::array();
  for (const KernelFacts& kernel : facts.kernels)
    kernels.push_back({{"function", kernel.function},
                       {"node", kernel.node},
                       {"op", kernel.op},
                       {"layer", kernel.layer},
                       {"kernel", kernel.kernel},
                       {"refusals", kernel.refusals}});
  result["kernels"] = kernels;
  result["folding"] = facts.folding;
  return result;
}

} // namespace

int run_check(const Options& options) {
  const ir::Target target = target_of(options);
  frontend::Diagnostics diagnostics;
  const auto loaded = frontend::load_experiment(options.experiment, options.overrides, diagnostics);
  if (!loaded) report_diagnostics(diagnostics, options);
  const bool is_watched = loaded->data.watched_samples() > 0;
  const proto::Training& recipe = loaded->experiment.training();
  const int64_t evaluation_batch = is_watched ? recipe.evaluation_batch() : 0;
  // All functions at once, so that each problem is told once.
  frontend::import_network(*loaded, {recipe.batch(), evaluation_batch, {1}}, diagnostics);
  report_diagnostics(diagnostics, options);

  frontend::Diagnostics nothing_new;
  const auto training = frontend::import_network(*loaded, {recipe.batch(), evaluation_batch, {}}, nothing_new);
  const auto inference = frontend::import_network(*loaded, {0, 0, {1}}, nothing_new);
  if (!options.data) check_labels(*loaded, label_range(*loaded, *inference), options);

  Facts facts;
  facts.layers = layer_facts(*loaded, *inference->find_function("predict"));
  for (const LayerFacts& layer : facts.layers) {
    facts.parameters += layer.parameters;
    facts.flops += layer.flops;
  }
  facts.batch = recipe.batch();
  facts.classes = class_names(*loaded, label_classes(*loaded, *inference));
  facts.data_bytes = loaded->data.memory_bytes;

  const ir::Plan training_plan = optimize(*training, Purpose::training, options);
  facts.training = training_memory(training_plan, recipe.health().every_steps() > 0);
  facts.trainer_bytes = kTrainerBytes;
  for (const ir::FunctionPlan& function : training_plan.functions)
    if (function.function->name() == "train_step") facts.training_flops = flops_of(function) / recipe.batch();
  // With weights known, as predict has them.
  bind_initial_weights(*inference, recipe.seed(), target);
  bind_stand_in_rotation(*loaded, *inference);
  InferenceChanges changes;
  const ir::Plan inference_plan = optimize(*inference, Purpose::inference, options, changes.listen());
  facts.folding = changes.sentences();
  facts.inference = memory_of(inference_plan);
  append_kernels(facts.kernels, training_plan);
  append_kernels(facts.kernels, inference_plan);

  std::vector<frontend::LintFinding> findings;
  if (options.lint) {
    const auto train = open_data(*loaded).sources[runtime::Split::train];
    findings = lint_experiment(*loaded, train.get());
    if (!options.json) report_lint(findings, frontend::LintSeverity::note, frontend::LintSeverity::error, options);
  }
  const bool is_faulty = std::any_of(findings.begin(), findings.end(), [](const frontend::LintFinding& finding) {
    return finding.rule->severity == frontend::LintSeverity::error;
  });

  std::optional<runtime::DataScan> scan;
  if (options.data) scan = check_data(*loaded, label_range(*loaded, *inference), options);
  if (options.json) {
    nlohmann::json result = to_json(*loaded, facts, options);
    result["diagnostics"] = nlohmann::json::parse(diagnostics.json());
    if (options.lint) result["lint"] = nlohmann::json::parse(frontend::lint_json(findings));
    if (scan) result["data"] = to_json(*scan);
    print_json(result);
  } else {
    print_text(*loaded, facts, options);
    if (scan) print_scan(*scan, facts.classes);
  }
  if (is_faulty) return static_cast<int>(runtime::ErrorKind::model);
  return scan && scan->has_errors() ? static_cast<int>(runtime::ErrorKind::data) : 0;
}

} // namespace kiln::tools
