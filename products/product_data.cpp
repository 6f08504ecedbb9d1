// The data of a product.
#include "products/product_data.h"

#include "runtime/augment/crop.h"
#include "runtime/error.h"
#include "runtime/file_io.h"

#include <algorithm>
#include <sys/stat.h>

namespace kiln::products {
namespace {

using runtime::Error;
using runtime::ErrorKind;
using runtime::Split;

std::string first_path(const kiln_split_files& files) { return files.path_count > 0 ? files.paths[0] : ""; }

decltype(runtime::DataDescription::source) source_of(const kiln_data& data) {
  const auto each = [&](auto&& set) {
    for (Split split : runtime::all_splits) set(split, data.splits[static_cast<size_t>(split)]);
  };
  switch (data.kind) {
  case KILN_SOURCE_NONE:
    break;
  case KILN_SOURCE_IDX: {
    runtime::IdxData idx;
    each([&](Split split, const kiln_split_files& files) {
      idx.images[split] = first_path(files);
      idx.labels[split] = files.label_path;
    });
    return idx;
  }
  case KILN_SOURCE_FOLDER: {
    runtime::FolderData folder;
    each([&](Split split, const kiln_split_files& files) { folder.folders[split] = first_path(files); });
    return folder;
  }
  case KILN_SOURCE_LIST: {
    runtime::ListData list;
    each([&](Split split, const kiln_split_files& files) { list.files[split] = first_path(files); });
    list.options.format = static_cast<runtime::ListFormat>(data.list_format);
    list.options.has_header = data.list_has_header != 0;
    list.options.root = data.list_root;
    return list;
  }
  case KILN_SOURCE_CIFAR: {
    runtime::CifarData cifar;
    cifar.kind = static_cast<runtime::CifarKind>(data.cifar_kind);
    each([&](Split split, const kiln_split_files& files) {
      cifar.files[split].assign(files.paths, files.paths + files.path_count);
    });
    cifar.class_names.assign(data.class_names, data.class_names + data.class_count);
    return cifar;
  }
  case KILN_SOURCE_NPY: {
    runtime::NpyData npy;
    each([&](Split split, const kiln_split_files& files) {
      runtime::NpyArrays& arrays = npy.arrays[split];
      arrays.image = {first_path(files), files.image_array};
      arrays.label = {files.label_path, files.label_array};
      for (int32_t i = 0; i < files.input_count; ++i)
        arrays.inputs.push_back({files.input_names[i], {files.input_paths[i], files.input_arrays[i]}});
      arrays.channels_first = data.channels_first != 0;
    });
    return npy;
  }
  }
  return std::monostate();
}

bool exists(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0;
}

bool is_directory(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// Every path of a source, in the order in which a user lists them, with its split.
struct Place {
  std::string* path;
  Split split;
};

std::vector<Place> places_of(runtime::DataDescription& description) {
  std::vector<Place> places;
  const auto add = [&](Split split, std::string& path) {
    if (!path.empty()) places.push_back({&path, split});
  };
  struct Visitor {
    decltype(add)& add_path;
    void operator()(std::monostate&) {}
    void operator()(runtime::IdxData& idx) {
      for (Split split : runtime::all_splits) {
        add_path(split, idx.images[split]);
        add_path(split, idx.labels[split]);
      }
    }
    void operator()(runtime::FolderData& data) {
      for (Split split : runtime::all_splits) add_path(split, data.folders[split]);
    }
    void operator()(runtime::ListData& data) {
      for (Split split : runtime::all_splits) add_path(split, data.files[split]);
    }
    void operator()(runtime::CifarData& data) {
      for (Split split : runtime::all_splits)
        for (std::string& file : data.files[split]) add_path(split, file);
    }
    void operator()(runtime::NpyData& data) {
      for (Split split : runtime::all_splits) {
        runtime::NpyArrays& arrays = data.arrays[split];
        add_path(split, arrays.image.file);
        add_path(split, arrays.label.file);
        for (runtime::NamedArray& input : arrays.inputs) add_path(split, input.place.file);
      }
    }
  };
  std::visit(Visitor{add}, description.source);
  return places;
}

// A file by its name, compressed or not.
std::string find_in(const std::string& directory, std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  std::string wanted = runtime::join_path(directory, path.substr(path.rfind('/') + 1));
  if (exists(wanted)) return wanted;
  std::string other = wanted.ends_with(".gz") ? wanted.substr(0, wanted.size() - 3) : wanted + ".gz";
  return exists(other) ? other : wanted;
}

} // namespace

runtime::FitRule fit_rule(const kiln_fit& fit) {
  runtime::FitRule rule;
  rule.kind = static_cast<runtime::FitKind>(fit.kind);
  rule.filter = static_cast<runtime::ResampleFilter>(fit.filter);
  rule.target = {fit.height, fit.width, fit.channels};
  rule.shorter_side = fit.shorter_side;
  rule.fill.assign(fit.fill, fit.fill + fit.fill_count);
  return rule;
}

runtime::DataDescription describe(const kiln_data& data) {
  runtime::DataDescription description;
  description.source = source_of(data);
  description.class_names.assign(data.class_names, data.class_names + data.class_count);
  description.fit = fit_rule(data.fit);
  description.resizes = data.resizes != 0;
  std::copy(std::begin(data.background), std::end(data.background), description.background.begin());
  description.split = {data.validation_share, data.test_share, data.split_seed};
  description.cache_bytes = data.cache_bytes;
  return description;
}

runtime::DataDescription relocate(const runtime::DataDescription& description, std::span<const std::string> given) {
  runtime::DataDescription moved = description;
  const std::vector<Place> places = places_of(moved);
  if (places.empty()) throw Error(ErrorKind::usage, "--data: this trainer's experiment names no data");
  const bool is_folder = std::holds_alternative<runtime::FolderData>(moved.source);
  if (given.size() == 1 && is_directory(given.front())) {
    // A folder of classes may itself be what is meant.
    const std::string train = find_in(given.front(), *places.front().path);
    if (is_folder && !is_directory(train)) {
      *places.front().path = given.front();
      for (const Place& place : std::span(places).subspan(1)) place.path->clear();
      return moved;
    }
    // A split of which nothing is there is left out; what is missing of another is told when it is opened.
    runtime::PerSplit<bool> is_there{};
    for (const Place& place : places) {
      *place.path = find_in(given.front(), *place.path);
      is_there[place.split] = is_there[place.split] || exists(*place.path);
    }
    if (!is_there[Split::train]) throw Error(ErrorKind::data, "--data: there is no " + *places.front().path);
    for (const Place& place : places)
      if (!is_there[place.split]) place.path->clear();
    if (auto* list = std::get_if<runtime::ListData>(&moved.source); list && !list->options.root.empty())
      list->options.root = given.front();
    return moved;
  }
  if (given.size() > places.size())
    throw Error(ErrorKind::usage, "--data takes a directory, or up to " + std::to_string(places.size()) +
                                      " files in the order of the experiment's; --info lists them");
  for (size_t i = 0; i < places.size(); ++i) *places[i].path = i < given.size() ? given[i] : std::string();
  return moved;
}

runtime::DataSplits open_splits(const runtime::DataDescription& description, int64_t height, int64_t width) {
  runtime::DataSplits data = runtime::open_data(description);
  for (Split split : {Split::validation, Split::test})
    if (auto& source = data.sources[split]) source = runtime::crop_center(std::move(source), height, width);
  return data;
}

} // namespace kiln::products
