// From the description of a data set to its sources, and to what can be told of it before any image is opened.
#include "runtime/open_data.h"

#include "runtime/derived_sources.h"
#include "runtime/error.h"
#include "runtime/folder_reader.h"
#include "runtime/idx_reader.h"
#include "runtime/image_files_source.h"
#include "runtime/number_format.h"

#include <algorithm>

namespace kiln::runtime {
namespace {

// What a kind of source says of itself: surveyed with `sources` left null, opened with all filled in.
struct Found {
  ImageShape shape;
  std::vector<Field> fields; // empty: an image and its class
  PerSplit<int64_t> samples;
  PerSplit<std::shared_ptr<DataSource>> sources;
  std::vector<int32_t> train_labels; // where a split is to be taken
  std::vector<std::string> class_names;
  std::vector<DataProblem> problems;
};

enum class Depth : uint8_t { survey, open };

class Finder {
public:
  Finder(const DataDescription& description, Depth depth) : description_(description), opens_(depth == Depth::open) {}

  Found find() {
    std::visit([this](const auto& source) { find_in(source); }, description_.source);
    return std::move(found_);
  }

private:
  bool splits() const { return description_.split.any(); }
  const std::vector<std::string>& stated_names() const { return description_.class_names; }

  void find_in(const std::monostate&) {}

  void find_in(const IdxData& idx) {
    for (Split split : all_splits) {
      const std::string& images = idx.images[split];
      if (images.empty()) continue;
      if (opens_ || (splits() && split == Split::train)) {
        take(split, open_idx_source(images, idx.labels[split]));
        continue;
      }
      const IdxImages found = survey_idx_images(images);
      check_shape({found.height, found.width, found.channels}, images);
      found_.samples[split] = found.count;
      if (const int64_t labels = count_idx_labels(idx.labels[split]); labels != found.count)
        throw Error(ErrorKind::data, idx.labels[split] + ": " + format_integer(labels) + " labels for " +
                                         format_integer(found.count) + " images");
    }
  }

  void find_in(const FolderData& data) {
    const PerSplit<std::string>& folders = data.folders;
    found_.class_names = stated_names().empty() ? read_class_names(folders[Split::train]) : stated_names();
    for (Split split : all_splits)
      if (!folders[split].empty())
        take_files(split, read_image_folder(folders[split], found_.class_names, found_.problems));
  }

  void find_in(const ListData& data) {
    PerSplit<std::vector<ListLine>> lines;
    for (Split split : all_splits)
      if (!data.files[split].empty()) lines[split] = read_list(data.files[split], data.options);
    found_.class_names =
        stated_names().empty() ? find_class_names(lines[Split::train], data.files[Split::train]) : stated_names();
    for (Split split : all_splits) {
      const std::string& file = data.files[split];
      if (!file.empty()) take_files(split, label_list(std::move(lines[split]), file, found_.class_names));
    }
  }

  void find_in(const CifarData& cifar) {
    found_.class_names = cifar.class_names;
    check_names(cifar.class_names);
    found_.shape = cifar_shape;
    for (Split split : all_splits) {
      if (cifar.files[split].empty()) continue;
      if (opens_ || (splits() && split == Split::train)) {
        std::vector<int64_t> first_samples;
        LabelledImages images = read_cifar(cifar.files[split], cifar.kind, first_samples);
        take(split, std::make_unique<MemorySource>(std::move(images), cifar.files[split], std::move(first_samples)));
      } else {
        for (const std::string& file : cifar.files[split])
          found_.samples[split] += count_cifar_records(file, cifar.kind);
      }
    }
  }

  // Other words for the classes are the user's choice; the same words in other places are not.
  void check_names(const std::vector<std::string>& own) {
    const std::vector<std::string>& stated = stated_names();
    for (size_t label = 0; label < stated.size() && label < own.size(); ++label) {
      if (stated[label] == own[label] || std::find(own.begin(), own.end(), stated[label]) == own.end()) continue;
      found_.problems.push_back({true, "class_name calls class " + format_integer(static_cast<int64_t>(label)) + " \"" +
                                           stated[label] + "\", the file of names beside the data \"" + own[label] +
                                           "\""});
    }
  }

  void find_in(const NpyData& data) {
    for (Split split : all_splits) {
      const NpyArrays& arrays = data.arrays[split];
      if (arrays.image.file.empty()) continue;
      NpySurvey survey = survey_npy(arrays);
      check_fields(survey.fields, name_of(arrays.image));
      found_.samples[split] = survey.samples;
      if (opens_ || (splits() && split == Split::train)) take(split, open_npy(arrays));
    }
  }

  void check_fields(std::vector<Field>& fields, const std::string& name) {
    if (found_.fields.empty()) found_.fields = fields;
    for (size_t i = 0; i < fields.size() && i < found_.fields.size(); ++i)
      if (fields[i] != found_.fields[i])
        throw Error(ErrorKind::data,
                    name + ": the split has " + to_string(fields[i]) + ", another one " + to_string(found_.fields[i]));
    const std::vector<int64_t>& image = fields[0].dims;
    check_shape({image[0], image[1], image[2]}, name);
  }

