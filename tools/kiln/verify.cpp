// kiln verify: the compiled network against the reference evaluator, layer by layer, and a product against both.
#include "compile_experiment.h"
#include "ir/evaluate.h"
#include "passes/pass_manager.h"
#include "report.h"
#include "run_program.h"
#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/function_io.h"
#include "runtime/layout.h"
#include "temporary_directory.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <nlohmann/json.hpp>

namespace kiln::tools {

namespace fs = std::filesystem;

namespace {

// Of the largest value of a layer, over all samples. Rounding in f32 adds up to a few millionths from layer to layer; a
// wrong kernel or fold is far beyond this.
constexpr double kTolerance = 1e-4;
constexpr int64_t kSamples = 4;
constexpr int kTrainingSteps = 3; // that a trainer and kiln train are compared over
// What the network as written means outside of training.
constexpr std::array<std::string_view, 3> kMeaning = {"eliminate_dropout", "fix_rrelu_slope", "use_running_statistics"};

struct Difference {
  double largest = 0; // absolute
  double range = 0;   // of what it should be

  double relative() const { return largest == 0 ? 0 : largest / range; }
  bool diverges() const { return !(relative() <= kTolerance); } // NaN diverges
  void add(double got, double wanted) {
    if (got == wanted || (std::isnan(got) && std::isnan(wanted))) return extend(wanted);
    const double difference = std::abs(got - wanted);
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
    extend(wanted);
  }

private:
  void extend(double wanted) {
    if (!std::isnan(wanted)) range = std::max(range, std::abs(wanted));
  }
};

struct Step {
  std::string value, kernel, layers;
  Difference difference;
};

ir::Environment environment_of(const ir::Module& module, const std::vector<uint8_t>& image,
                               const ir::Function& function) {
  ir::Environment environment;
  for (const auto& state : module.states()) {
    ir::Tensor& tensor = environment.states[state->value.name] = ir::Tensor(state->value.type.dims);
    tensor.data = state->data;
  }
  const ir::Value& input = *function.inputs().front();
  ir::Tensor& tensor = environment.inputs[input.name] = ir::Tensor(input.type.dims);
  std::copy(image.begin(), image.end(), tensor.data.begin());
  return environment;
}

// The first test images, or noise where there are none.
std::vector<std::vector<uint8_t>> images_of(const frontend::LoadedExperiment& loaded) {
  const runtime::ImageShape shape{loaded.data.height, loaded.data.width, loaded.data.channels};
  std::vector<std::vector<uint8_t>> images;
  const auto source = loaded.data.test_samples > 0 ? open_data(loaded).sources[runtime::Split::test] : nullptr;
  const int64_t count = source ? std::min<int64_t>(kSamples, source->size()) : kSamples;
  for (int64_t sample = 0; sample < count; ++sample) {
    std::vector<uint8_t>& image = images.emplace_back(static_cast<size_t>(shape.bytes()));
    if (source)
      source->read(sample, source->index_of(*source->find_field(runtime::image_name)), image.data());
    else
      for (size_t i = 0; i < image.size(); ++i)
        image[i] = static_cast<uint8_t>(random::draw(static_cast<uint64_t>(sample), i));
  }
  return images;
}

// Runs a compiled predict and compares each step's result with the reference of the same, optimised function.
class StepComparison {
public:
  StepComparison(const Compiled& compiled, runtime::Instance& instance)
      : plan_(compiled.plan.functions.front()), instance_(instance),
        function_(runtime::require_function(instance.program(), "predict", 1)), memory_(function_) {
    for (int32_t i = 0; i < function_.step_count; ++i) {
      const kiln_step& step = function_.steps[i];
      steps_.push_back({step.name, step.kernel, step.layers, {}});
    }
    for (const ir::Value* value : results()) tensors_.push_back(tensor_of(*value));
    instance.set_step_hook(&StepComparison::after_step, this);
  }
  ~StepComparison() { instance_.set_step_hook(nullptr, nullptr); }
  StepComparison(const StepComparison&) = delete;
  StepComparison& operator=(const StepComparison&) = delete;

  // What comes out.
  std::vector<float> run(const ir::Module& module, const std::vector<uint8_t>& image) {
    ir::Environment environment = environment_of(module, image, *plan_.function);
    trace_.clear();
    ir::evaluate(*plan_.function, environment, &trace_);
    std::memcpy(memory_.input(0), image.data(), image.size());
    instance_.run(function_, memory_.inputs(), memory_.outputs(), 0, 0);
    std::vector<float> output(static_cast<size_t>(runtime::element_count(function_.outputs[0])));
    runtime::unpack(function_.outputs[0], memory_.output(0), output.data());
    return output;
  }

