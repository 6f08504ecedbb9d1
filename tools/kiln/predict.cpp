// kiln predict: what trained weights say about samples of the test split, or about image files.
#include "compile_experiment.h"
#include "extract_features.h"
#include "products/classify.h"
#include "products/report_predictions.h"
#include "report.h"
#include "runtime/error.h"
#include "runtime/evaluate.h"
#include "runtime/function_io.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <span>

namespace kiln::tools {

namespace {

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// Digits and dashes alone: a file of such a name is given with its directory (./3).
bool names_samples(const std::string& text) { return text.find_first_not_of("0123456789-") == std::string::npos; }

// "3" or "10-19".
void append_samples(std::vector<int64_t>& samples, const std::string& text, int64_t count) {
  const size_t dash = text.find('-');
  const auto first = parse_number(std::string_view(text).substr(0, dash));
  const auto last = dash == std::string::npos ? first : parse_number(std::string_view(text).substr(dash + 1));
  if (!first || !last || *first > *last)
    throw runtime::Error(runtime::ErrorKind::usage,
                         fmt::format("\"{}\" names no samples: write a number (3) or a range (10-19)", text));
  if (*last >= count)
    throw runtime::Error(runtime::ErrorKind::usage,
                         fmt::format("there is no sample {}: the test split has samples 0 to {}", *last, count - 1));
  for (int64_t sample = *first; sample <= *last; ++sample) samples.push_back(sample);
}

std::vector<int64_t> wanted_samples(const Options& options, int64_t count) {
  std::vector<int64_t> samples;
  for (const std::string& text : options.samples) append_samples(samples, text, count);
  if (!samples.empty()) return samples;
  samples.resize(static_cast<size_t>(std::min<int64_t>(10, count)));
  std::iota(samples.begin(), samples.end(), 0);
  return samples;
}

struct Prediction {
  int64_t sample;
  int32_t label;
  std::vector<std::pair<int64_t, float>> top; // class and probability, most probable first

  bool correct() const { return top.front().first == label; }
};

// An ignored label may be no class: its number stands for it.
std::string label_name(const std::vector<std::string>& names, int32_t label) {
  const bool is_class = label >= 0 && static_cast<size_t>(label) < names.size();
  return is_class ? names[static_cast<size_t>(label)] : fmt::to_string(label);
}

nlohmann::json to_json(const std::vector<Prediction>& predictions, const std::vector<std::string>& names) {
  nlohmann::json list = nlohmann::json::array();
  for (const Prediction& prediction : predictions) {
    nlohmann::json top = nlohmann::json::array();
    for (const auto& [index, probability] : prediction.top)
      top.push_back({{"class", index}, {"name", names.at(static_cast<size_t>(index))}, {"probability", probability}});
    list.push_back({{"sample", prediction.sample},
                    {"label", prediction.label},
                    {"label_name", label_name(names, prediction.label)},
                    {"correct", prediction.correct()},
                    {"top", top}});
  }
  return list;
}

void print_predictions(const std::vector<Prediction>& predictions, const std::vector<std::string>& names) {
  size_t width = 0;
  for (const std::string& name : names) width = std::max(width, name.size());
  for (const Prediction& prediction : predictions) {
    std::string text =
        fmt::format("{:6}  {:5}  is {:{}}  ", prediction.sample, prediction.correct() ? "right" : "WRONG",
                    label_name(names, prediction.label), width);
    for (const auto& [index, probability] : prediction.top)
      text += fmt::format("  {:5.1f}% {:{}}", 100 * probability, names.at(static_cast<size_t>(index)), width);
    text.erase(text.find_last_not_of(' ') + 1);
    fmt::print("{}\n", text);
  }
}

// The label of a sample; null if the data give none.
nlohmann::json label_of(const runtime::DataSource& source, int64_t sample) {
  const runtime::Field* label = source.find_field(runtime::label_name);
  if (label == nullptr) return nullptr;
  const auto read = [&]<class T>(std::vector<T> values) {
    source.read(sample, source.index_of(*label), values.data());
    return nlohmann::json(values);
  };
  const auto size = static_cast<size_t>(label->elements());
  return label->dtype == KILN_I32 ? read(std::vector<int32_t>(size)) : read(std::vector<float>(size));
}

// What the network gives where it is no choice of one class for a sample.
void print_values(const std::vector<float>& values, const std::vector<int64_t>& samples, const ir::Module& module,
                  const runtime::DataSource& source, const std::string& weights, const Options& options) {
  const ir::Dims& dims = module.functions().front()->outputs.front().value->type.dims;
  const size_t count = values.size() / samples.size();
  nlohmann::json list = nlohmann::json::array();
  for (size_t i = 0; i < samples.size(); ++i) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i * count);
    const std::vector<float> own(begin, begin + static_cast<std::ptrdiff_t>(count));
    if (options.json) {
      list.push_back({{"sample", samples[i]},
                      {"shape", ir::Dims(dims.begin() + 1, dims.end())},
                      {"output", own},
                      {"label", label_of(source, samples[i])}});
      continue;
    }
    constexpr size_t shown = 8;
    fmt::print("{:6}  {:.4g}{}\n", samples[i],
               fmt::join(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(std::min(shown, count)), " "),
               count > shown ? fmt::format(" ... ({} values)", count) : "");
  }
  if (options.json) print_json({{"weights", weights}, {"samples", list}, {"count", samples.size()}});
}

