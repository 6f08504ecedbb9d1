// How large the images are, how many and of which classes: from names, sizes and headers of the data files.
// The IDX header: two zero bytes, the element type (8: unsigned byte), the rank, then each size as 4 bytes, big end
// first.
#include "frontend/probe_data.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "frontend/check_data.h"
#include "frontend/describe_data.h"
#include "runtime/error.h"
#include "runtime/open_data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>

namespace kiln::frontend {
namespace {

constexpr size_t kLongestHeader = 4 + 4 * 4;

// The first bytes of a file, unpacked if it is gzipped; fewer if it is shorter. Empty, with errno set, if unreadable.
std::optional<std::string> read_start(const std::string& path) {
  int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  google::protobuf::io::FileInputStream file(descriptor);
  file.SetCloseOnDelete(true);
  struct stat status {};
  if (fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    return std::nullopt;
  }
  unsigned char magic[2] = {};
  bool is_gzip = pread(descriptor, magic, sizeof magic, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
  google::protobuf::io::GzipInputStream unpacked(&file, google::protobuf::io::GzipInputStream::GZIP);
  google::protobuf::io::ZeroCopyInputStream* stream = &file;
  if (is_gzip) stream = &unpacked;
  std::string start;
  const void* block = nullptr;
  int size = 0;
  while (start.size() < kLongestHeader && stream->Next(&block, &size))
    start.append(static_cast<const char*>(block), static_cast<size_t>(size));
  start.resize(std::min(start.size(), kLongestHeader));
  return start;
}

using Sizes = std::vector<int64_t>;

class Prober {
public:
  Prober(const Positions& positions, Diagnostics& diagnostics) : positions_(positions), diagnostics_(diagnostics) {}

  DataFacts probe(const proto::Idx& idx) {
    Split train = probe_split(idx.train_images(), "train_images", idx.train_labels(), "train_labels");
    Split test = probe_split(idx.test_images(), "test_images", idx.test_labels(), "test_labels");
    DataFacts facts;
    facts.train_samples = train.count;
    facts.test_samples = test.count;
    const std::vector<int64_t>& image = train.image.empty() ? test.image : train.image;
    if (!image.empty()) {
      facts.height = image[0];
      facts.width = image[1];
      facts.channels = image[2];
    }
    if (!train.image.empty() && !test.image.empty() && train.image != test.image)
      fail("test_images", fmt::format("{}: images are {}x{}x{}, those to train on {}x{}x{} (channels x height x width)",
                                      idx.test_images(), test.image[2], test.image[0], test.image[1], train.image[2],
                                      train.image[0], train.image[1]));
    return facts;
  }

private:
  struct Split {
    int64_t count = 0;
    Sizes image; // height, width, channels; empty when not known
  };

  Split probe_split(const std::string& images, const std::string& images_field, const std::string& labels,
                    const std::string& labels_field) {
    Split split;
    std::optional<Sizes> image_sizes = probe_file(images, images_field, "images", 3, 4);
    std::optional<Sizes> label_sizes = probe_file(labels, labels_field, "labels", 1, 1);
    if (image_sizes) {
      split.count = image_sizes->front();
      split.image.assign(image_sizes->begin() + 1, image_sizes->end());
      if (split.image.size() == 2) split.image.push_back(1);
    }
    if (image_sizes && label_sizes && image_sizes->front() != label_sizes->front())
      fail(labels_field, fmt::format("{} labels for {} images", label_sizes->front(), image_sizes->front()));
    return split;
  }

  std::optional<Sizes> probe_file(const std::string& path, const std::string& field, std::string_view what,
                                  size_t least_rank, size_t most_rank) {
    if (path.empty()) return std::nullopt; // check_experiment has said so
    std::optional<std::string> start = read_start(path);
    if (!start) {
      fail(field, fmt::format("cannot read {}: {}", path, std::strerror(errno)));
      return std::nullopt;
    }
    auto byte = [&](size_t i) { return i < start->size() ? static_cast<unsigned char>((*start)[i]) : 0; };
    size_t rank = byte(3);
    if (start->size() < 4 || byte(0) != 0 || byte(1) != 0 || byte(2) != 8 || rank < least_rank || rank > most_rank) {
      fail(field, fmt::format("{} is not an IDX file of {}", path, what));
      return std::nullopt;
    }
    Sizes sizes;
    for (size_t i = 0; i < rank; ++i) {
      size_t at = 4 + 4 * i;
      int64_t size = int64_t{byte(at)} << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
      if (at + 4 > start->size() || size == 0) {
        fail(field, fmt::format("{} holds no {}", path, what));
        return std::nullopt;
      }
      sizes.push_back(size);
    }
    return sizes;
  }

  void fail(const std::string& field, std::string message) {
    diagnostics_.error(ErrorKind::data, positions_.find("data.idx." + field), std::move(message));
  }

  const Positions& positions_;
  Diagnostics& diagnostics_;
};

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

// What the runtime, which will open the data, says of them before.
DataFacts survey(const proto::Experiment& experiment, const std::string& path, const Positions& positions,
                 Diagnostics& diagnostics) {
  const proto::Data& data = experiment.data();
  DataFacts facts;
  try {
    const runtime::DataSurvey survey = runtime::survey_data(describe_data(data));
    facts.height = survey.shape.height;
    facts.width = survey.shape.width;
    facts.channels = survey.shape.channels;
    facts.train_samples = survey.samples[runtime::Split::train];
    facts.validation_samples = survey.samples[runtime::Split::validation];
    facts.test_samples = survey.samples[runtime::Split::test];
    facts.class_names = survey.class_names;
    facts.memory_bytes = survey.memory_bytes;
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

DataFacts probe_source(const proto::Experiment& experiment, const Positions& positions, Diagnostics& diagnostics) {
  const proto::Data& data = experiment.data();
  switch (data.source_case()) {
  case proto::Data::kIdx: {
    const size_t errors = diagnostics.sorted().size();
    DataFacts facts = Prober(positions, diagnostics).probe(data.idx());
    const bool good = diagnostics.sorted().size() == errors && facts.knows_image() && facts.test_samples > 0;
    const bool simple = data.split().validation() == 0 && !data.has_resize();
    if (good && !simple && is_usable(data)) return survey(experiment, "data.idx", positions, diagnostics);
    facts.memory_bytes = (facts.train_samples + facts.test_samples) *
                         (facts.channels * facts.height * facts.width + static_cast<int64_t>(sizeof(int32_t)));
    return facts;
  }
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
  // NumPy arrays and what is made up have labels as the network wants them.
  facts.class_labels = data.source_case() != proto::Data::SOURCE_NOT_SET && !data.has_synthetic() && !data.has_npz();
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
