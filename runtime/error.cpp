// The names of kinds of errors.
#include "runtime/error.h"

namespace kiln::runtime {

const char* kind_name(int exit_code) {
  switch (static_cast<ErrorKind>(exit_code)) {
  case ErrorKind::usage:
    return "usage";
  case ErrorKind::model:
    return "model";
  case ErrorKind::data:
    return "data";
  case ErrorKind::diverged:
    return "diverged";
  case ErrorKind::mismatch:
    return "mismatch";
  case ErrorKind::memory:
    return "memory";
  case ErrorKind::unsupported:
    return "unsupported";
  case ErrorKind::runtime:
    break;
  }
  return "runtime";
}

} // namespace kiln::runtime
