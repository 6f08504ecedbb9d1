// Around every product's main: streams, signals of writing, and exceptions made into messages and exit codes.
#pragma once

#include "runtime/product.h"

#include <span>
#include <string>
#include <string_view>

namespace kiln::products {

// "lenet" of "./bin/lenet".
std::string program_name(const char* const* argv);

void print(std::string_view text); // to stdout

// `name: error: ...` on stderr, or an object on stdout.
void tell_error(std::string_view program, int exit_code, std::string_view message, bool json);

// Runs `body`, tells what it throws and returns its exit code or the one the exception stands for. Looks itself for
// --json in the words, since they may be what is wrong.
template <class Body> int run_product(int argc, const char* const* argv, Body&& body);

namespace detail {
void prepare_process();
bool asks_for_json(int argc, const char* const* argv);
int tell_exception(std::string_view program, bool json); // within a catch
int finish_output(std::string_view program, int exit_code);
} // namespace detail

template <class Body> int run_product(int argc, const char* const* argv, Body&& body) {
  detail::prepare_process();
  const std::string program = program_name(argv);
  int exit_code = 0;
  try {
    exit_code = body();
  } catch (...) {
    exit_code = detail::tell_exception(program, detail::asks_for_json(argc, argv));
  }
  return detail::finish_output(program, exit_code);
}

} // namespace kiln::products
