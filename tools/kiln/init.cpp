// kiln init: from a folder of data to an experiment that trains on it, as a file to go on with.
#include "compose_experiment.h"
#include "find_data.h"
#include "options.h"
#include "report.h"
#include "temporary_directory.h"

#include "frontend/load_experiment.h"
#include "runtime/error.h"
#include "runtime/file_io.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace kiln::tools {

namespace {

namespace fs = std::filesystem;
using runtime::Split;

// Of the folder, with what a name may not hold replaced.
std::string name_from(const std::string& place) {
  std::error_code ignored;
  fs::path path = fs::weakly_canonical(place, ignored);
  if (!path.has_filename()) path = path.parent_path();
  std::string name = fs::is_directory(path, ignored) ? path.filename().string() : path.stem().string();
  for (char& c : name) {
    const bool is_kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    if (!is_kept) c = '_';
  }
  return name.empty() ? "experiment" : name;
}

std::string describe_samples(const FoundData& found) {
  std::string text;
  for (Split split : runtime::all_splits)
    if (found.samples[split] > 0)
      text += fmt::format("{}{} to {}", text.empty() ? "" : ", ", found.samples[split],
                          split == Split::train        ? "train on"
                          : split == Split::validation ? "watch training by"
                                                       : "test with");
  return text;
}

// In a shell's words.
std::string quoted(const std::string& path) {
  const bool is_plain =
      path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+,:@") ==
      std::string::npos;
  if (is_plain && !path.empty()) return path;
  std::string text = "'";
  for (const char c : path) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

void warn(const FoundData& found, const Options& options) {
  if (options.json || options.verbosity < 0) return;
  constexpr size_t most_told = 10;
  const size_t problems = found.problems.size();
  for (size_t i = 0; i < std::min(problems, most_told); ++i)
    fmt::print(stderr, "warning: {}\n", found.problems[i].message);
  if (problems > most_told) fmt::print(stderr, "warning: and {} more of this kind\n", problems - most_told);
  std::vector<std::string> few;
  for (size_t label = 0; label < found.class_counts.size(); ++label)
    if (const int64_t count = found.class_counts[label]; count > 0 && count < kFewForSplit && few.size() < most_told)
      few.push_back(fmt::format("{} ({})", found.class_name(label), count));
  if (!few.empty())
    fmt::print(stderr, "warning: too few images to learn a class from, or to keep some of it for tests: {}\n",
               fmt::join(few, ", "));
  if (found.unreadable > 0)
    fmt::print(stderr, "warning: {} of the images looked at cannot be read; the first: {}\n", found.unreadable,
               found.first_unreadable);
}

// What does not hold for these data, though it does for most, is told now rather than at the first use.
void check_experiment(const std::string& path, const Options& options) {
  frontend::Diagnostics diagnostics;
  frontend::load_experiment(path, {}, diagnostics);
  if (diagnostics.has_errors()) report_diagnostics(diagnostics, options);
}

std::string next_steps(const FoundData& found, const Options& options, const std::string& written,
                       const std::string& file) {
  return fmt::format("{}: {}; {}; images are {}{}\nwrote {}. Next:\n"
                     "  kiln check {} --data          reads every image: damaged files, duplicates, balance\n"
                     "  kiln show {} --augment 8      a PNG of images as the network will see them\n"
                     "  kiln train {}\n",
                     options.data_place, describe_classes(found), describe_samples(found), describe_sizes(found),
                     found.is_grey ? ", grey" : "", written, file, file, file);
}

void print_experiment(const FoundData& found, const std::string& text, const Options& options) {
  {
    const TemporaryDirectory directory;
    const std::string path = directory.file("experiment.textproto");
    runtime::write_text_file(path, text);
    check_experiment(path, options);
  }
  fmt::print("{}", text);
  if (options.verbosity >= 0) fmt::print(stderr, "{}", next_steps(found, options, "it to stdout", "FILE"));
}

} // namespace

int run_init(const Options& options) {
  const bool to_stdout = options.output == "-";
  // Where an experiment on stdout will lie is not known, so its paths are absolute.
  const FoundData found =
      find_data(to_stdout ? fs::absolute(options.data_place).lexically_normal().string() : options.data_place);
  const std::string name = name_from(options.data_place);
  const std::string path = options.output.empty() ? name + ".textproto" : options.output;
  if (!to_stdout && runtime::file_exists(path))
    throw runtime::Error(runtime::ErrorKind::usage,
                         fmt::format("{} is there already, and stays as it is: -o FILE names another", path));
  warn(found, options);

  const std::string opening =
      fmt::format("Made by kiln init. Data: {}; {}.", describe_classes(found), describe_samples(found));
  const std::string text = compose_experiment(found, name, to_stdout ? "" : runtime::parent_directory(path), opening);
  if (to_stdout) {
    print_experiment(found, text, options);
    return 0;
  }
  runtime::write_text_file(path, text);
  check_experiment(path, options);
  if (options.json) {
    nlohmann::json samples;
    for (Split split : runtime::all_splits) samples[runtime::name_of(split)] = found.samples[split];
    print_json({{"experiment", path},
                {"classes", found.class_counts.size()},
                {"class_names", found.class_names},
                {"samples", samples}});
  } else if (options.verbosity >= 0) {
    fmt::print("{}", next_steps(found, options, path, quoted(path)));
  }
  return 0;
}

} // namespace kiln::tools
