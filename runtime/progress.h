// Shows a person how training goes: a bar on a terminal, plain lines elsewhere, at a pace that costs nothing.
// Showing a step allocates nothing. What cannot be written is not shown, and training goes on.
#pragma once

#include "runtime/data_facts.h"
#include "runtime/metrics_files.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace kiln::runtime {

enum class ProgressMode {
  automatic, // a bar on a terminal, else plain lines
  plain,     // a line every few seconds and at the end of each epoch
  bar,
  none
};

class Progress {
public:
  struct Run {
    int64_t epochs = 0;
    int64_t steps_per_epoch = 0;
    int64_t first_step = 0; // where this process begins
    int64_t last_step = 0;  // where it will end
    int64_t batch = 0;
    Split evaluated = Split::test;
  };

  explicit Progress(ProgressMode mode, FILE* out = stderr);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void begin(const Run& run);
  // `seconds_waited` for input so far. Most calls show nothing.
  void step(const StepMetrics& metrics, double seconds_waited);
  // Time in which no step was done (an evaluation, a checkpoint) is not to count against the speed.
  void paused(double seconds) { last_time_ += seconds; }
  void epoch(const EpochMetrics& metrics);
  void note(std::string_view text);

private:
  void show(const StepMetrics& metrics, double now, double seconds_waited);
  void append_bar(int64_t done, int64_t all);
  void put_line();

  ProgressMode mode_;
  FILE* out_;
  Run run_;
  std::string line_;
  double last_time_ = 0;
  int64_t last_step_ = 0;
  double last_waited_ = 0;
  double steps_per_second_ = 0;
  bool bar_shown_ = false;
};

// 1234567 -> "1,234,567".
void append_grouped(std::string& text, int64_t value);

} // namespace kiln::runtime