  const std::vector<Step>& steps() const { return steps_; }

private:
  std::vector<const ir::Value*> results() const {
    std::vector<const ir::Value*> values;
    for (const ir::PlanStep& step : plan_.steps)
      values.push_back(step.node->result_count() > 0 ? &step.node->result() : nullptr);
    return values;
  }
  static kiln_tensor tensor_of(const ir::Value& value) {
    kiln_tensor tensor{};
    tensor.name = value.name.c_str();
    tensor.dtype = KILN_F32;
    tensor.rank = static_cast<int32_t>(value.type.rank());
    std::copy(value.type.dims.begin(), value.type.dims.end(), tensor.dims);
    tensor.layout = codegen::layout_of(value.type);
    tensor.bytes = value.type.bytes();
    return tensor;
  }

  static void after_step(void* context, int32_t step) {
    auto& self = *static_cast<StepComparison*>(context);
    self.compare(static_cast<size_t>(step));
  }
  void compare(size_t index) {
    const ir::PlanStep& step = plan_.steps[index];
    if (step.node->result().type.dtype != ir::DType::f32) return;
    const ir::Tensor& wanted = trace_.at(step.node->result().name);
    logical_.resize(wanted.data.size());
    runtime::unpack(tensors_[index], instance_.buffer(step.results.front()), logical_.data());
    for (size_t i = 0; i < wanted.data.size(); ++i) steps_[index].difference.add(double{logical_[i]}, wanted.data[i]);
  }

