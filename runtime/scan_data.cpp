// Reads every sample of a data set once and gathers all that is wrong with it.
// Nothing is repaired and nothing is left out: the list is complete, whatever of it is shown.
#include "runtime/scan_data.h"

#include "runtime/error.h"
#include "runtime/number_format.h"
#include "runtime/sha256.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>

namespace kiln::runtime {
namespace {

constexpr int64_t imbalance_ratio = 10;
constexpr int64_t samples_at_once = 256;

struct Looked {
  std::string problem;               // empty: it was read
  std::array<uint64_t, 2> picture{}; // half of its SHA-256
  bool is_grey = false;
};

struct PictureHash {
  size_t operator()(const std::array<uint64_t, 2>& picture) const { return picture[0]; }
};

Looked look_at(const DataSource& source, int64_t index, std::vector<uint8_t>& pixels) {
  Looked looked;
  pixels.resize(static_cast<size_t>(source.image_shape().bytes()));
  try {
    source.read(index, source.index_of(*source.find_field(image_name)), pixels.data());
    looked.is_grey = source.stored_shape(index).channels == 1;
  } catch (const Error& error) {
    if (error.kind != ErrorKind::data) throw;
    looked.problem = error.message;
    return looked;
  }
  Sha256 hash;
  hash.update(pixels.data(), pixels.size());
  const Sha256::Digest digest = hash.finish();
  memcpy(looked.picture.data(), digest.data(), sizeof looked.picture);
  return looked;
}

class Scan {
public:
  Scan(const DataSplits& data, const LabelRange& labels, ThreadPool& pool,
       const std::function<void(int64_t done, int64_t all)>& progress)
      : data_(data), labels_(labels), pool_(pool), progress_(progress) {}

  DataScan run() {
    for (Split split : all_splits)
      if (data_[split]) all_ += data_[split]->size();
    for (Split split : all_splits)
      if (data_[split]) scan(split, *data_[split]);
    std::stable_sort(scan_.findings.begin(), scan_.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.kind < b.kind; });
    return std::move(scan_);
  }

private:
  struct Seen {
    Split split;
    int64_t sample;
  };

  void find(FindingKind kind, Split split, int64_t sample, std::string message) {
    scan_.findings.push_back({kind, split, sample, std::move(message)});
  }

  void scan(Split split, const DataSource& source) {
    scan_.samples[split] = source.size();
    if (source.class_label()) scan_.class_counts[split].resize(static_cast<size_t>(labels_.classes));
    std::vector<std::vector<uint8_t>> pixels(static_cast<size_t>(pool_.threads()));
    std::vector<Looked> looked(static_cast<size_t>(samples_at_once));
    greys_ = colours_ = 0;
    for (int64_t first = 0; first < source.size(); first += samples_at_once) {
      const int64_t count = std::min(samples_at_once, source.size() - first);
      pool_.run(count, [&](int64_t begin, int64_t end, int thread) {
        for (int64_t at = begin; at < end; ++at)
          looked[static_cast<size_t>(at)] = look_at(source, first + at, pixels[static_cast<size_t>(thread)]);
      });
      for (int64_t at = 0; at < count; ++at) judge(split, source, first + at, looked[static_cast<size_t>(at)]);
      done_ += count;
      progress_(done_, all_);
    }
    judge_classes(split);
    if (greys_ > 0 && colours_ > 0)
      find(FindingKind::mixed_channels, split, first_grey_,
           format_integer(greys_) + " images are grey, " + format_integer(colours_) + " in colour; all become " +
               (source.image_shape().channels == 1 ? "grey" : "colour") + "; the first grey one is " +
               source.describe(first_grey_));
  }

  void judge(Split split, const DataSource& source, int64_t sample, const Looked& looked) {
    const bool has_class = source.class_label() != nullptr;
    const int32_t label = has_class ? source.read_class(sample) : 0;
    if (labels_.classes > 0) {
      if (std::string problem = source.label_problem(sample, labels_); !problem.empty())
        find(FindingKind::label, split, sample, std::move(problem));
      else if (has_class && label >= 0 && label < labels_.classes)
        ++scan_.class_counts[split][static_cast<size_t>(label)];
    }
    if (!looked.problem.empty()) {
      find(FindingKind::unreadable, split, sample, looked.problem);
      return;
    }
    if (looked.is_grey && greys_++ == 0) first_grey_ = sample;
    if (!looked.is_grey) ++colours_;
    const auto [place, is_new] = seen_.emplace(looked.picture, Seen{split, sample});
    if (is_new) return;
    const auto& [other_split, other] = place->second;
    const DataSource& other_source = *data_[other_split];
    if (other_split != split)
      find(FindingKind::duplicate, split, sample,
           source.describe(sample) + " (" + name_of(split) + ") is the same picture as " +
               other_source.describe(other) + " (" + name_of(other_split) + ")");
    else if (split == Split::train && has_class && other_source.read_class(other) != label)
      find(FindingKind::contradiction, split, sample,
           source.describe(sample) + " (label " + format_integer(label) + ") is the same picture as " +
               other_source.describe(other) + " (label " + format_integer(other_source.read_class(other)) + ")");
  }

  std::string class_text(size_t label) const {
    std::string text = "class " + format_integer(static_cast<int64_t>(label));
    if (label < data_.class_names.size()) text += " (" + data_.class_names[label] + ")";
    return text;
  }

  void judge_classes(Split split) {
    const std::vector<int64_t>& counts = scan_.class_counts[split];
    if (counts.empty()) return;
    for (size_t label = 0; label < counts.size(); ++label)
      if (counts[label] == 0)
        find(FindingKind::empty_class, split, -1, class_text(label) + " has no " + name_of(split) + " sample");
    const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    if (split == Split::train && *least > 0 && *most >= imbalance_ratio * *least)
      find(FindingKind::imbalance, split, -1,
           class_text(static_cast<size_t>(most - counts.begin())) + " has " + format_integer(*most) +
               " training samples, " + class_text(static_cast<size_t>(least - counts.begin())) + " has " +
               format_integer(*least));
  }

  const DataSplits& data_;
  const LabelRange& labels_;
  ThreadPool& pool_;
  const std::function<void(int64_t done, int64_t all)>& progress_;
  DataScan scan_;
  std::unordered_map<std::array<uint64_t, 2>, Seen, PictureHash> seen_;
  int64_t done_ = 0, all_ = 0;
  int64_t greys_ = 0, colours_ = 0, first_grey_ = 0; // of the split
};

} // namespace

bool is_warning(FindingKind kind) {
  switch (kind) {
  case FindingKind::unreadable:
  case FindingKind::label:
  case FindingKind::empty_class:
  case FindingKind::duplicate:
    return false;
  case FindingKind::contradiction:
  case FindingKind::imbalance:
  case FindingKind::mixed_channels:
    return true;
  }
  return false;
}

bool DataScan::has_errors() const {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return !is_warning(finding.kind); });
}

DataScan scan_data(const DataSplits& data, const LabelRange& labels, ThreadPool& pool,
                   const std::function<void(int64_t done, int64_t all)>& progress) {
  return Scan(data, labels, pool, progress).run();
}

} // namespace kiln::runtime
