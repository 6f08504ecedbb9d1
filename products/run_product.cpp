// Around every product's main.
#include "products/run_product.h"

#include "runtime/error.h"
#include "runtime/json_writer.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <unistd.h>

namespace kiln::products {
std::string program_name(const char* const* argv) {
  const std::string_view path = argv[0] != nullptr ? argv[0] : "";
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.empty() ? "kiln" : std::string(name);
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void tell_error(std::string_view program, int exit_code, std::string_view message, bool json) {
  if (json) {
    runtime::JsonWriter object;
    object.begin_object().key("error").begin_object();
    object.member("kind", runtime::kind_name(exit_code)).member("exit_code", exit_code).member("message", message);
    print(object.end_object().end_object().text() + "\n");
    return;
  }
  const std::string text = std::string(program) + ": error: " + std::string(message) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

namespace detail {

void prepare_process() {
  // A stream that came closed must not lend its number to a file that is opened later. Read-only, so that writing to it
  // still fails.
  for (int number = 0; number <= STDERR_FILENO; ++number)
    if (fcntl(number, F_GETFD) < 0) open("/dev/null", O_RDONLY);
  // A reader that has seen enough, and a limit on file sizes, are no reasons to die.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

bool asks_for_json(int argc, const char* const* argv) {
  return std::any_of(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
}

int tell_exception(std::string_view program, bool json) {
  const auto tell = [&](int exit_code, std::string_view message) {
    tell_error(program, exit_code, message, json);
    return exit_code;
  };
  try {
    throw;
  } catch (const runtime::Error& error) {
    return tell(static_cast<int>(error.kind), error.message);
  } catch (const std::bad_alloc&) {
    return tell(7, "out of memory");
  } catch (const std::exception& error) {
    return tell(1, std::string("internal error: ") + error.what());
  }
}

int finish_output(std::string_view program, int exit_code) {
  if (std::fflush(stdout) == 0 || errno == EPIPE) return exit_code;
  tell_error(program, 1, std::string("cannot write the output: ") + strerror(errno), false);
  return 1;
}

} // namespace detail
} // namespace kiln::products
