// What lint wants to know of the training data.
#include "lint_facts.h"

#include "frontend/importer.h"
#include "runtime/error.h"

#include <algorithm>
#include <cmath>

namespace kiln::tools {

namespace {

constexpr int64_t kMostImages = 256;

std::vector<int64_t> count_classes(const runtime::DataSource& train) {
  std::vector<int64_t> samples;
  if (train.class_label() == nullptr) return samples;
  for (int64_t i = 0; i < train.size(); ++i) {
    const int32_t label = train.read_class(i);
    if (label < 0 || label >= 1 << 20) continue; // ignored ones, as 255 or -1, are told apart by whoever checks labels
    if (static_cast<size_t>(label) >= samples.size()) samples.resize(static_cast<size_t>(label) + 1);
    ++samples[static_cast<size_t>(label)];
  }
  return samples;
}

void measure_channels(const runtime::DataSource& train, frontend::LintFacts& facts) {
  const runtime::Field* field = train.find_field(runtime::image_name);
  if (field == nullptr || field->dims.size() != 3) return;
  const auto channels = static_cast<size_t>(field->dims[2]);
  std::vector<double> sums(channels), squares(channels);
  std::vector<uint8_t> image(static_cast<size_t>(field->bytes()));
  const int64_t wanted = std::min(kMostImages, train.size());
  for (int64_t i = 0; i < wanted; ++i) {
    try {
      train.read(i * train.size() / wanted, train.index_of(*field), image.data());
    } catch (const runtime::Error&) {
      continue;
    }
    ++facts.measured_images;
    for (size_t k = 0; k < image.size(); ++k) {
      const double value = image[k];
      sums[k % channels] += value;
      squares[k % channels] += value * value;
    }
  }
  const double count = static_cast<double>(facts.measured_images) * static_cast<double>(image.size() / channels);
  for (size_t c = 0; c < channels && count > 0; ++c) {
    const double mean = sums[c] / count;
    facts.channels.push_back({mean, std::sqrt(std::max(squares[c] / count - mean * mean, 0.0))});
  }
}

} // namespace

frontend::LintFacts measure_lint_facts(const runtime::DataSource& train) {
  frontend::LintFacts facts;
  facts.class_samples = count_classes(train);
  measure_channels(train, facts);
  return facts;
}

std::vector<frontend::LintFinding> lint_experiment(const frontend::LoadedExperiment& loaded,
                                                   const runtime::DataSource* train) {
  frontend::Diagnostics told; // when the experiment was checked
  const auto module = frontend::import_network(loaded, {0, 1, {}}, told);
  if (module == nullptr) return {};
  return frontend::lint(loaded, *module, train != nullptr ? measure_lint_facts(*train) : frontend::LintFacts());
}

} // namespace kiln::tools
