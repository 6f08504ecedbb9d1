// Shows what a network says of images.
#include "products/report_predictions.h"

#include "products/run_product.h"
#include "runtime/error.h"
#include "runtime/function_io.h"
#include "runtime/json_writer.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace kiln::products {
namespace {

constexpr int kUnreadable = static_cast<int>(runtime::ErrorKind::data);

// " 98.7%". Here and below not by to_chars, whose tables for floats would be a tenth of a small product.
std::string percent(float probability) {
  const int64_t tenths = std::lround(probability * 1000);
  std::string text = runtime::format_integer(tenths / 10) + "." + runtime::format_integer(tenths % 10) + "%";
  text.insert(0, text.size() < 6 ? 6 - text.size() : 0, ' ');
  return text;
}

// Nine digits read back to the same bits.
std::string exact(float value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.9g", double{value});
  return text.data();
}

} // namespace

PredictionReport::PredictionReport(const kiln_program& program, std::string program_name, int64_t top, bool json)
    : program_(program), program_name_(std::move(program_name)), top_(top), json_(json) {
  const kiln_function& predict = runtime::require_function(program, "predict");
  const int output = runtime::find_output(predict, "probability", KILN_F32);
  if (output < 0 || predict.outputs[output].rank != 2)
    throw runtime::Error(runtime::ErrorKind::unsupported, "this network gives no probabilities of classes");
  for (int32_t i = 0; i < program.class_count; ++i)
    name_width_ = std::max(name_width_, std::string_view(program.class_names[i]).size());
}

std::string PredictionReport::class_name(int64_t index) const {
  return index < program_.class_count ? program_.class_names[index] : runtime::format_integer(index);
}

void PredictionReport::add(std::string_view name, const std::string& problem, std::span<const float> probabilities) {
  problems_ += problem.empty() ? 0 : 1;
  if (json_) {
    add_json(name, problem, probabilities);
  } else if (!problem.empty()) {
    tell_error(program_name_, kUnreadable, problem, false);
  } else {
    std::string line = std::string(name) + ": ";
    for (const auto& [index, probability] : top_classes(probabilities, top_)) {
      std::string label = class_name(index);
      label.resize(std::max(label.size(), name_width_), ' ');
      line += percent(probability) + " " + label + " ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    print(line + "\n");
  }
  ++samples_;
}

void PredictionReport::add_json(std::string_view name, const std::string& problem,
                                std::span<const float> probabilities) {
  runtime::JsonWriter json;
  json.begin_object().member("file", name);
  if (!problem.empty()) {
    json.member("error", problem);
  } else {
    json.key("top").begin_array();
    for (const auto& [index, probability] : top_classes(probabilities, top_)) {
      json.begin_object().member("class", index).member("name", class_name(index));
      json.key("probability").number(exact(probability)).end_object();
    }
    json.end_array();
  }
  print((samples_ == 0 ? "[" : ",\n ") + json.end_object().text());
}

int PredictionReport::finish() {
  if (json_) print(samples_ == 0 ? "[]\n" : "]\n");
  return problems_ == 0 ? 0 : kUnreadable;
}

int report_files(PredictionReport report, Classifier& classifier, std::span<const std::string> words,
                 const runtime::FitRule& fit, const std::array<uint8_t, 3>& background) {
  const std::vector<std::string> files = list_images(
      words, [&](const std::string& directory, const std::string& problem) { report.add(directory, problem, {}); });
  const auto source = open_images(files, fit, background, classifier.shape());
  classifier.run(*source, [&](size_t sample, const std::string& problem, std::span<const float> output) {
    report.add(files[sample], problem, output);
  });
  return report.finish();
}

} // namespace kiln::products
