// kiln stats: statistics of the training images, in grey levels: shown, and stored whole in the run directory.
#include "compile_experiment.h"
#include "measure_data.h"
#include "report.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "tools/statistics/preprocess_states.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <numeric>

namespace kiln::tools {

namespace {

using statistics::NamedTensor;

// Beyond, the covariance would take more memory than anything that comes of it is worth.
constexpr int64_t kMostDecorrelated = 4096;

const std::vector<double>& values_of(const std::vector<NamedTensor>& tensors, std::string_view name) {
  return std::find_if(tensors.begin(), tensors.end(), [&](const NamedTensor& tensor) { return tensor.name == name; })
      ->values;
}

// How many of the largest eigenvalues hold this share of the variance.
int64_t components_for(const std::vector<double>& eigenvalues, double share) {
  const double wanted = share * std::accumulate(eigenvalues.begin(), eigenvalues.end(), 0.0);
  double sum = 0;
  size_t count = 0;
  while (count < eigenvalues.size() && sum < wanted) sum += std::max(eigenvalues[count++], 0.0);
  return static_cast<int64_t>(count);
}

constexpr std::array<double, 3> kShares = {0.9, 0.99, 0.999};

nlohmann::json to_json(const std::vector<NamedTensor>& tensors, const runtime::ImageMoments& moments,
                       const std::string& path) {
  const auto& shape = moments.shape();
  nlohmann::json result = {
      {"images", moments.count()}, {"image", {shape.channels, shape.height, shape.width}}, {"statistics", path}};
  for (const char* name : {"channel_mean", "channel_std", "channel_covariance", "channel_eigenvalues"})
    result[name] = values_of(tensors, name);
  if (moments.has_covariance()) {
    result["eigenvalues"] = values_of(tensors, "eigenvalues");
    for (double share : kShares)
      result["components"][fmt::format("{}", share)] = components_for(values_of(tensors, "eigenvalues"), share);
  }
  return result;
}

void print_text(const std::vector<NamedTensor>& tensors, const runtime::ImageMoments& moments,
                const std::string& path) {
  const auto& shape = moments.shape();
  fmt::print("{} training images of {}x{}x{} (channels x height x width), in grey levels\n", moments.count(),
             shape.channels, shape.height, shape.width);
  const auto& least = values_of(tensors, "min");
  const auto& greatest = values_of(tensors, "max");
  const int64_t pixels = shape.height * shape.width;
  for (int64_t channel = 0; channel < shape.channels; ++channel) {
    const auto first = static_cast<std::ptrdiff_t>(channel * pixels),
               last = first + static_cast<std::ptrdiff_t>(pixels);
    fmt::print("channel {}: mean {:.4f}, std {:.4f}, min {}, max {}\n", channel,
               values_of(tensors, "channel_mean")[static_cast<size_t>(channel)],
               values_of(tensors, "channel_std")[static_cast<size_t>(channel)],
               *std::min_element(least.begin() + first, least.begin() + last),
               *std::max_element(greatest.begin() + first, greatest.begin() + last));
  }
  const auto& std = values_of(tensors, "std");
  const auto never = std::count(std.begin(), std.end(), 0.0);
  if (never > 0) fmt::print("{} of {} values never change\n", never, std.size());
  if (shape.channels > 1)
    fmt::print("eigenvalues of the colours' covariance: {:.4f}\n",
               fmt::join(values_of(tensors, "channel_eigenvalues"), ", "));
  if (moments.has_covariance())
    for (double share : kShares)
      fmt::print("{} of {} principal components hold {}% of the variance\n",
                 components_for(values_of(tensors, "eigenvalues"), share), moments.values(), 100 * share);
  fmt::print("all of it: {}\n", path);
}

} // namespace

int run_stats(const Options& options) {
  select_kernels(target_of(options));
  const frontend::LoadedExperiment loaded = load(options);
  const auto source = open_data(loaded).sources[runtime::Split::train];
  if (source == nullptr)
    throw runtime::Error(runtime::ErrorKind::data,
                         fmt::format("{}: the experiment names no training data", options.experiment));
  const int64_t values = loaded.data.channels * loaded.data.height * loaded.data.width;
  const auto moments = measure_data(loaded, *source, values <= kMostDecorrelated, options);
  const auto tensors = statistics::summarize(moments, statistics::Detail::all);
  const std::string directory = run_directory(loaded, options);
  runtime::make_directories(directory);
  statistics::write_tensors(statistics_path(directory), tensors, moments.count());
  if (options.json)
    print_json(to_json(tensors, moments, statistics_path(directory)));
  else
    print_text(tensors, moments, statistics_path(directory));
  return 0;
}

} // namespace kiln::tools
