// One folder of ONNX's test data: a model, its inputs and what it must give. Imports it and runs it twice: on the
// reference evaluation, and compiled as `predict` for this machine, in the debug arena.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kiln::test {

// What came of it; `problem` is empty when every output of every data set is right.
struct NodeOutcome {
  bool imported = false;
  std::string problem; // the first one: an error of the importer, or the element that is wrong
};

NodeOutcome run_node_case(const std::filesystem::path& folder);

// Tests that are not run, by a pattern as shells have them, with the reason.
struct NotRun {
  std::string pattern;
  std::string reason;

  bool covers(const std::string& name) const;
};

// Lines "pattern: reason"; # starts a comment.
std::vector<NotRun> read_not_run(const std::filesystem::path& file);

} // namespace kiln::test