// A whole number of these, as long as there are as many, costs less than one image at a time.
constexpr int64_t kFileBatch = 16;

int predict_files(const frontend::LoadedExperiment& loaded, const Options& options) {
  frontend::ImportOptions wanted;
  wanted.predict_batches = {1, kFileBatch};
  auto module = import(loaded, wanted, options);
  const std::string weights = weights_path(loaded, options);
  bind_weights(*module, weights);
  const runtime::DataDescription data = describe_data(loaded, *module);
  const Compiled compiled = compile(std::move(module), Purpose::inference, loaded, options);
  runtime::Instance instance(compiled.program.description(), {.threads = thread_count(options)});
  write_known_states(*compiled.module, instance);
  products::Classifier classifier(instance);
  const products::PredictionReport report(compiled.program.description(), "kiln", options.top, options.json);
  return products::report_files(report, classifier, options.samples, data.fit, data.background);
}

int predict_samples(const frontend::LoadedExperiment& loaded, const Options& options) {
  const auto source = open_test_source(loaded, options);
  const std::vector<int64_t> samples = wanted_samples(options, source->size());

  frontend::ImportOptions wanted;
  wanted.predict_batches = {1};
  auto module = import(loaded, wanted, options);
  const std::string weights = weights_path(loaded, options);
  bind_weights(*module, weights);
  const Compiled compiled = compile(std::move(module), Purpose::inference, loaded, options);

  runtime::Instance instance(compiled.program.description(), {.threads = thread_count(options)});
  write_known_states(*compiled.module, instance);
  const kiln_function& predict = runtime::require_function(compiled.program.description(), "predict");
  const std::vector<float> probabilities = runtime::predict_samples(instance, predict, *source, samples);

  const int64_t classes = class_count(*compiled.module);
  const std::vector<std::string> names = class_names(loaded, classes);
  const runtime::Field* found = source->find_field(runtime::label_name);
  const bool by_class = classes > 0 && found != nullptr && *found == runtime::class_label_field();
  if (!by_class) {
    print_values(probabilities, samples, *compiled.module, *source, weights, options);
    return 0;
  }
  source->check_labels(runtime::label_range(compiled.program.description()));
  const runtime::Field& label_field = *found;
  std::vector<Prediction> predictions;
  for (size_t i = 0; i < samples.size(); ++i) {
    int32_t label = 0;
    source->read(samples[i], source->index_of(label_field), &label);
    const auto own = std::span(probabilities).subspan(i * static_cast<size_t>(classes), static_cast<size_t>(classes));
    predictions.push_back({samples[i], label, products::top_classes(own, options.top)});
  }

  const auto correct = std::count_if(predictions.begin(), predictions.end(), [](const auto& p) { return p.correct(); });
  if (options.json) {
    print_json({{"weights", weights},
                {"samples", to_json(predictions, names)},
                {"correct", correct},
                {"count", predictions.size()}});
  } else {
    print_predictions(predictions, names);
    if (options.verbosity >= 0) fmt::print("{} of {} right, weights {}\n", correct, predictions.size(), weights);
  }
  return 0;
}

} // namespace

int run_predict(const Options& options) {
  const auto files = std::find_if_not(options.samples.begin(), options.samples.end(), names_samples);
  const auto samples = std::find_if(options.samples.begin(), options.samples.end(), names_samples);
  if (files != options.samples.end() && samples != options.samples.end())
    throw runtime::Error(runtime::ErrorKind::usage,
                         fmt::format("\"{}\" names samples of the test split, \"{}\" a file: only one kind at a time; "
                                     "write ./{} if that is a file too",
                                     *samples, *files, *samples));
  const frontend::LoadedExperiment loaded = load(options);
  if (!options.layer.empty()) {
    if (samples != options.samples.end())
      throw runtime::Error(runtime::ErrorKind::usage, "--layer takes the whole test split, or files: name no samples");
    return extract_features(loaded, files != options.samples.end(), options);
  }
  return files != options.samples.end() ? predict_files(loaded, options) : predict_samples(loaded, options);
}

} // namespace kiln::tools
