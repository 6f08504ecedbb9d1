// Runs single training steps and predictions from given states, for comparison with another framework's:
//
//     run_step EXPERIMENT BATCH THREADS [a.b=c ...]      (further words are overrides, as --set)
//
// prints a line "state NAME ROLE D0 D1 ..." for each state that a step starts from, then "ready". Each line of input is
// "train IN OUT" or "predict IN OUT", two safetensors files: IN holds the states and the function's inputs by name. OUT
// gets, of train_step, its outputs, "gradient:STATE" for each parameter, "mask:LAYER" for each dropout (what it
// multiplies by), "decided:LAYER" for each rectifier (its result) and max pooling (its operand), in the order of the
// network, and the states after the step; of predict, its outputs. Done with one, it prints "done".
#include "codegen/host_cpu.h"
#include "codegen/program.h"
#include "frontend/importer.h"
#include "ir/all_ops.h"
#include "ir/op.h"
#include "passes/pass_manager.h"
#include "passes/pipeline.h"
#include "passes/plan_memory.h"
#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/instance.h"
#include "runtime/layout.h"
#include "runtime/safetensors.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace kiln;

std::string_view role_name(ir::StateRole role) {
  switch (role) {
  case ir::StateRole::parameter:
    return "parameter";
  case ir::StateRole::statistic:
    return "statistic";
  case ir::StateRole::optimizer:
    return "optimizer";
  case ir::StateRole::constant:
    return "constant";
  }
  return "";
}

// Dropout of ones, in the same step and stream, is what a layer multiplies by.
void export_masks(ir::Function& function) {
  std::vector<const ir::Node*> found;
  for (const auto& node : function.nodes())
    if (node->is<ir::Dropout>()) found.push_back(node.get());
  for (const ir::Node* node : found) {
    ir::Node& ones =
        function.create(ir::info<ir::Constant>(),
                        ir::Attributes::of(ir::Constant::Attributes{1, node->result().type.dims}), {}, "ones");
    ir::Node& mask = function.create(ir::info<ir::Dropout>(), node->raw_attributes(), {&ones.result()}, "mask");
    function.outputs.push_back({"mask:" + node->layer, &mask.result()});
  }
}

// What tells which elements a rectifier passed, and which of a window was its maximum.
void export_decisions(ir::Function& function) {
  for (const auto& node : function.nodes()) {
    if (node->is<ir::Relu>())
      function.outputs.push_back({"decided:" + node->layer, &node->result()});
    else if (node->is<ir::MaxPool>())
      function.outputs.push_back({"decided:" + node->layer, &node->operand(0)});
  }
}

// The training pipeline, with gradients kept as outputs beside the updates.
void optimize_training(ir::Module& module, const passes::RunOptions& options) {
  ir::Function& function = *module.find_function("train_step");
  export_masks(function);
  export_decisions(function);
  const auto pipeline = passes::training_pipeline(); // differentiate, append_optimizer, ...
  passes::run_passes(module, pipeline.subspan(0, 1), options);
  std::vector<ir::Output> gradients;
  for (const ir::Output& output : function.outputs)
    if (output.name.starts_with(ir::kGradientPrefix)) gradients.push_back(output);
  passes::run_passes(module, pipeline.subspan(1, 1), options);
  function.outputs.insert(function.outputs.end(), gradients.begin(), gradients.end());
  passes::run_passes(module, pipeline.subspan(2), options);
}

std::vector<char> read(const runtime::SafetensorsFile& file, std::string_view name, int64_t bytes) {
  const auto* tensor = file.find(name);
  if (tensor == nullptr) throw std::runtime_error(fmt::format("{} has no tensor {}", file.path(), name));
  if (static_cast<int64_t>(tensor->end - tensor->begin) != bytes)
    throw std::runtime_error(
        fmt::format("{}: {} has {} bytes, not {}", file.path(), name, tensor->end - tensor->begin, bytes));
  std::vector<char> data(static_cast<size_t>(bytes));
  file.read(*tensor, data.data());
  return data;
}

struct NamedTensor {
  runtime::SafetensorsTensor header;
  std::vector<char> data;

  NamedTensor(const kiln_tensor& tensor)
      : header{tensor.name,
               std::string(runtime::safetensors_dtype(tensor.dtype)),
               {tensor.dims, tensor.dims + tensor.rank}},
        data(static_cast<size_t>(runtime::logical_bytes(tensor))) {}
};

void write(const std::string& path, const std::vector<NamedTensor>& tensors) {
  std::vector<runtime::SafetensorsTensor> headers;
  for (const NamedTensor& tensor : tensors) headers.push_back(tensor.header);
  runtime::SafetensorsWriter writer(path, headers, {});
  for (const NamedTensor& tensor : tensors) writer.write(tensor.data.data(), tensor.data.size());
  writer.commit();
}

class Compiled {
public:
  Compiled(std::unique_ptr<ir::Module> module, const ir::Target& target, int threads)
      : module_(std::move(module)), program_(passes::plan_memory(*module_, target), on(threads)),
        instance_(program_.description(), {threads, false}) {}

