// A folder of images with one directory a class: which files there are and what class each is of.
// No image is opened.
#include "runtime/folder_reader.h"

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <sys/stat.h>

namespace kiln::runtime {
namespace {

constexpr int max_depth = 32; // of links that lead into a circle

struct Entries {
  std::vector<std::string> directories;
  std::vector<std::string> files;
};

Entries read_entries(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (!directory) throw Error(ErrorKind::data, system_problem("cannot read the directory", path, errno));
  Entries entries;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name.starts_with('.')) continue;
    bool is_directory = entry->d_type == DT_DIR, is_file = entry->d_type == DT_REG;
    if (!is_directory && !is_file) { // a link, or a file system that does not say
      struct stat status {};
      const bool found = stat(join_path(path, name).c_str(), &status) == 0;
      is_directory = found && S_ISDIR(status.st_mode);
      is_file = !is_directory; // a broken link too: reading it will say so
    }
    (is_directory ? entries.directories : entries.files).push_back(name);
  }
  closedir(directory);
  std::sort(entries.directories.begin(), entries.directories.end());
  std::sort(entries.files.begin(), entries.files.end());
  return entries;
}

bool is_image_name(const std::string& name) {
  const std::string ending = ending_of(name);
  for (const char* known : {"jpg", "jpeg", "jpe", "jfif", "png", "ppm", "pgm", "pnm"})
    if (ending == known) return true;
  return false;
}

struct PassedOver {
  int64_t count = 0;
  std::string first;
};

void append_images(const std::string& path, int depth, std::vector<std::string>& images, PassedOver& others) {
  if (depth > max_depth)
    throw Error(ErrorKind::data, path + ": directories nest deeper than " + format_integer(max_depth));
  const Entries entries = read_entries(path);
  for (const std::string& name : entries.files) {
    if (is_image_name(name)) {
      images.push_back(join_path(path, name));
    } else if (others.count++ == 0) {
      others.first = join_path(path, name);
    }
  }
  for (const std::string& name : entries.directories) append_images(join_path(path, name), depth + 1, images, others);
}

} // namespace

std::string ending_of(const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos) return {};
  std::string ending = name.substr(dot + 1);
  for (char& c : ending)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return ending;
}

std::vector<std::string> read_class_names(const std::string& folder) {
  std::vector<std::string> names = read_entries(folder).directories;
  if (names.empty()) throw Error(ErrorKind::data, folder + ": no directories: expected one for each class");
  return names;
}

std::vector<std::string> find_images(const std::string& folder) {
  std::vector<std::string> images;
  PassedOver others;
  append_images(folder, 0, images, others);
  return images;
}

FileListing read_image_folder(const std::string& folder, const std::vector<std::string>& class_names,
                              std::vector<DataProblem>& problems) {
  const std::vector<std::string> found = read_class_names(folder);
  for (const std::string& name : found)
    if (std::find(class_names.begin(), class_names.end(), name) == class_names.end())
      problems.push_back({false, join_path(folder, name) + ": no class has this name",
                          "classes are the directories of the training folder, or what class_name says"});
  FileListing listing;
  PassedOver others;
  for (size_t label = 0; label < class_names.size(); ++label) {
    const std::string path = join_path(folder, class_names[label]);
    if (!std::binary_search(found.begin(), found.end(), class_names[label])) {
      problems.push_back({true, path + ": the directory of a class is missing"});
      continue;
    }
    std::vector<std::string> images;
    append_images(path, 0, images, others);
    if (images.empty()) problems.push_back({true, path + ": no images in the directory of a class"});
    listing.labels.insert(listing.labels.end(), images.size(), static_cast<int32_t>(label));
    std::move(images.begin(), images.end(), std::back_inserter(listing.paths));
  }
  if (others.count > 0)
    problems.push_back(
        {true, folder + ": " + format_integer(others.count) + (others.count == 1 ? " file is" : " files are") +
                   " passed over for not ending in .jpg, .png, .ppm or alike; the first is " + others.first});
  return listing;
}

} // namespace kiln::runtime
