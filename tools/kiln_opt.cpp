// kiln-opt: IR text in, named passes, IR text out. The driver of golden tests and of replays of broken passes.
#include "ir/plan_text.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/pass_manager.h"
#include "passes/pipeline.h"
#include "passes/plan_memory.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <iterator>

namespace {

using namespace kiln;

// Of those that the driver has.
enum ExitCode { kOk = 0, kInternal = 1, kUsage = 2, kInvalid = 3 };

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Arguments {
  std::string file;
  std::vector<std::string> passes;
  std::string cpu = "x86-64";
  std::string print_after;
  bool list_passes = false;
  bool plan = false;
};

std::string read(const std::string& file) {
  if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream in(file, std::ios::binary);
  if (!in) throw UsageError(fmt::format("{} cannot be read", file));
  return {std::istreambuf_iterator<char>(in), {}};
}

// Pass names, with the pipelines' names spelt out.
std::vector<std::string_view> expand(const std::vector<std::string>& names) {
  std::vector<std::string_view> expanded;
  for (const std::string& name : names) {
    if (name == "training")
      expanded.insert(expanded.end(), passes::training_pipeline().begin(), passes::training_pipeline().end());
    else if (name == "inference")
      expanded.insert(expanded.end(), passes::inference_pipeline().begin(), passes::inference_pipeline().end());
    else if (passes::find_pass(name) != nullptr)
      expanded.push_back(name);
    else
      throw UsageError(fmt::format("no pass '{}'; --list-passes names them", name));
  }
  return expanded;
}

void list_passes() {
  for (const passes::PassInfo& pass : passes::all_passes()) fmt::print("{:24}{}\n", pass.name, pass.summary);
  fmt::print("{:24}{}\n", "training", fmt::join(passes::training_pipeline(), ","));
  fmt::print("{:24}{}\n", "inference", fmt::join(passes::inference_pipeline(), ","));
}

// As comments, so that the whole output is still IR text.
void print_plan(const ir::Plan& plan) {
  const std::string text = ir::print(plan);
  for (size_t start = 0; start < text.size();) {
    const size_t end = text.find('\n', start);
    fmt::print("# {}\n", text.substr(start, end - start));
    start = end + 1;
  }
}

int run(const Arguments& arguments) {
  if (arguments.list_passes) {
    list_passes();
    return kOk;
  }
  if (arguments.file.empty()) throw UsageError("no file given; - reads standard input");
  const auto level = ir::parse_isa_level(arguments.cpu);
  if (!level) throw UsageError(fmt::format("no CPU level '{}'; there are x86-64, v2, v3, v4", arguments.cpu));
  const std::vector<std::string_view> names = expand(arguments.passes);
  if (!arguments.print_after.empty() && arguments.print_after != "all" &&
      std::find(names.begin(), names.end(), arguments.print_after) == names.end())
    throw UsageError(fmt::format("--print-after: pass '{}' does not run", arguments.print_after));

  const auto module = ir::parse(read(arguments.file));
  if (const auto problem = ir::verify(*module)) throw passes::PassError(*problem);
  passes::RunOptions options;
  options.pass.target = ir::target_for(*level);
  options.after_pass = [&](std::string_view pass, const ir::Module& state, bool changed) {
    if (arguments.print_after != "all" && arguments.print_after != pass) return;
    fmt::print("# after {}{}\n{}", pass, changed ? "" : ": unchanged", ir::print(state));
  };
  passes::run_passes(*module, names, options);
  if (arguments.print_after.empty()) fmt::print("{}", ir::print(*module));
  if (arguments.plan) {
    if (const auto problem = ir::verify(*module, &options.pass.target))
      throw passes::PassError(fmt::format("a plan needs kernels and layouts: {}", *problem));
    print_plan(passes::plan_memory(*module, options.pass.target));
  }
  return kOk;
}

int guarded(const Arguments& arguments) {
  const auto fail = [](int code, const std::string& message) {
    fmt::print(stderr, "kiln-opt: {}\n", message);
    return code;
  };
  try {
    return run(arguments);
  } catch (const UsageError& error) {
    return fail(kUsage, error.what());
  } catch (const ir::ParseError& error) {
    fmt::print(stderr, "{}:{}\n", arguments.file, error.what());
    return kInvalid;
  } catch (const passes::PassError& error) {
    return fail(kInvalid, error.what());
  } catch (const std::exception& error) {
    return fail(kInternal, error.what());
  }
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs passes over IR text and prints the result.", "kiln-opt");
  Arguments arguments;
  app.add_option("FILE", arguments.file, "IR text; - reads standard input");
  app.add_option("--passes", arguments.passes, "names, separated by commas; training and inference are the pipelines")
      ->delimiter(',');
  app.add_option("--cpu", arguments.cpu, "x86-64, v2, v3 or v4")->capture_default_str();
  app.add_option("--print-after", arguments.print_after, "print after this pass, or after all, instead of at the end");
  app.add_flag("--list-passes", arguments.list_passes, "print the passes and leave");
  app.add_flag("--plan", arguments.plan, "print the memory plan behind the module");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  return guarded(arguments);
}
