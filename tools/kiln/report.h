// How the driver tells what is wrong: `kiln: error: ...` on stderr, or an object on stdout with --json.
// The one place that knows which exit code an exception stands for.
#pragma once

#include "frontend/diagnostics.h"
#include "frontend/lint/lint.h"
#include "options.h"

#include <exception>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace kiln::tools {

// The experiment has errors, which were told.
struct InvalidExperiment {
  int exit_code;
};

// Tells every diagnostic; throws InvalidExperiment if one is an error. With -q warnings are not told.
void report_diagnostics(const frontend::Diagnostics& diagnostics, const Options& options);

// Tells what lint found that is at least this severe, as `most` at most. Nothing with -q.
void report_lint(const std::vector<frontend::LintFinding>& findings, frontend::LintSeverity least,
                 frontend::LintSeverity most, const Options& options);

// The same for what is wrong with the command line, of which only these two facts may be known. Returns 2.
int report_usage(std::string_view message, std::string_view hint, bool json, bool color);

// Tells what went wrong and returns the exit code. To be called with what a verb threw.
int report_exception(const std::exception_ptr& problem, const Options& options);

// A line on stdout. Bytes that are not UTF-8, which a path may hold, become U+FFFD.
void print_json(const nlohmann::json& value);

// Flushes stdout. What could not be written is an error, but not when the reader has gone (`kiln show F | head`).
// Returns `exit_code`, or 1.
int finish_output(int exit_code, bool color);

} // namespace kiln::tools
