// The IR text files that tests are made of: tests/shapes/*.ir and tests/golden/<pass>/*.ir.
// A golden file is a comment with the command, the input, a line "---", and what the command prints.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace kiln::test {

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(fmt::format("{} cannot be read", path.string()));
  return {std::istreambuf_iterator<char>(in), {}};
}

// Sorted; none is an error, since a test over no file proves nothing.
inline std::vector<std::filesystem::path> ir_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".ir") files.push_back(entry.path());
  if (files.empty()) throw std::runtime_error(fmt::format("no .ir file below {}", folder.string()));
  std::sort(files.begin(), files.end());
  return files;
}

// The lines of a printed module that declare its states: what a function of it needs beside its own text.
inline std::string state_lines(const std::string& printed) {
  std::istringstream lines(printed);
  std::string states;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("  state @")) states += line + "\n";
  return states;
}

struct GoldenFile {
  std::string input;
  std::string expected;
  std::string passes; // as on the command line
  std::string cpu = "x86-64";
  bool plan = false;

  explicit GoldenFile(const std::filesystem::path& path) {
    const std::string text = read_text(path);
    const std::string separator = "---\n";
    const size_t at = text.find("\n" + separator);
    if (at == std::string::npos) throw std::runtime_error(fmt::format("{}: no line '---'", path.string()));
    input = text.substr(0, at + 1);
    expected = text.substr(at + 1 + separator.size());
    std::istringstream words(input.substr(0, input.find('\n')));
    std::string word;
    if (!(words >> word && word == "#" && words >> word && word == "kiln-opt"))
      throw std::runtime_error(fmt::format("{}: the first line is no comment '# kiln-opt ...'", path.string()));
    while (words >> word) {
      if (word.starts_with("--passes="))
        passes = word.substr(9);
      else if (word.starts_with("--cpu="))
        cpu = word.substr(6);
      else if (word == "--plan")
        plan = true;
      else
        throw std::runtime_error(fmt::format("{}: unknown argument {}", path.string(), word));
    }
  }
};

} // namespace kiln::test
