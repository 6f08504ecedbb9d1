// Diagnostics, exceptions and wrong usage to text, JSON and exit codes.
#include "report.h"

#include "codegen/module.h"
#include "ir/op.h"
#include "ir/text.h"
#include "passes/pass_manager.h"
#include "passes/passes.h"
#include "runtime/error.h"

#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <new>
#include <nlohmann/json.hpp>
#include <system_error>

namespace kiln::tools {

namespace {

constexpr std::string_view kRed = "\033[1;31m";
constexpr std::string_view kYellow = "\033[1;33m";
constexpr std::string_view kCyan = "\033[36m";
constexpr std::string_view kPlain = "\033[0m";

// To stderr as it is: what cannot be written there cannot be told anywhere.
void put_error(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

void paint(std::string& line, std::string_view word, std::string_view color) {
  const size_t at = line.find(word);
  if (at == std::string::npos) return;
  line.insert(at + word.size(), kPlain);
  line.insert(at, color);
}

// Colours the words that diagnostics begin with; a line has one of them.
std::string painted(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    std::string line(text.substr(0, end));
    if (line.starts_with("  hint: "))
      paint(line, "hint:", kCyan);
    else if (line.starts_with("  fix: "))
      paint(line, "fix:", kCyan);
    else if (line.find("error: ") < line.find("warning: "))
      paint(line, "error:", kRed);
    else
      paint(line, "warning:", kYellow);
    result += line;
    text.remove_prefix(end);
  }
  return result;
}

int tell(int exit_code, std::string_view message, std::string_view hint, bool json, bool color) {
  if (json) {
    print_json(
        {{"error",
          {{"kind", runtime::kind_name(exit_code)}, {"exit_code", exit_code}, {"message", message}, {"hint", hint}}}});
    return exit_code;
  }
  std::string text = fmt::format("kiln: error: {}\n", message);
  if (!hint.empty()) text += fmt::format("  hint: {}\n", hint);
  put_error(color ? painted(text) : text);
  return exit_code;
}

int tell_internal(std::string_view message, const Options& options) {
  return tell(1, fmt::format("internal error: {}", message),
              "this is a defect of Kiln, not of your experiment; please report it with the experiment file",
              options.json, options.color);
}

} // namespace

void report_diagnostics(const frontend::Diagnostics& diagnostics, const Options& options) {
  const bool failed = diagnostics.has_errors();
  if (failed && options.json) {
    fmt::print("{{\"diagnostics\":{},\"exit_code\":{}}}\n", diagnostics.json(), diagnostics.exit_code());
  } else if (failed || options.verbosity >= 0) {
    const std::string text = diagnostics.text();
    put_error(options.color ? painted(text) : text);
  }
  if (failed) throw InvalidExperiment{diagnostics.exit_code()};
}

void report_lint(const std::vector<frontend::LintFinding>& findings, frontend::LintSeverity least,
                 frontend::LintSeverity most, const Options& options) {
  if (options.verbosity < 0) return;
  std::string text;
  for (const frontend::LintFinding& finding : findings)
    if (finding.rule->severity >= least) text += frontend::to_string(finding, most) + "\n";
  put_error(options.color ? painted(text) : text);
}

int report_usage(std::string_view message, std::string_view hint, bool json, bool color) {
  return tell(2, message, hint, json, color);
}

int report_exception(const std::exception_ptr& problem, const Options& options) {
  try {
    std::rethrow_exception(problem);
  } catch (const InvalidExperiment& told) {
    return told.exit_code;
  } catch (const runtime::Error& error) {
    return tell(static_cast<int>(error.kind), error.message, {}, options.json, options.color);
  } catch (const passes::PassError& error) {
    return tell(3, fmt::format("{}: {}", options.experiment, error.what()), {}, options.json, options.color);
  } catch (const std::bad_alloc&) {
    return tell(7, "out of memory", {}, options.json, options.color);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::broken_pipe) return 0; // whoever read our output has enough
    return tell(1, error.what(), {}, options.json, options.color);
  } catch (const std::exception& error) { // passes::InternalError, codegen::CodegenError and what nobody thought of
    return tell_internal(error.what(), options);
  } catch (...) {
    return tell_internal("unknown exception", options);
  }
}

void print_json(const nlohmann::json& value) {
  const std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

int finish_output(int exit_code, bool color) {
  if (std::fflush(stdout) == 0 || errno == EPIPE) return exit_code;
  return tell(1, fmt::format("cannot write the output: {}", std::generic_category().message(errno)), {}, false, color);
}

} // namespace kiln::tools
