// Runs another program to its end, with a file as its input and what it prints as the result.
#pragma once

#include <string>
#include <vector>

namespace kiln::tools {

struct ProgramOutput {
  int exit_code = 0; // 128 + signal if one ended it
  std::string out;
};

// Its stderr is ours. Throws runtime::Error (runtime) if it cannot be started.
ProgramOutput run_program(const std::vector<std::string>& words, const std::string& input_file);

} // namespace kiln::tools
