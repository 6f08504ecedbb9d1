// How large the images are, how many and of which classes: from names, sizes and headers of the data files.
#include "frontend/probe_data.h"

#include <vector>

#include "frontend/check_data.h"
#include "frontend/describe_data.h"
#include "runtime/check_files.h"
#include "runtime/error.h"
#include "runtime/open_data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend {
namespace {

// Whether the further arrays of the samples are what the network takes.
void check_inputs(const proto::Network& network, const std::vector<runtime::Field>& fields, const Positions& positions,
                  Diagnostics& diagnostics) {
  for (int i = 0; i < network.input_size(); ++i) {
    const proto::NetworkInput& input = network.input(i);
    const std::vector<int64_t> wanted(input.dims().begin(), input.dims().end());
    for (const runtime::Field& field : fields)
      if (field.name == input.name() && field.dims != wanted)
        diagnostics.error(ErrorKind::model, positions.find(fmt::format("network.input[{}].dims", i)),
                          fmt::format("input \"{}\" is {}, but the data hold {} for each sample", input.name(),
                                      fmt::join(wanted, "x"), fmt::join(field.dims, "x")));
  }
}

// Every file that has a problem by itself, at the field that names it. Gives whether there is one.
bool tell_file_problems(const runtime::DataDescription& description, const std::string& path,
                        const Positions& positions, Diagnostics& diagnostics) {
  const auto problems = runtime::find_file_problems(description, runtime::FileDepth::headers);
  for (const runtime::FileProblem& problem : problems)
    diagnostics.error(ErrorKind::data, positions.find(path + "." + problem.field), problem.message);
  return !problems.empty();
}

// What the runtime, which will open the data, says of them before.
DataFacts survey(const proto::Experiment& experiment, const std::string& path, const Positions& positions,
                 Diagnostics& diagnostics) {
  const proto::Data& data = experiment.data();
  DataFacts facts;
  const runtime::DataDescription description = describe_data(data);
  try {
    const runtime::DataSurvey survey = runtime::survey_data(description);
    facts.height = survey.shape.height;
    facts.width = survey.shape.width;
    facts.channels = survey.shape.channels;
    facts.train_samples = survey.samples[runtime::Split::train];
    facts.validation_samples = survey.samples[runtime::Split::validation];
    facts.test_samples = survey.samples[runtime::Split::test];
    facts.class_names = survey.class_names;
    facts.memory_bytes = survey.memory_bytes;
    for (const runtime::Field& field : survey.fields)
      if (field.name == runtime::label_name) facts.label = field;
    check_inputs(experiment.network(), survey.fields, positions, diagnostics);
    for (const runtime::DataProblem& problem : survey.problems) {
      if (problem.is_warning)
        diagnostics.warning(positions.find(path), problem.message, problem.hint);
      else
        diagnostics.error(ErrorKind::data, positions.find(path), problem.message, problem.hint);
    }
    if (facts.train_samples == 0)
      diagnostics.error(ErrorKind::data, positions.find(path), "there is nothing to train on",
                        data.has_cifar() ? "a folder holds data_batch_1.bin to data_batch_5.bin (CIFAR10) or train.bin"
                                         : "");
  } catch (const runtime::Error& error) {
    if (!tell_file_problems(description, path, positions, diagnostics))
      diagnostics.error(ErrorKind::data, positions.find(path), error.message);
  }
  return facts;
}

// Whether the section says enough, and nothing impossible, for its files to be looked at.
bool is_usable(const proto::Data& data) {
  const proto::DataSplit& split = data.split();
  const proto::Image& image = data.image();
  auto usable = [](int64_t size) { return size >= 1 && size <= int64_t{1} << 31; };
  const bool shares = split.validation() >= 0 && split.test() >= 0 && split.validation() + split.test() < 1;
  const bool sized = !is_of_image_files(data) || (usable(image.height()) && usable(image.width()) &&
                                                  (image.channels() == 1 || image.channels() == 3));
  return shares && sized && data.cache_mb() >= 0 && data.cache_mb() <= int64_t{1} << 30;
}

bool names_arrays(const proto::Npz& npz) {
  auto named = [](const proto::NpzPart& part) {
    for (const proto::NpzInput& input : part.input())
      if (input.array().empty()) return false;
    return !part.file().empty() || (!part.image().empty() && !part.label().empty());
  };
  return named(npz.train()) && (!npz.has_validation() || named(npz.validation())) &&
         (!npz.has_test() || named(npz.test()));
}

bool names_files(const proto::Idx& idx) {
  return !idx.train_images().empty() && !idx.train_labels().empty() && !idx.test_images().empty() &&
         !idx.test_labels().empty();
}

DataFacts probe_source(const proto::Experiment& experiment, const Positions& positions, Diagnostics& diagnostics) {
  const proto::Data& data = experiment.data();
  switch (data.source_case()) {
  case proto::Data::kIdx:
    if (names_files(data.idx()) && is_usable(data)) return survey(experiment, "data.idx", positions, diagnostics);
    tell_file_problems(describe_data(data), "data.idx", positions, diagnostics); // of those files that are named
    return {};
  case proto::Data::kSynthetic: {
    DataFacts facts;
    facts.train_samples = data.synthetic().train_samples();
    facts.test_samples = data.synthetic().test_samples();
    return facts;
  }
  case proto::Data::kFolder:
    if (data.folder().train().empty() || !is_usable(data)) return {};
    return survey(experiment, "data.folder", positions, diagnostics);
  case proto::Data::kList:
    if (data.list().train().empty() || !is_usable(data)) return {};
    return survey(experiment, "data.list", positions, diagnostics);
  case proto::Data::kCifar:
    if ((data.cifar().folder().empty() && data.cifar().train().empty()) || !is_usable(data)) return {};
    return survey(experiment, "data.cifar", positions, diagnostics);
  case proto::Data::kNpz:
    if (!names_arrays(data.npz()) || !is_usable(data)) return {};
    return survey(experiment, "data.npz", positions, diagnostics);
  case proto::Data::SOURCE_NOT_SET:
    break;
  }
  return {};
}

// Testing cuts from the middle of images to which nothing was added, so that they must be large enough.
void cut_out(const proto::Augment& augment, const Positions& positions, Diagnostics& diagnostics, DataFacts& facts) {
  if (augment.random_crop().size_size() != 2) return;
  const int64_t height = augment.random_crop().size(0), width = augment.random_crop().size(1);
  if (height < 1 || width < 1) return; // check_experiment has said so
  if (height > facts.height || width > facts.width) {
    diagnostics.error(
        ErrorKind::model, positions.find("augment.random_crop.size"),
        fmt::format("random_crop cuts {}x{} out of images that are {}x{}", height, width, facts.height, facts.width),
        "testing cuts the same size from the middle, without padding");
    return;
  }
  facts.height = height;
  facts.width = width;
}

} // namespace

