// Shows a person how training goes: a bar on a terminal, plain lines elsewhere, at a pace that costs nothing.
// Showing a step allocates nothing. What cannot be written is not shown, and training goes on.
#include "runtime/progress.h"

#include "runtime/number_format.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <sys/ioctl.h>
#include <unistd.h>

namespace kiln::runtime {
namespace {

constexpr double bar_period = 0.1; // seconds
constexpr double plain_period = 5;
// Above this share of the time spent waiting for batches, more computing threads would not help.
constexpr double input_bound_share = 0.3;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

ProgressMode resolve(ProgressMode mode, FILE* out) {
  if (mode != ProgressMode::automatic) return mode;
  const char* terminal = getenv("TERM");
  bool capable = terminal && *terminal && strcmp(terminal, "dumb") != 0;
  return isatty(fileno(out)) && capable ? ProgressMode::bar : ProgressMode::plain;
}

size_t terminal_columns(FILE* out) {
  winsize size;
  if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void append_field(std::string& line, std::string_view name, double value, int decimals) {
  line += "  ";
  line += name;
  line += ' ';
  append_fixed(line, value, decimals);
}

// Nothing where labels are no classes.
void append_accuracy(std::string& line, double accuracy) {
  if (std::isfinite(accuracy)) append_field(line, "acc", accuracy, 4);
}

void append_rate(std::string& line, double rate) {
  line += "  lr ";
  append_float(line, static_cast<float>(rate));
}

} // namespace

void append_grouped(std::string& text, int64_t value) {
  size_t begin = text.size();
  append_integer(text, value);
  if (value < 0) ++begin;
  for (size_t at = text.size(); at > begin + 3;) text.insert(at -= 3, 1, ',');
}

Progress::Progress(ProgressMode mode, FILE* out) : mode_(resolve(mode, out)), out_(out) { line_.reserve(1024); }

Progress::~Progress() {
  if (bar_shown_) fputc('\n', out_);
}

void Progress::begin(const Run& run) {
  run_ = run;
  last_time_ = now();
  last_step_ = run.first_step;
}

void Progress::step(const StepMetrics& metrics, double seconds_waited) {
  if (mode_ == ProgressMode::none) return;
  double time = now();
  if (time - last_time_ < (mode_ == ProgressMode::bar ? bar_period : plain_period)) return;
  show(metrics, time, seconds_waited);
}

void Progress::show(const StepMetrics& metrics, double time, double seconds_waited) {
  double elapsed = time - last_time_;
  double speed = static_cast<double>(metrics.step - last_step_) / elapsed;
  steps_per_second_ = steps_per_second_ == 0 ? speed : 0.7 * steps_per_second_ + 0.3 * speed;
  double input_share = elapsed > 0 ? (seconds_waited - last_waited_) / elapsed : 0;
  last_time_ = time;
  last_step_ = metrics.step;
  last_waited_ = seconds_waited;

  int64_t done = metrics.step - (metrics.epoch - 1) * run_.steps_per_epoch;
  line_.clear();
  line_ += "epoch ";
  append_integer(line_, metrics.epoch);
  line_ += '/';
  append_integer(line_, run_.epochs);
  line_ += ' ';
  if (mode_ == ProgressMode::bar) append_bar(done, run_.steps_per_epoch);
  line_ += ' ';
  append_integer(line_, done);
  line_ += '/';
  append_integer(line_, run_.steps_per_epoch);
  line_ += "  ";
  append_grouped(line_, std::llround(steps_per_second_ * static_cast<double>(run_.batch)));
  line_ += " samples/s  ETA ";
  append_duration(line_, static_cast<double>(run_.last_step - metrics.step) / steps_per_second_);
  append_field(line_, "loss", metrics.loss, 4);
  append_accuracy(line_, metrics.accuracy);
  append_rate(line_, metrics.learning_rate);
  if (input_share > input_bound_share) {
    line_ += "  input-bound ";
    append_integer(line_, std::llround(100 * std::min(input_share, 1.0)));
    line_ += '%';
  }
  if (mode_ == ProgressMode::bar) {
    size_t columns = terminal_columns(out_);
    if (line_.size() >= columns) line_.resize(columns - 1); // a wrapped line could not be overwritten
    fputc('\r', out_);
    fwrite(line_.data(), 1, line_.size(), out_);
    fputs("\x1b[K", out_);
    fflush(out_);
    bar_shown_ = true;
  } else {
    put_line();
  }
}

void Progress::append_bar(int64_t done, int64_t all) {
  constexpr int64_t width = 20;
  int64_t filled = std::clamp<int64_t>(all > 0 ? done * width / all : 0, 0, width);
  line_ += '[';
  line_.append(static_cast<size_t>(filled), '#');
  line_.append(static_cast<size_t>(width - filled), '.');
  line_ += ']';
}

void Progress::epoch(const EpochMetrics& metrics) {
  if (mode_ == ProgressMode::none) return;
  line_.clear();
  line_ += "epoch ";
  append_integer(line_, metrics.epoch);
  line_ += '/';
  append_integer(line_, run_.epochs);
  line_ += " done  step ";
  append_integer(line_, metrics.step);
  append_field(line_, "train loss", metrics.train_loss, 4);
  append_accuracy(line_, metrics.train_accuracy);
  if (std::isfinite(metrics.test_loss)) {
    append_field(line_, run_.evaluated == Split::validation ? "validation loss" : "test loss", metrics.test_loss, 4);
    append_accuracy(line_, metrics.test_accuracy);
  }
  append_rate(line_, metrics.learning_rate);
  line_ += "  ";
  append_fixed(line_, metrics.seconds, 1);
  line_ += " s  ";
  append_grouped(line_, std::llround(metrics.samples_per_second));
  line_ += " samples/s";
  put_line();
}

void Progress::note(std::string_view text) {
  if (mode_ == ProgressMode::none) return;
  line_.assign(text);
  put_line();
}

void Progress::put_line() {
  if (bar_shown_) fputs("\r\x1b[K", out_);
  bar_shown_ = false;
  line_ += '\n';
  fwrite(line_.data(), 1, line_.size(), out_);
  fflush(out_);
}

} // namespace kiln::runtime
