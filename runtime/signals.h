// Turns the first SIGINT or SIGTERM into a flag that the training loop looks at; the second one kills at once.
// The flag is the one process-wide variable of the runtime: a signal handler can reach nothing else.
#pragma once

#include <signal.h>

namespace kiln::runtime {

// Catches both signals while it lives, restores what was there before. One at a time.
class SignalGuard {
public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  // SIGINT or SIGTERM once one came, else 0. A shell expects exit code 128 + signal.
  int caught() const;

private:
  struct sigaction old_interrupt_;
  struct sigaction old_terminate_;
};

} // namespace kiln::runtime
