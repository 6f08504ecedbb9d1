// Rules of lint on the data and how they reach the network.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "frontend/lint/subject.h"

namespace kiln::frontend {
namespace {

// One value stands for all channels.
double value_of(const google::protobuf::RepeatedField<double>& values, size_t channel, double otherwise) {
  if (values.empty()) return otherwise;
  return values[values.size() == 1 ? 0 : static_cast<int>(channel)];
}

// Maps 0 to 255 onto -1 to 1, whatever the images: no statistic at all.
bool is_plain_range(const proto::Preprocess& preprocess, double mean, double std) {
  const double half = 127.5 * preprocess.scale();
  return std::abs(mean / half - 1) < 0.01 && std::abs(std / half - 1) < 0.01;
}

} // namespace

void no_zero_centre(LintSubject& subject) {
  const proto::Preprocess& preprocess = subject.experiment.preprocess();
  const bool is_centred =
      preprocess.has_zero_center() || preprocess.has_min_max() ||
      std::any_of(preprocess.mean().begin(), preprocess.mean().end(), [](double mean) { return mean != 0; });
  if (is_centred) return;
  for (const LintLayer& own : subject.layers())
    for (const int input : own.inputs)
      if (input < 0 && own.layer.has_batch_norm()) return; // which centres
  subject.say("preprocess", "nothing makes the images' mean zero", "preprocess { zero_center: CHANNEL }");
}

void foreign_statistics(LintSubject& subject) {
  const proto::Preprocess& preprocess = subject.experiment.preprocess();
  // Fine-tuning keeps to the statistics that its weights were trained with.
  if (subject.facts.channels.empty() || subject.experiment.training().has_weights()) return;
  for (size_t c = 0; c < subject.facts.channels.size(); ++c) {
    const LintFacts::Channel& measured = subject.facts.channels[c];
    const double mean = value_of(preprocess.mean(), c, 0), std = value_of(preprocess.std(), c, 1);
    const double true_mean = measured.mean * preprocess.scale();
    const double true_std = measured.std * std::abs(preprocess.scale());
    if (is_plain_range(preprocess, mean, std) || true_std == 0) return;
    // Left out, or what another field measures.
    const bool wrong_mean = mean != 0 && std::abs(true_mean - mean) > 0.1 * true_std;
    const bool wrong_std = std != 1 && std::abs(std::log(true_std / std)) > std::log(1.15);
    if (!wrong_mean && !wrong_std) continue;
    const char* name = wrong_mean ? "mean" : "std";
    subject.say(fmt::format("preprocess.{}", name),
                fmt::format("{} of channel {} is given as {:.4g}, of {} training images it is {:.4g}", name, c,
                            wrong_mean ? mean : std, subject.facts.measured_images, wrong_mean ? true_mean : true_std),
                "zero_center: CHANNEL divide_by_std: CHANNEL measure them");
    return;
  }
}

void few_outputs(LintSubject& subject) {
  const int64_t outputs = subject.outputs();
  const auto classes = static_cast<int64_t>(subject.facts.class_samples.size());
  if (outputs == 0 || classes <= outputs) return;
  subject.say("network", fmt::format("labels go up to {}, the network has {} outputs", classes - 1, outputs),
              fmt::format("units: {} in the last layer", classes));
}

void unused_outputs(LintSubject& subject) {
  const std::vector<int64_t>& samples = subject.facts.class_samples;
  if (subject.outputs() == 0 || samples.empty()) return;
  std::vector<int64_t> unused;
  for (int64_t c = 0; c < subject.outputs(); ++c)
    if (c >= static_cast<int64_t>(samples.size()) || samples[static_cast<size_t>(c)] == 0) unused.push_back(c);
  if (unused.empty()) return;
  const size_t shown = std::min<size_t>(unused.size(), 8);
  subject.say("network",
              fmt::format("no training sample has the label {}{}",
                          fmt::join(unused.begin(), unused.begin() + shown, ", "),
                          shown < unused.size() ? fmt::format(" and {} more", unused.size() - shown) : ""),
              "fewer outputs, or samples of these");
}

void imbalance(LintSubject& subject) {
  const std::vector<int64_t>& samples = subject.facts.class_samples;
  const auto most = std::max_element(samples.begin(), samples.end());
  auto least = samples.end();
  for (auto c = samples.begin(); c != samples.end(); ++c)
    if (*c > 0 && (least == samples.end() || *c < *least)) least = c;
  const bool is_balanced = subject.experiment.training().balance() != proto::AS_FOUND;
  if (least == samples.end() || *most < 10 * *least || is_balanced) return;
  const auto name = [&](auto c) {
    const auto number = static_cast<int>(c - samples.begin());
    const auto& names = subject.experiment.data().class_name();
    return number < names.size() ? names[number] : fmt::to_string(number);
  };
  subject.say("data",
              fmt::format("class \"{}\" has {} samples, class \"{}\" only {}", name(most), *most, name(least), *least),
              "training { balance: UP_SAMPLE }, or class_weight in the loss");
}

} // namespace kiln::frontend