  const ir::FunctionPlan& plan_;
  runtime::Instance& instance_;
  const kiln_function& function_;
  runtime::FunctionMemory memory_;
  std::vector<kiln_tensor> tensors_;
  std::vector<Step> steps_;
  std::vector<float> logical_;
  std::map<std::string, ir::Tensor> trace_;
};

nlohmann::json json_of(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const ProgramOutput told = run_program(words, "/dev/null");
  nlohmann::json json = nlohmann::json::parse(told.out, nullptr, false);
  if (told.exit_code != 0 || json.is_discarded())
    throw runtime::Error(runtime::ErrorKind::runtime,
                         fmt::format("{} ended with exit code {}{}", fmt::join(words, " "), told.exit_code,
                                     json.is_discarded() ? ", and printed no JSON" : ""));
  return json;
}

// What an inference binary makes of the same images.
Difference compare_inference(const std::string& product, const std::vector<std::vector<uint8_t>>& images,
                             const std::vector<std::vector<float>>& outputs) {
  const TemporaryDirectory directory;
  std::string input;
  for (const auto& image : images) input.append(image.begin(), image.end());
  runtime::write_text_file(directory.file("images"), input);
  const ProgramOutput told = run_program({product, "--raw"}, directory.file("images"));
  Difference difference;
  const size_t bytes = outputs.size() * outputs.front().size() * sizeof(float);
  if (told.exit_code != 0 || told.out.size() != bytes)
    throw runtime::Error(runtime::ErrorKind::mismatch,
                         fmt::format("{}: gave {} bytes and exit code {} for {} images, expected {} bytes", product,
                                     told.out.size(), told.exit_code, images.size(), bytes));
  const char* at = told.out.data();
  for (const auto& output : outputs)
    for (float wanted : output) {
      float got = 0;
      std::memcpy(&got, at, sizeof got);
      at += sizeof got;
      difference.add(double{got}, double{wanted});
    }
  return difference;
}

// Whether a trainer ends some steps with the weights of kiln train.
bool same_training(const std::string& product, const Options& options, nlohmann::json& facts) {
  const TemporaryDirectory directory;
  const std::string steps = fmt::to_string(kTrainingSteps);
  const std::string self = fs::read_symlink("/proc/self/exe").string();
  std::vector<std::string> ours = {"train", options.experiment, "--cpu", options.cpu, "--math", options.math};
  for (const std::string& change : options.overrides) ours.insert(ours.end(), {"--set", change});
  ours.insert(ours.end(), {"--json", "--progress", "none", "--max-steps", steps, "--out", directory.file("kiln")});
  const nlohmann::json by_kiln = json_of(self, ours);
  const nlohmann::json by_trainer =
      json_of(product, {"--json", "--progress", "none", "--max-steps", steps, "--out", directory.file("trainer")});
  facts = {{"kind", "trainer"},
           {"steps", kTrainingSteps},
           {"weights_sha256", by_trainer.at("weights_sha256")},
           {"weights_sha256_by_kiln", by_kiln.at("weights_sha256")}};
  return by_kiln.at("weights_sha256") == by_trainer.at("weights_sha256");
}

nlohmann::json json_of(const Difference& difference) {
  return {{"largest", difference.largest}, {"range", difference.range}, {"diverges", difference.diverges()}};
}

std::string text_of(const Difference& difference) {
  return fmt::format("{:.2e} of {:.3g}{}", difference.largest, difference.range,
                     difference.diverges() ? "  DIVERGES" : "");
}

} // namespace

int run_verify(const Options& options) {
  const frontend::LoadedExperiment loaded = load(options);
  frontend::ImportOptions wanted;
  wanted.predict_batches = {1};
  const std::string weights = weights_path(loaded, options);
  const auto meant = import(loaded, wanted, options);
  bind_weights(*meant, weights);
  passes::RunOptions run_options;
  run_options.pass.target = target_of(options);
  passes::run_passes(*meant, kMeaning, run_options);
  auto module = import(loaded, wanted, options);
  bind_weights(*module, weights);
  const Compiled compiled = compile(std::move(module), Purpose::inference, loaded, options);
  const ir::Function& as_written = *meant->find_function("predict");
  if (as_written.inputs().size() != 1)
    throw runtime::Error(runtime::ErrorKind::unsupported,
                         fmt::format("{}: takes more than images, which verify cannot make up", options.experiment));

  runtime::Instance instance(compiled.program.description(), {.threads = thread_count(options)});
  write_known_states(*compiled.module, instance);
  const std::vector<std::vector<uint8_t>> images = images_of(loaded);
  std::vector<std::vector<float>> outputs;
  Difference whole;
  StepComparison comparison(compiled, instance);
  for (const auto& image : images) {
    outputs.push_back(comparison.run(*compiled.module, image));
    ir::Environment environment = environment_of(*meant, image, as_written);
    const ir::Tensor expected = ir::evaluate(as_written, environment).at(as_written.outputs.front().name);
    for (size_t i = 0; i < outputs.back().size(); ++i) whole.add(double{outputs.back()[i]}, expected.data[i]);
  }

  const std::vector<Step>& steps = comparison.steps();
  const auto first =
      std::find_if(steps.begin(), steps.end(), [](const Step& step) { return step.difference.diverges(); });
  bool agrees = first == steps.end() && !whole.diverges();
  nlohmann::json product;
  if (!options.product.empty()) {
    const std::string path = fs::absolute(options.product).string();
    if (json_of(path, {"--info", "--json"}).contains("recipe")) {
      agrees = same_training(path, options, product) && agrees;
    } else {
      const Difference difference = compare_inference(path, images, outputs);
      product = {{"kind", "inference"}, {"output", json_of(difference)}};
      agrees = agrees && !difference.diverges();
    }
  }

  nlohmann::json layers = nlohmann::json::array();
  for (const Step& step : steps)
    layers.push_back({{"value", step.value},
                      {"kernel", step.kernel},
                      {"layers", step.layers},
                      {"difference", json_of(step.difference)}});
  if (options.json) {
    print_json({{"samples", images.size()},
                {"weights", weights},
                {"steps", layers},
                {"first_diverging", first == steps.end() ? nlohmann::json() : nlohmann::json(first->value)},
                {"output", json_of(whole)},
                {"product", product},
                {"agrees", agrees}});
  } else {
    size_t width = 6;
    for (const Step& step : steps) width = std::max(width, step.value.size());
    fmt::print("largest differences from the reference in double, over {} images, weights {}\n", images.size(),
               weights);
    for (const Step& step : steps) fmt::print("  {:{}}  {}\n", step.value, width, text_of(step.difference));
    fmt::print("  {:{}}  {}\n", "output of the network as written", width, text_of(whole));
    if (first != steps.end()) fmt::print("the first step that diverges is {} ({})\n", first->value, first->kernel);
    if (product.contains("output"))
      fmt::print("{}: output differs by {:.2e}\n", options.product, product["output"]["largest"].get<double>());
    if (product.contains("steps"))
      fmt::print("{}: weights_sha256 after {} steps {}\n", options.product, kTrainingSteps,
                 product["weights_sha256"] == product["weights_sha256_by_kiln"] ? "is that of kiln train"
                                                                                : "is not that of kiln train");
  }
  return agrees ? 0 : static_cast<int>(runtime::ErrorKind::mismatch);
}

} // namespace kiln::tools
