// The directory that a training run leaves behind: what was run, where, how it went, and its checkpoints.
// One process at a time works in it.
#include "runtime/run_directory.h"

#include "runtime/checkpoint.h"
#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/json_writer.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace kiln::runtime {

std::string environment_json(const kiln_program& program, const kiln_training& training, int threads,
                             std::string_view kiln_version) {
  JsonWriter json;
  json.begin_object();
  json.member("kiln", kiln_version).member("compiler", __VERSION__).member("abi", uint64_t{program.abi_version});
  utsname system;
  if (uname(&system) == 0)
    json.member("system", std::string(system.sysname) + " " + system.release).member("machine", system.machine);
  json.member("cpu", cpu_brand()).member("cpu_isa", name_of(cpu_isa_level())).member("cpus", available_cpus());
  json.member("isa", program.isa).member("plan_hash", program.plan_hash).member("network", program.name);
  json.member("threads", threads).member("seed", training.seed).member("batch", training.batch);
  json.member("epochs", training.epochs).end_object();
  return json.text() + "\n";
}

RunDirectory::RunDirectory(std::string path, bool resume) : path_(std::move(path)) {
  make_directories(checkpoints());
  // The lock is the directory itself: nothing is left behind, and a killed process holds none.
  lock_ = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) throw Error(ErrorKind::runtime, system_problem("cannot open directory", path_, errno));
  std::string problem;
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    problem = ": another process is training in this directory";
  else if (!resume &&
           (file_exists(last_checkpoint_path(checkpoints())) || file_exists(previous_checkpoint_path(checkpoints()))))
    problem = ": holds a run already; continue it with --resume, or choose another directory";
  if (problem.empty()) return;
  close(lock_);
  throw Error(ErrorKind::usage, path_ + problem);
}

RunDirectory::~RunDirectory() { close(lock_); }

std::string RunDirectory::checkpoints() const { return join_path(path_, "checkpoints"); }

std::string RunDirectory::bad_records() const { return join_path(path_, "bad_records.txt"); }

void RunDirectory::describe_run(std::string_view experiment, std::string_view environment) const {
  write_text_file(join_path(path_, "experiment.textproto"), experiment);
  write_text_file(join_path(path_, "environment.json"), environment);
}

} // namespace kiln::runtime
