// Turns the first SIGINT or SIGTERM into a flag that the training loop looks at; the second one kills at once.
// The flag is the one process-wide variable of the runtime: a signal handler can reach nothing else.
#include "runtime/signals.h"

#include <atomic>

namespace kiln::runtime {
namespace {

// Lock-free, hence async-signal-safe; and any thread may be the one that takes the signal.
std::atomic<int> caught_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

void remember_signal(int signal_number) {
  int none = 0;
  caught_signal.compare_exchange_strong(none, signal_number);
  struct sigaction fallback = {};
  fallback.sa_handler = SIG_DFL;
  sigaction(SIGINT, &fallback, nullptr);
  sigaction(SIGTERM, &fallback, nullptr);
}

} // namespace

SignalGuard::SignalGuard() {
  caught_signal = 0;
  struct sigaction action = {};
  action.sa_handler = remember_signal;
  // Both are held back while the handler runs; system calls of the loop (reads, writes) go on after it.
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &old_interrupt_);
  sigaction(SIGTERM, &action, &old_terminate_);
}

SignalGuard::~SignalGuard() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
}

int SignalGuard::caught() const { return caught_signal; }

} // namespace kiln::runtime