DataFacts probe_data(const proto::Experiment& resolved, const Positions& positions, Diagnostics& diagnostics) {
  const proto::Data& data = resolved.data();
  DataFacts facts = probe_source(resolved, positions, diagnostics);
  // NumPy arrays say what their labels are, and what is made up has them as the network wants them.
  if (data.source_case() != proto::Data::SOURCE_NOT_SET && !data.has_synthetic() && !data.has_npz())
    facts.label = runtime::class_label_field();
  if (data.has_image()) {
    const proto::Image& image = data.image();
    bool differs = facts.channels != image.channels() || facts.height != image.height() || facts.width != image.width();
    if (facts.knows_image() && differs)
      diagnostics.error(ErrorKind::model, positions.find("data.image"),
                        fmt::format("image is {}x{}x{}, but the data hold {}x{}x{} (channels x height x width)",
                                    image.channels(), image.height(), image.width(), facts.channels, facts.height,
                                    facts.width),
                        "leave image out: its size is taken from the data; or resize { } makes it that size");
    // The same limit as check_experiment's; a size beyond it has been reported.
    auto usable = [](int64_t size) { return size >= 1 && size <= int64_t{1} << 31; };
    if (!facts.knows_image() && usable(image.channels()) && usable(image.height()) && usable(image.width())) {
      facts.channels = image.channels();
      facts.height = image.height();
      facts.width = image.width();
    }
  }
  int64_t batch = resolved.training().batch();
  if (facts.train_samples > 0 && batch > facts.train_samples)
    diagnostics.error(ErrorKind::model, positions.find("training.batch"),
                      fmt::format("batch is {}, but there are only {} training images", batch, facts.train_samples));
  if (facts.knows_image()) cut_out(resolved.augment(), positions, diagnostics, facts);
  return facts;
}

} // namespace kiln::frontend
