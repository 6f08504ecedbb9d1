// Runs every broken experiment of tests/errors through the frontend and compares all it says with the file's first
// lines. They read `# exit: 3`, `# set: a.b=c` for overrides, and `# error: 12:5: words`, `# warning: ...`, `#   hint:
// ...`, `#   in block "b", used here: 20:3`.
#include "frontend/importer.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace kiln::frontend {
namespace {

struct Expectation {
  int exit_code = 0;
  std::vector<std::string> overrides;
  std::string text;
};

bool take(const std::string& line, const std::string& prefix, std::string& rest) {
  if (!line.starts_with(prefix)) return false;
  rest = line.substr(prefix.size());
  return true;
}

Expectation read_expectation(const std::filesystem::path& path) {
  Expectation expectation;
  std::ifstream file(path);
  std::string line, rest;
  std::getline(file, line); // in words what is wrong
  while (std::getline(file, line) && line.starts_with("#")) {
    if (take(line, "# exit: ", rest))
      expectation.exit_code = std::stoi(rest);
    else if (take(line, "# set: ", rest))
      expectation.overrides.push_back(rest);
    else
      expectation.text += line.substr(2) + "\n";
  }
  return expectation;
}

// As the files state it: severity first, and no path.
std::string said(const Diagnostics& diagnostics, const std::string& path) {
  std::string text;
  for (Diagnostic entry : diagnostics.sorted()) {
    std::string severity = entry.severity == Severity::error ? "error: " : "warning: ";
    if (entry.place.file == path) entry.place.file.clear();
    std::string line = to_string(entry);
    const std::string where = "used here: "; // within the same file
    for (size_t at = line.find(where); entry.place.file.empty() && at != std::string::npos;
         at = line.find(where, at + 1))
      line.erase(at + where.size(), 1); // the colon behind the name of the file
    if (line.starts_with(":")) line.erase(0, 1);
    line.erase(line.find(severity), severity.size());
    text += severity + line + "\n";
  }
  return text;
}

std::vector<std::filesystem::path> broken_experiments() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(KILN_SOURCE_DIR "/tests/errors"))
    if (entry.path().extension() == ".textproto") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

class Errors : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Errors, AreToldAsStated) {
  const std::string path = GetParam().string();
  const Expectation expectation = read_expectation(path);
  ASSERT_GE(expectation.exit_code, 2) << "the file states no exit code";
  Diagnostics diagnostics;
  auto loaded = load_experiment(path, expectation.overrides, diagnostics);
  if (loaded) {
    const proto::Training& training = loaded->experiment.training();
    const ImportOptions options{training.batch(), training.evaluation_batch(), {1}};
    EXPECT_EQ(import_network(*loaded, options, diagnostics), nullptr);
  }
  EXPECT_EQ(said(diagnostics, path), expectation.text);
  EXPECT_EQ(diagnostics.exit_code(), expectation.exit_code);
}

INSTANTIATE_TEST_SUITE_P(All, Errors, testing::ValuesIn(broken_experiments()),
                         [](const auto& info) { return info.param.stem().string(); });

TEST(ErrorFiles, AreManyAndDistinct) { EXPECT_GE(broken_experiments().size(), 80u); }

} // namespace
} // namespace kiln::frontend
