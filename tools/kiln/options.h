// What the command line says, as plain values: filled by main.cpp, read by the commands.
#pragma once

#include "runtime/progress.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kiln::tools {

struct Options {
  std::string experiment;             // the file
  std::vector<std::string> overrides; // of --set, --epochs, --batch, --seed, in this form: a.b=c
  std::optional<int64_t> batch;       // as given; also among the overrides where the verb trains
  int threads = 0;                    // 0: the CPUs this process may use
  std::string cpu = "native";         // x86-64, v2, v3, v4 or native
  std::string target;                 // aarch64-linux-gnu, of libraries; empty: this machine
  std::string math = "fast";          // or exact; the same as long as all kernels are exact
  std::string cache = "auto";         // a directory for compiled objects, auto (the user's) or off
  bool json = false;
  bool color = false;      // of diagnostics on stderr; --color was looked at
  std::string print_after; // a pass, or "all"
  int verbosity = 0;       // -q: -1, -v: 1
  runtime::ProgressMode progress = runtime::ProgressMode::automatic;

  // init
  std::string data_place; // a folder, or a file that holds or lists all

  // train
  std::string out;
  bool resume = false;
  bool replan = false;
  int64_t max_steps = 0;
  int input_workers = 0;

  // lrfind
  int64_t steps = 200;
  double least_rate = 1e-6;
  double most_rate = 10;

  // check
  bool data = false; // read every sample
  bool lint = false;

  // train, test, predict
  std::string weights;

  // predict
  std::vector<std::string> samples; // indices or ranges (3, 10-19) of the test split, or files and directories
  int64_t top = 3;
  std::string layer; // whose values go to `out`; empty: the network's

  // time
  std::string phase = "train";

  // build
  std::string emit;             // trainer, infer, lib, shared, obj, llvm, asm, ir
  std::string output;           // also of init: the file, - for stdout; empty: made of the name
  std::string symbol;           // prefix of what a library declares; empty: the experiment's name
  bool train_step = false;      // of a library: it trains too
  bool weights_outside = false; // of an inference binary: they go to a file beside it
  std::string sysroot;          // what executables are linked against; empty: of this installation

  // verify
  std::string product; // a trainer or an inference binary; empty: none

  // show
  std::string format = "text"; // dot, llvm, asm
  std::string function;        // train_step, evaluate, predict; empty: all, or the one that makes sense
  bool optimized = false;
  int64_t augment = 0; // variants of each sample on a contact sheet; 0: the network is shown
};

// One function a verb, in a file of its name. They return the exit code and throw what main.cpp turns into one:
// runtime::Error, InvalidExperiment, passes::PassError, passes::InternalError, codegen::CodegenError.
int run_train(const Options& options);
int run_test(const Options& options);
int run_predict(const Options& options);
int run_check(const Options& options);
int run_time(const Options& options);
int run_render(const Options& options);
int run_show(const Options& options);
int run_build(const Options& options);
int run_verify(const Options& options);
int run_doctor(const Options& options);
int run_stats(const Options& options);
int run_init(const Options& options);
int run_lrfind(const Options& options);

} // namespace kiln::tools