  void check_shape(const ImageShape& shape, const std::string& name) {
    if (found_.shape == ImageShape{}) found_.shape = shape;
    if (found_.shape != shape)
      throw Error(ErrorKind::data, name + ": images are " + to_string(shape) + ", those of another split " +
                                       to_string(found_.shape) + " (height x width x channels)");
  }

  void take(Split split, std::unique_ptr<DataSource> source) {
    check_shape(source->image_shape(), source->describe(0));
    found_.samples[split] = source->size();
    if (splits() && split == Split::train)
      for (int64_t sample = 0; sample < source->size(); ++sample)
        found_.train_labels.push_back(source->class_label() != nullptr ? source->read_class(sample) : 0);
    if (opens_) found_.sources[split] = std::move(source);
  }

  void take_files(Split split, FileListing listing) {
    found_.shape = description_.fit.target;
    found_.samples[split] = static_cast<int64_t>(listing.paths.size());
    if (splits() && split == Split::train) found_.train_labels = listing.labels;
    if (opens_)
      found_.sources[split] =
          std::make_shared<ImageFilesSource>(std::move(listing), description_.fit, description_.background);
  }

  const DataDescription& description_;
  bool opens_;
  Found found_;
};

bool is_of_files(const DataDescription& description) {
  return std::holds_alternative<FolderData>(description.source) || std::holds_alternative<ListData>(description.source);
}

bool is_fitted(const DataDescription& description, const ImageShape& stored) {
  return !is_of_files(description) && description.resizes && description.fit.target.bytes() > 0 &&
         stored != description.fit.target;
}

PerSplit<std::vector<int64_t>> take_split(const DataDescription& description, Found& found) {
  PerSplit<std::vector<int64_t>> parts = split_samples(found.train_labels, description.split);
  for (Split split : all_splits)
    if (!parts[split].empty()) found.samples[split] = static_cast<int64_t>(parts[split].size());
  found.samples[Split::train] = static_cast<int64_t>(parts[Split::train].size());
  return parts;
}

// Which splits are kept in memory once read.
PerSplit<bool> choose_cached(const DataDescription& description, const PerSplit<int64_t>& samples,
                             const ImageShape& shape, bool in_memory) {
  PerSplit<bool> cached;
  int64_t left = description.cache_bytes;
  for (Split split : all_splits) {
    const int64_t bytes = CachedSource::cache_bytes(samples[split], shape);
    if (in_memory || samples[split] == 0 || bytes > left) continue;
    left -= bytes;
    cached[split] = true;
  }
  return cached;
}

void check_found(const Found& found) {
  for (const DataProblem& problem : found.problems)
    if (!problem.is_warning) throw Error(ErrorKind::data, problem.message);
}

} // namespace

DataSurvey survey_data(const DataDescription& description) {
  Found found = Finder(description, Depth::survey).find();
  const int64_t stored_samples =
      found.samples[Split::train] + found.samples[Split::validation] + found.samples[Split::test];
  if (description.split.any()) take_split(description, found);
  DataSurvey survey;
  const bool fitted = is_fitted(description, found.shape), of_files = is_of_files(description);
  survey.shape = fitted ? description.fit.target : found.shape;
  survey.fields = found.fields.empty() ? std::vector<Field>{image_field(survey.shape), class_label_field()}
                                       : std::move(found.fields);
  survey.samples = found.samples;
  survey.class_names = std::move(found.class_names);
  survey.problems = std::move(found.problems);
  for (const Field& field : survey.fields)
    if (!of_files)
      survey.memory_bytes += stored_samples * (field.name == image_name ? found.shape.bytes() : field.bytes());
  const PerSplit<bool> cached = choose_cached(description, survey.samples, survey.shape, !of_files && !fitted);
  for (Split split : all_splits)
    if (cached[split]) survey.memory_bytes += CachedSource::cache_bytes(survey.samples[split], survey.shape);
  return survey;
}

DataSplits open_data(const DataDescription& description) {
  Found found = Finder(description, Depth::open).find();
  check_found(found);
  PerSplit<std::shared_ptr<const DataSource>> sources;
  for (Split split : all_splits) sources[split] = found.sources[split];
  if (description.split.any()) {
    const std::shared_ptr<const DataSource> whole = sources[Split::train];
    PerSplit<std::vector<int64_t>> parts = take_split(description, found);
    for (Split split : all_splits)
      if (split == Split::train || !parts[split].empty())
        sources[split] = std::make_shared<SubsetSource>(whole, std::move(parts[split]));
  }
  const bool fitted = is_fitted(description, found.shape);
  const ImageShape shape = fitted ? description.fit.target : found.shape;
  const PerSplit<bool> cached = choose_cached(description, found.samples, shape, !is_of_files(description) && !fitted);
  DataSplits splits;
  splits.class_names = std::move(found.class_names);
  for (Split split : all_splits) {
    if (!sources[split]) continue;
    if (fitted) sources[split] = std::make_shared<FittedSource>(std::move(sources[split]), description.fit);
    if (cached[split]) sources[split] = std::make_shared<CachedSource>(std::move(sources[split]));
    splits.sources[split] = std::move(sources[split]);
  }
  return splits;
}

} // namespace kiln::runtime
