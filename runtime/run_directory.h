// The directory that a training run leaves behind: what was run, where, how it went, and its checkpoints.
// One process at a time works in it.
#pragma once

#include "runtime/abi.h"

#include <string>
#include <string_view>

namespace kiln::runtime {

// What environment.json says about this process: CPU, ISA level, threads, versions, seed, plan.
std::string environment_json(const kiln_program& program, const kiln_training& training, int threads,
                             std::string_view kiln_version);

class RunDirectory {
public:
  // Makes the directory where needed and locks it while this object lives. Throws Error: usage if it holds a run
  // already and `resume` is false, or if another process works in it; runtime if it cannot be made or written.
  RunDirectory(std::string path, bool resume);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string checkpoints() const;
  std::string bad_records() const; // records that could not be read, a line each; no file without any

  // experiment.textproto and environment.json.
  void describe_run(std::string_view experiment, std::string_view environment) const;

private:
  std::string path_;
  int lock_ = -1;
};

} // namespace kiln::runtime
