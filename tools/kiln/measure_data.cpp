// Measures the training images for the pre-processing, and tells that it does.
#include "measure_data.h"

#include "compile_experiment.h"
#include "frontend/import/preprocess.h"
#include "runtime/augment/crop.h"
#include "runtime/number_format.h"
#include "tools/statistics/preprocess_states.h"

#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

namespace kiln::tools {

namespace {

// A line that counts on a terminal, and one when all is done; nothing when no progress is wanted.
class Report {
public:
  Report(int64_t images, const Options& options)
      : images_(images), is_silent_(options.verbosity < 0 || options.progress == runtime::ProgressMode::none),
        counts_(!is_silent_ && options.progress != runtime::ProgressMode::plain && isatty(STDERR_FILENO) == 1) {}

  void count(int64_t done) const {
    if (counts_) fmt::print(stderr, "\rmeasuring training images for the pre-processing: {:3}%", 100 * done / images_);
  }
  void finish() const {
    if (is_silent_) return;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    std::string count;
    runtime::append_grouped(count, images_);
    fmt::print(stderr, "{}measured {} training images for the pre-processing in {:.1f} s\n", counts_ ? "\r\033[K" : "",
               count, elapsed.count());
  }

private:
  int64_t images_;
  bool is_silent_, counts_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

} // namespace

runtime::ImageMoments measure_data(const frontend::LoadedExperiment& loaded, const runtime::DataSource& train,
                                   bool with_covariance, const Options& options) {
  const auto cropped = runtime::crop_center(train, loaded.data.height, loaded.data.width);
  runtime::ThreadPool pool(thread_count(options));
  const Report report(train.size(), options);
  const runtime::MeasureOptions wanted{with_covariance, loaded.experiment.data().on_bad_record() == proto::SKIP};
  runtime::ImageMoments moments =
      runtime::measure_images(*cropped, wanted, pool, [&](int64_t done) { report.count(done); });
  report.finish();
  return moments;
}

std::vector<std::string> statistics_states(const frontend::LoadedExperiment& loaded) {
  const proto::Preprocess& preprocess = loaded.experiment.preprocess();
  std::vector<std::string> names = {std::string(frontend::kCenterState), std::string(frontend::kFactorState)};
  if (preprocess.decorrelation_case() != proto::Preprocess::DECORRELATION_NOT_SET)
    names.emplace_back(frontend::kRotationState);
  return names;
}

void fill_statistics(const frontend::LoadedExperiment& loaded, const runtime::DataSource& train, const Options& options,
                     const std::string& directory, runtime::Instance& instance) {
  const proto::Preprocess& preprocess = loaded.experiment.preprocess();
  const auto moments = measure_data(loaded, train, statistics::needs_covariance(preprocess), options);
  const statistics::PreprocessStates made = statistics::make_states(preprocess, moments);
  for (const statistics::NamedTensor& state : made.states) {
    const std::vector<float> values(state.values.begin(), state.values.end());
    instance.write_state(instance.find_state(state.name), values.data());
  }
  if (directory.empty()) return;
  std::vector<statistics::NamedTensor> tensors = statistics::summarize(moments, statistics::Detail::channels);
  tensors.insert(tensors.end(), made.states.begin(), made.states.end());
  if (!made.eigenvalues.empty())
    tensors.push_back({"image.eigenvalues", {static_cast<int64_t>(made.eigenvalues.size())}, made.eigenvalues});
  statistics::write_tensors(statistics_path(directory), tensors, moments.count());
}

void bind_stand_in_rotation(const frontend::LoadedExperiment& loaded, ir::Module& module) {
  ir::State* rotation = module.find_state(frontend::kRotationState);
  if (rotation == nullptr) return;
  const ir::Dims& dims = rotation->value.type.dims;
  rotation->data.assign(static_cast<size_t>(dims[0] * dims[1]), 0);
  for (int64_t k = 0; k < dims[0]; ++k)
    rotation->data[static_cast<size_t>(k * dims[1] + k)] = loaded.experiment.preprocess().has_pca() ? 1 : 8;
}

std::string statistics_path(const std::string& directory) { return directory + "/statistics.safetensors"; }

} // namespace kiln::tools
