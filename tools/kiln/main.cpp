// The driver `kiln`: command line -> Options -> the verb's function -> exit code.
#include "options.h"
#include "report.h"

#include "frontend/suggest.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <unistd.h>

namespace kiln::tools {

namespace {

// The command line is wrong; the message says how.
struct WrongUsage {
  std::string message;
  std::string hint;
};

constexpr const char* kExitCodes =
    "Exit codes: 0 ok, 1 failed while running, 2 wrong usage, 3 experiment invalid, 4 data unreadable,\n"
    "5 training diverged, 6 verification mismatch, 7 out of memory, 8 not supported here,\n"
    "130/143 stopped by a signal after a checkpoint.";

// What is given as text and looked at after parsing.
struct Raw {
  std::vector<std::string> settings;
  std::optional<std::string> epochs, batch, seed, threads, max_steps, input_workers, top, augment;
  std::optional<std::string> steps, least_rate, most_rate;
  std::string progress = "auto", color = "auto";
  bool verbose = false, quiet = false;
};

double parse_rate(const std::string& text, const std::string& flag) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !(value >= 1e-30 && value <= 1e30))
    throw WrongUsage{fmt::format("{} takes a learning rate from 1e-30 to 1e30, not \"{}\"", flag, text), {}};
  return value;
}

int64_t parse_count(const std::string& text, const std::string& flag, int64_t most) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value < 1 || value > most)
    throw WrongUsage{fmt::format("{} takes a whole number from 1 to {}, not \"{}\"", flag, most, text), {}};
  return value;
}

void require_one_of(const std::string& value, const std::string& flag, const std::vector<std::string>& choices) {
  for (const std::string& choice : choices)
    if (value == choice) return;
  throw WrongUsage{fmt::format("{} takes one of {}, not \"{}\"", flag, fmt::join(choices, ", "), value),
                   frontend::suggestion(value, choices)};
}

