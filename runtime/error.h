// The one exception of the runtime. Its kind is the exit code of the process, its message is written for a person.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace kiln::runtime {

enum class ErrorKind {
  runtime = 1,     // something failed while running: a file could not be written, a thread not started
  usage = 2,       // the command line asks for something that does not exist
  model = 3,       // the network or recipe is invalid
  data = 4,        // an input file is missing, damaged or of the wrong kind
  diverged = 5,    // training produced NaN or infinity
  mismatch = 6,    // a verification found different bytes: checksum, plan hash, weights
  memory = 7,      // the memory budget or the machine's memory is exceeded
  unsupported = 8, // valid, but this build or this CPU cannot do it
};

// Of the process's exit code, as JSON output names it: "data" for 4.
const char* kind_name(int exit_code);

struct Error : std::exception {
  Error(ErrorKind kind, std::string message) : kind(kind), message(std::move(message)) {}
  const char* what() const noexcept override { return message.c_str(); }

  ErrorKind kind;
  std::string message;
};

} // namespace kiln::runtime