  const kiln_program& program() const { return program_.description(); }

  // Results, then, if asked for, states.
  void run(const runtime::SafetensorsFile& in, const std::string& out, bool with_states) {
    const kiln_function& function = program().functions[0];
    for (int32_t s = 0; s < program().state_count; ++s) {
      const kiln_tensor& tensor = program().states[s].tensor;
      if (program().states[s].role != KILN_CONSTANT)
        instance_.write_state(s, read(in, tensor.name, runtime::logical_bytes(tensor)).data());
    }
    std::vector<std::vector<char>> inputs;
    std::vector<const void*> input_pointers;
    for (int32_t i = 0; i < function.input_count; ++i)
      input_pointers.push_back(inputs.emplace_back(read(in, function.inputs[i].name, function.inputs[i].bytes)).data());
    std::vector<NamedTensor> results(function.outputs, function.outputs + function.output_count);
    std::vector<void*> output_pointers;
    for (NamedTensor& result : results) output_pointers.push_back(result.data.data());
    instance_.run(function, input_pointers, output_pointers, 1, 0);
    for (int32_t s = 0; with_states && s < program().state_count; ++s)
      instance_.read_state(s, results.emplace_back(program().states[s].tensor).data.data());
    write(out, results);
  }

private:
  static codegen::CompileOptions on(int threads) {
    codegen::CompileOptions options;
    options.threads = threads;
    return options;
  }

  std::unique_ptr<ir::Module> module_;
  codegen::Program program_;
  runtime::Instance instance_;
};

class Session {
public:
  Session(const std::string& path, int64_t batch, int threads, const std::vector<std::string>& overrides)
      : batch_(batch), threads_(threads) {
    frontend::Diagnostics diagnostics;
    loaded_ = frontend::load_experiment(path, overrides, diagnostics);
    if (!loaded_ || diagnostics.has_errors()) fail(diagnostics);
    options_.pass.target = ir::target_for(codegen::host_isa_level());
    auto module = import({.train_batch = batch, .predict_batches = {}});
    optimize_training(*module, options_);
    train_ = std::make_unique<Compiled>(std::move(module), options_.pass.target, threads);
  }

  void describe() const {
    const auto module = import({.train_batch = batch_, .predict_batches = {}});
    passes::run_passes(*module, passes::training_pipeline().subspan(0, 2), options_);
    for (const auto& state : module->states()) {
      fmt::print("state {} {}", state->value.name, role_name(state->role));
      for (int64_t dim : state->value.type.dims) fmt::print(" {}", dim);
      fmt::print("\n");
    }
  }

  void train(const std::string& in, const std::string& out) { train_->run(runtime::SafetensorsFile(in), out, true); }

  // With weights that the compiler knows, as `kiln predict` does, so compiled anew.
  void predict(const std::string& in, const std::string& out) const {
    const runtime::SafetensorsFile file(in);
    auto module = import({.predict_batches = {batch_}});
    for (const auto& state : module->states()) {
      const auto bytes = read(file, state->value.name, state->value.type.elements() * int64_t{sizeof(float)});
      const auto* values = reinterpret_cast<const float*>(bytes.data());
      state->data.assign(values, values + state->value.type.elements());
    }
    passes::run_passes(*module, passes::inference_pipeline(), options_);
    Compiled(std::move(module), options_.pass.target, threads_).run(file, out, false);
  }

private:
  [[noreturn]] static void fail(const frontend::Diagnostics& diagnostics) {
    for (const auto& entry : diagnostics.sorted()) fmt::print(stderr, "{}\n", to_string(entry));
    throw std::runtime_error("the experiment is no valid one");
  }

  std::unique_ptr<ir::Module> import(const frontend::ImportOptions& wanted) const {
    frontend::Diagnostics diagnostics;
    auto module = frontend::import_network(*loaded_, wanted, diagnostics);
    if (module == nullptr) fail(diagnostics);
    return module;
  }

  int64_t batch_;
  int threads_;
  std::optional<frontend::LoadedExperiment> loaded_;
  passes::RunOptions options_;
  std::unique_ptr<Compiled> train_;
};

int serve(int count, char** words) {
  if (count < 4) {
    fmt::print(stderr, "usage: run_step EXPERIMENT BATCH THREADS [a.b=c ...]\n");
    return 2;
  }
  Session session(words[1], std::atoll(words[2]), std::atoi(words[3]), {words + 4, words + count});
  session.describe();
  fmt::print("ready\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream parts(line);
    std::string verb, in, out;
    parts >> verb >> in >> out;
    if (verb == "train")
      session.train(in, out);
    else if (verb == "predict")
      session.predict(in, out);
    else
      throw std::runtime_error("neither train nor predict: " + line);
    fmt::print("done\n");
    std::fflush(stdout);
  }
  return 0;
}

} // namespace

int main(int count, char** words) {
  try {
    return serve(count, words);
  } catch (const std::exception& error) {
    fmt::print(stderr, "run_step: {}\n", error.what());
    return 1;
  }
}