bool wants_color(const std::string& when) {
  if (when != "auto") return when == "always";
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

enum class Flag {
  set,
  epochs,
  batch,
  seed,
  threads,
  max_steps,
  input_workers,
  data,
  lint,
  data_place,
  out,
  resume,
  replan,
  weights,
  json,
  print_after,
  cpu,
  math,
  cache,
  progress,
  samples,
  layer,
  top,
  phase,
  format,
  function,
  optimized,
  emit,
  output,
  symbol,
  sysroot,
  weights_outside,
  train_step,
  target,
  product,
  augment,
  picture,
  steps,
  rates,
  verbose
};

using VerbFunction = int (*)(const Options&);

// What a verb is told before its flags.
enum class Subject { experiment, data, nothing };

struct Verb {
  VerbFunction run;
  // Whether --batch is training.batch of the experiment; else the verb's own.
  bool trains;
  Subject subject;
};

class HelpText : public CLI::Formatter {
  std::string make_usage(const CLI::App* app, std::string) const override {
    const bool is_verb = app->get_parent() != nullptr;
    const std::string what = is_verb ? app->get_name() : "VERB";
    const auto takes = [&](const char* option) { return app->get_option_no_throw(option) != nullptr; };
    const bool takes_experiment = !is_verb || takes("EXPERIMENT");
    return fmt::format("Usage: kiln {} {}{}[OPTIONS]\n", what, takes_experiment ? "EXPERIMENT " : "",
                       is_verb && takes("SAMPLES")   ? "[SAMPLES...] "
                       : is_verb && takes("PRODUCT") ? "[PRODUCT] "
                                                     : "");
  }
};

class CommandLine {
public:
  CommandLine() : app_("Kiln compiles experiments: networks with their data, pre-processing and training.", "kiln") {
    app_.formatter(std::make_shared<HelpText>());
    app_.set_version_flag("--version", "kiln " KILN_VERSION);
    app_.set_help_flag("-h,--help", "Print this help");
    app_.require_subcommand(0, 1);
    app_.allow_extras();
    app_.footer(fmt::format("kiln VERB --help tells more.\n{}", kExitCodes));

    add("train", "Compile an experiment and train it here and now", run_train, true,
        {Flag::set, Flag::epochs, Flag::batch, Flag::seed, Flag::threads, Flag::max_steps, Flag::input_workers,
         Flag::out, Flag::resume, Flag::replan, Flag::weights, Flag::json, Flag::print_after, Flag::cpu, Flag::math,
         Flag::cache, Flag::progress, Flag::verbose});
    add("lrfind", "Try a rising learning rate for a few hundred steps, and suggest one", run_lrfind, true,
        {Flag::set, Flag::steps, Flag::rates, Flag::batch, Flag::seed, Flag::threads, Flag::out, Flag::weights,
         Flag::json, Flag::cpu, Flag::math, Flag::cache, Flag::progress, Flag::verbose});
    add("test", "Measure trained weights on the test split", run_test, false,
        {Flag::set, Flag::batch, Flag::threads, Flag::out, Flag::weights, Flag::json, Flag::print_after, Flag::cpu,
         Flag::math, Flag::cache, Flag::verbose});
    add("predict", "Classify samples of the test split, or image files", run_predict, false,
        {Flag::set, Flag::threads, Flag::out, Flag::weights, Flag::json, Flag::print_after, Flag::cpu, Flag::math,
         Flag::cache, Flag::samples, Flag::layer, Flag::top, Flag::verbose});
    add("check", "Say everything that is wrong with an experiment; shapes, parameters, FLOPs, memory", run_check, true,
        {Flag::set, Flag::epochs, Flag::batch, Flag::seed, Flag::threads, Flag::data, Flag::lint, Flag::json,
         Flag::print_after, Flag::cpu, Flag::math, Flag::progress, Flag::verbose});
    add("time", "Measure the speed of the compiled network on synthetic data", run_time, false,
        {Flag::set, Flag::batch, Flag::threads, Flag::json, Flag::print_after, Flag::cpu, Flag::math, Flag::cache,
         Flag::phase, Flag::verbose});
    add("build", "Turn an experiment and its weights into files that run without Kiln", run_build, false,
        {Flag::set, Flag::emit, Flag::output, Flag::symbol, Flag::sysroot, Flag::weights, Flag::weights_outside,
         Flag::train_step, Flag::target, Flag::out, Flag::batch, Flag::threads, Flag::print_after, Flag::cpu,
         Flag::math, Flag::cache, Flag::verbose});
    add("verify", "Compare the compiled network with the reference evaluator, and a product with both", run_verify,
        false,
        {Flag::set, Flag::threads, Flag::out, Flag::weights, Flag::json, Flag::print_after, Flag::cpu, Flag::math,
         Flag::cache, Flag::product, Flag::verbose});
    add("render", "Print the experiment with every default written out", run_render, true,
        {Flag::set, Flag::epochs, Flag::batch, Flag::seed});
    add("show", "Print the network's graph, or the code it becomes", run_show, true,
        {Flag::set, Flag::batch, Flag::seed, Flag::print_after, Flag::cpu, Flag::math, Flag::format, Flag::function,
         Flag::optimized, Flag::augment, Flag::picture});
    add("init", "Write an experiment for a folder of images of your own", run_init, false,
        {Flag::data_place, Flag::output, Flag::json}, Subject::data);
    add("doctor", "Check this installation", run_doctor, false, {Flag::sysroot, Flag::cache, Flag::json},
        Subject::nothing);
    add("stats", "Measure the training images: what pre-processing can be made of", run_stats, true,
        {Flag::set, Flag::threads, Flag::out, Flag::json, Flag::cpu, Flag::progress, Flag::verbose});
  }

  // Fills `options` even when it throws, as far as parsing came: whether to speak JSON, and in colour.
  VerbFunction parse(int argc, char** argv, Options& options) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success&) {
      throw; // --help, --version
    } catch (const CLI::ParseError& error) {
      // Flags that were understood have not been stored yet.
      options_.json =
          std::any_of(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
      prepare_report(options);
      throw WrongUsage{lower_first(error.what()), {}};
    }
    prepare_report(options);
    const CLI::App& app = chosen();
    refuse_extras(app);
    const Verb& verb = verbs_.at(app.get_name());
    if (verb.subject == Subject::experiment && options_.experiment.empty())
      throw WrongUsage{fmt::format("{} needs an experiment file", app.get_name()),
                       fmt::format("kiln {} FILE.textproto", app.get_name())};
    if (verb.subject == Subject::data && options_.data_place.empty())
      throw WrongUsage{fmt::format("{} needs data", app.get_name()), fmt::format("kiln {} --data DIR", app.get_name())};
    check_values(verb);
    options = options_;
    return verb.run;
  }

  int exit(const CLI::Success& success) const { return app_.exit(success); }

private:
  void prepare_report(Options& options) {
    options_.color = raw_.color == "auto" ? wants_color("auto") : raw_.color == "always";
    options.json = options_.json;
    options.color = options_.color;
  }

  void add(const std::string& name, const std::string& summary, VerbFunction run, bool trains,
           std::initializer_list<Flag> flags, Subject subject = Subject::experiment) {
    verbs_[name] = {run, trains, subject};
    CLI::App& verb = *app_.add_subcommand(name, summary);
    verb.allow_extras();
    verb.footer("");
    if (subject == Subject::experiment)
      verb.add_option("EXPERIMENT", options_.experiment, "The experiment: protobuf text, or binary if it ends in .pb")
          ->type_name("FILE");
    for (Flag flag : flags) add_flag(verb, flag, trains);
    verb.add_option("--color", raw_.color, "Colours in messages: auto, always, never")->type_name("WHEN");
    verb.add_flag("-q,--quiet", raw_.quiet, "Say only what was asked for and errors");
  }

  void add_flag(CLI::App& verb, Flag flag, bool trains) {
    const auto text = [&](const char* name, auto& target, const char* type, const char* summary) {
      verb.add_option(name, target, summary)->type_name(type);
    };
    switch (flag) {
    case Flag::set:
      verb.add_option("--set", raw_.settings,
                      "Change a field of the experiment, e.g. training.sgd.momentum=0.8; repeatable")
          ->type_name("A.B=C")
          ->allow_extra_args(false);
      break;
    case Flag::epochs:
      text("--epochs", raw_.epochs, "N", "Same as --set training.epochs=N");
      break;
    case Flag::batch:
      text("--batch", raw_.batch, "N", trains ? "Same as --set training.batch=N" : "Samples at a time");
      break;
    case Flag::seed:
      text("--seed", raw_.seed, "N", "Same as --set training.seed=N");
      break;
    case Flag::threads:
      text("--threads", raw_.threads, "N", "Threads in all; default: the CPUs this process may use");
      break;
    case Flag::max_steps:
      text("--max-steps", raw_.max_steps, "N", "End after this many steps since the run's very start");
      break;
    case Flag::input_workers:
      text("--input-workers", raw_.input_workers, "N",
           "Threads, out of --threads, that only read data ahead; default 0: all do, between steps");
      break;
    case Flag::data:
      verb.add_flag("--data", options_.data, "Read every sample: damaged files, labels, duplicates, balance");
      break;
    case Flag::lint:
      verb.add_flag("--lint", options_.lint, "Advise on what is legal, but seldom meant; training warns of it");
      break;
    case Flag::steps:
      text("--steps", raw_.steps, "N", "Steps from the least rate to the largest; default 200");
      break;
    case Flag::rates:
      text("--from", raw_.least_rate, "RATE", "The first step's rate; default 1e-6");
      text("--to", raw_.most_rate, "RATE", "The last step's rate; default 10");
      break;
    case Flag::data_place:
      text("--data", options_.data_place, "DIR",
           "A directory of images for each class, train and test directories of those, or another known form of data");
      break;
    case Flag::out:
      text("--out", options_.out, "DIR", "The run directory; default: runs/<name of the experiment>");
      break;
    case Flag::resume:
      verb.add_flag("--resume", options_.resume, "Go on from the run directory's last checkpoint");
      break;
    case Flag::replan:
      verb.add_flag("--replan", options_.replan, "Accept a checkpoint of another plan, and so other bits");
      break;
    case Flag::weights:
      text("--weights", options_.weights, "FILE", "Weights (safetensors); a checkpoint is one");
      break;
    case Flag::json:
      verb.add_flag("--json", options_.json, "Print the result as one line of JSON");
      break;
    case Flag::print_after:
      text("--print-after", options_.print_after, "PASS", "Print the IR after this pass, or after all");
      break;
    case Flag::cpu:
      text("--cpu", options_.cpu, "LEVEL",
           "x86-64, v2, v3, v4 or native (default); of executables to build a list, as v2,v4");
      break;
    case Flag::math:
      text("--math", options_.math, "KIND", "exact: no kernel takes algebraic shortcuts; fast (default): any may");
      break;
    case Flag::cache:
      text("--cache", options_.cache, "DIR", "Where compiled kernels are kept; auto (default: ~/.cache/kiln), off");
      break;
    case Flag::progress:
      text("--progress", raw_.progress, "MODE", "auto (default), plain, bar, none");
      break;
    case Flag::samples:
      verb.add_option("SAMPLES", options_.samples,
                      "Numbers or ranges (3 10-19) of the test split, default 0-9; or image files and directories");
      break;
    case Flag::layer:
      text("--layer", options_.layer, "NAME",
           "Write what this layer gives for the whole test split or for files to the NumPy array --out FILE.npy");
      break;
    case Flag::top:
      text("--top", raw_.top, "N", "Classes to show for each sample; default 3");
      break;
    case Flag::phase:
      text("--phase", options_.phase, "PHASE", "train (default) or predict");
      break;
    case Flag::format:
      text("--format", options_.format, "FORMAT", "text (default), dot (Graphviz), llvm, asm");
      break;
    case Flag::function:
      text("--function", options_.function, "NAME", "train_step, evaluate or predict; default: all of them");
      break;
    case Flag::emit:
      text("--emit", options_.emit, "WHAT",
           "trainer, infer: executables; lib, shared, obj: with a C header; llvm, asm, ir: text of predict");
      break;
    case Flag::output:
      text("-o,--output", options_.output, "FILE",
           "Where to; default: made of the experiment's name; init takes - for stdout");
      break;
    case Flag::symbol:
      text("--name", options_.symbol, "NAME",
           "Prefix of all that the C header declares; default: the experiment's name");
      break;
    case Flag::product:
      verb.add_option("PRODUCT", options_.product, "A trainer or an inference binary of this experiment");
      break;
    case Flag::target:
      text("--target", options_.target, "TRIPLE", "Compile a library for aarch64-linux-gnu rather than this machine");
      break;
    case Flag::train_step:
      verb.add_flag("--train", options_.train_step, "Let a library train too, from --weights or the initial ones");
      break;
    case Flag::weights_outside:
      verb.add_flag("--weights-outside", options_.weights_outside,
                    "Leave the weights of an inference binary in a file beside it");
      break;
    case Flag::sysroot:
      text("--sysroot", options_.sysroot, "DIR", "What executables are linked against; default: of this installation");
      break;
    case Flag::verbose:
      verb.add_flag("-v,--verbose", raw_.verbose, "Say more: of kernels, of compiling");
      break;
    case Flag::augment:
      text("--augment", raw_.augment, "N",
           "Write a PNG of training images and N variants of each, as the network sees them");
      break;
    case Flag::picture:
      text("--out", options_.out, "FILE", "The PNG of --augment; default: <name of the experiment>-augment.png");
      break;
    case Flag::optimized:
      verb.add_flag("--optimized", options_.optimized, "After all passes, with the memory plan");
      break;
    }
  }

  const CLI::App& chosen() const {
    const std::vector<CLI::App*> verbs = app_.get_subcommands();
    if (!verbs.empty()) return *verbs.front();
    std::vector<std::string> names;
    for (const CLI::App* verb : app_.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(verb->get_name());
    const std::vector<std::string> rest = app_.remaining();
    if (rest.empty()) throw WrongUsage{"what is to be done?", fmt::format("one of: {}", fmt::join(names, ", "))};
    if (rest.front().starts_with("-"))
      throw WrongUsage{fmt::format("unknown option {}", rest.front()),
                       "the verb stands first: kiln VERB EXPERIMENT [OPTIONS]"};
    throw WrongUsage{fmt::format("unknown verb \"{}\"", rest.front()), frontend::suggestion(rest.front(), names)};
  }

  static void refuse_extras(const CLI::App& verb) {
    const std::vector<std::string> rest = verb.remaining();
    if (rest.empty()) return;
    for (const std::string& extra : rest) {
      if (!extra.starts_with("-")) continue;
      const std::string flag = extra.substr(0, extra.find('='));
      std::vector<std::string> known;
      for (const CLI::Option* option : verb.get_options())
        for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
      throw WrongUsage{fmt::format("{} has no option {}", verb.get_name(), flag), frontend::suggestion(flag, known)};
    }
    throw WrongUsage{fmt::format("{} does not know what to do with \"{}\"", verb.get_name(), rest.front()), {}};
  }

  void check_values(const Verb& verb) {
    require_one_of(raw_.color, "--color", {"auto", "always", "never"});
    require_one_of(raw_.progress, "--progress", {"auto", "plain", "bar", "none"});
    require_one_of(options_.math, "--math", {"exact", "fast"});
    require_one_of(options_.phase, "--phase", {"train", "predict"});
    require_one_of(options_.format, "--format", {"text", "dot", "llvm", "asm"});
    if (!options_.function.empty())
      require_one_of(options_.function, "--function", {"train_step", "evaluate", "predict"});
    if (raw_.verbose && raw_.quiet) throw WrongUsage{"-v and -q exclude each other", {}};
    options_.verbosity = raw_.verbose ? 1 : raw_.quiet ? -1 : 0;
    options_.progress = raw_.progress == "plain"  ? runtime::ProgressMode::plain
                        : raw_.progress == "bar"  ? runtime::ProgressMode::bar
                        : raw_.progress == "none" ? runtime::ProgressMode::none
                                                  : runtime::ProgressMode::automatic;
    if (raw_.threads) options_.threads = static_cast<int>(parse_count(*raw_.threads, "--threads", 1024));
    if (raw_.input_workers && *raw_.input_workers != "0")
      options_.input_workers = static_cast<int>(parse_count(*raw_.input_workers, "--input-workers", 1024));
    if (raw_.max_steps) options_.max_steps = parse_count(*raw_.max_steps, "--max-steps", INT64_MAX);
    if (raw_.augment) options_.augment = parse_count(*raw_.augment, "--augment", 100);
    if (raw_.steps) options_.steps = parse_count(*raw_.steps, "--steps", 1 << 20);
    if (raw_.steps && options_.steps < 20) throw WrongUsage{"--steps: below 20 nothing can be told", {}};
    if (raw_.least_rate) options_.least_rate = parse_rate(*raw_.least_rate, "--from");
    if (raw_.most_rate) options_.most_rate = parse_rate(*raw_.most_rate, "--to");
    if (!(options_.least_rate < options_.most_rate))
      throw WrongUsage{fmt::format("--from {} is not below --to {}", options_.least_rate, options_.most_rate), {}};
    if (raw_.top) options_.top = parse_count(*raw_.top, "--top", 1 << 20);
    // Values of the experiment are checked with it, and told at their place: `--set training.epochs=0`.
    options_.overrides = raw_.settings;
    if (raw_.epochs) options_.overrides.push_back("training.epochs=" + *raw_.epochs);
    if (raw_.seed) options_.overrides.push_back("training.seed=" + *raw_.seed);
    if (raw_.batch && verb.trains) options_.overrides.push_back("training.batch=" + *raw_.batch);
    if (raw_.batch && !verb.trains) options_.batch = parse_count(*raw_.batch, "--batch", 1 << 24);
  }

  static std::string lower_first(std::string text) {
    if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && !(text[1] >= 'A' && text[1] <= 'Z'))
      text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
  }

  CLI::App app_;
  Options options_;
  Raw raw_;
  std::map<std::string, Verb> verbs_;
};

int run(int argc, char** argv) {
  Options options;
  CommandLine command_line;
  try {
    const VerbFunction verb = command_line.parse(argc, argv, options);
    return finish_output(verb(options), options.color);
  } catch (const CLI::Success& success) {
    return finish_output(command_line.exit(success), options.color);
  } catch (const WrongUsage& wrong) {
    return finish_output(report_usage(wrong.message, wrong.hint, options.json, options.color), options.color);
  } catch (...) {
    return finish_output(report_exception(std::current_exception(), options), options.color);
  }
}

} // namespace

} // namespace kiln::tools

int main(int argc, char** argv) {
  // A stream that came closed must not lend its number to a file that is opened later: messages would end up in it.
  // Read-only, so that writing to it still fails.
  for (int number = 0; number <= STDERR_FILENO; ++number)
    if (fcntl(number, F_GETFD) < 0) open("/dev/null", O_RDONLY);
  // A reader that has seen enough is no reason to die: writing then fails with EPIPE.
  std::signal(SIGPIPE, SIG_IGN);
  // A limit on file sizes likewise: EFBIG names the file.
  std::signal(SIGXFSZ, SIG_IGN);
  return kiln::tools::run(argc, argv);
}
