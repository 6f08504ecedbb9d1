// The records of a run beside its metrics files: checksums and cut-back of events, groups of steps, the report's page.
#include "runtime/checkpoint.h"
#include "runtime/line_chart.h"
#include "runtime/run_records.h"
#include "tests/runtime/sample_metrics.h"
#include "tests/runtime/temporary_directory.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

using testing::epoch_metrics;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::read_bytes;
using testing::TemporaryDirectory;
using testing::write_bytes;

StepMetrics step_metrics(int64_t step, int64_t epoch) {
  return {step, epoch, 3.0f / static_cast<float>(step), 0.5, 0.1 / static_cast<double>(step)};
}

RunRecords open_records(const std::string& directory, int64_t step, int64_t epoch) {
  return RunRecords(directory, {"net <1>", "validation", {{"seed", "7"}}}, {"test_top_5"}, step, epoch);
}

// Three steps an epoch, from the step after `step` on.
void add_rows(RunRecords& records, int64_t step, int64_t epochs) {
  for (++step; step <= 3 * epochs; ++step) {
    records.add_step(step_metrics(step, (step + 2) / 3));
    if (step % 3 == 0)
      records.add_epoch(epoch_metrics(step / 3, step, 3.0 / static_cast<double>(step)),
                        std::vector<NamedMetric>{{"test_top_5", not_measured}});
  }
  records.sync();
  records.write_report();
}

// Where each record of an event file ends.
std::vector<size_t> record_ends(const std::string& bytes) {
  std::vector<size_t> ends;
  for (size_t at = 0; at < bytes.size();) {
    uint64_t length;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    ends.push_back(at += 12 + length + 4);
  }
  return ends;
}

// Check values of RFC 3720, B.4, and of Rocksoft's "123456789".
TEST(EventFile, ChecksumIsCastagnolis) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(EventFile, IsCutBackExactly) {
  TemporaryDirectory temporary;
  const std::string path = EventFile::path_in(temporary.path());
  {
    RunRecords records = open_records(temporary.path(), 0, 0);
    add_rows(records, 0, 2);
  }
  const std::string whole = read_bytes(path);
  const std::vector<size_t> ends = record_ends(whole);
  ASSERT_EQ(ends.size(), 1u + 6 + 2);
  // The version, steps 1 to 3, epoch 1, steps 4 to 6, epoch 2.
  for (auto [step, epoch, kept] : {std::tuple<int64_t, int64_t, size_t>{0, 0, 1},
                                   {2, 0, 3},
                                   {3, 0, 4},
                                   {3, 1, 5},
                                   {5, 1, 7},
                                   {6, 1, 8},
                                   {6, 2, 9}}) {
    for (const std::string& torn : {std::string(), whole.substr(0, 7), whole.substr(0, ends[0] - 1)}) {
      write_bytes(path, whole + torn);
      EventFile::cut_back(temporary.path(), step, epoch);
      EXPECT_EQ(read_bytes(path), whole.substr(0, ends[kept - 1])) << step << " " << epoch;
    }
  }
  // What follows a record that changed is not believed.
  std::string changed = whole;
  changed[ends[1] + 20] ^= 1;
  write_bytes(path, changed);
  EventFile::cut_back(temporary.path(), 6, 2);
  EXPECT_EQ(read_bytes(path), whole.substr(0, ends[1]));
}

TEST(RunRecords, AnInterruptedRunHasTheReportOfAWholeOne) {
  TemporaryDirectory whole, parts;
  {
    RunRecords records = open_records(whole.path(), 0, 0);
    add_rows(records, 0, 400);
  }
  {
    RunRecords records = open_records(parts.path(), 0, 0);
    add_rows(records, 0, 250);
  }
  for (auto [step, epoch] : {std::pair<int64_t, int64_t>{700, 233}, {3, 0}}) {
    RunRecords records = open_records(parts.path(), step, epoch);
    if (epoch == 0) records.add_epoch(epoch_metrics(1, 3, 1), std::vector<NamedMetric>{{"test_top_5", not_measured}});
    add_rows(records, step, 400);
  }
  EXPECT_EQ(read_bytes(RunRecords::report_path(parts.path())), read_bytes(RunRecords::report_path(whole.path())));
  EXPECT_EQ(read_bytes(parts.file("metrics.jsonl")), read_bytes(whole.file("metrics.jsonl")));
  EXPECT_EQ(record_ends(read_bytes(EventFile::path_in(parts.path()))).size(), 1u + 1200 + 400);
}

TEST(RunRecords, ReportStandsAlone) {
  TemporaryDirectory temporary;
  RunRecords records = open_records(temporary.path(), 0, 0);
  records.write_report(); // before anything happened
  EXPECT_THAT(read_bytes(RunRecords::report_path(temporary.path())), Not(HasSubstr("<svg")));
  add_rows(records, 0, 2);
  const std::string page = read_bytes(RunRecords::report_path(temporary.path()));
  for (const char* wanted : {"<h1>net &lt;1&gt;</h1>", "Loss per epoch", "Loss per batch", "Accuracy", "Learning rate",
                             "<th>validation loss</th>", "<td>2</td><td>6</td><td>0.5000</td><td>0.7500</td><td></td>"})
    EXPECT_THAT(page, HasSubstr(wanted));
  for (const char* unwanted : {"<script", "src=", "href=", "url(", "@import", "\"nan", ",nan"})
    EXPECT_THAT(page, Not(HasSubstr(unwanted)));
}

TEST(RunHistory, GroupsHoldAllSteps) {
  for (int64_t steps : {1, 512, 513, 5000}) {
    RunHistory history({});
    double sum = 0, grouped = 0;
    int64_t counted = 0;
    for (int64_t step = 1; step <= steps; ++step) {
      history.add_step(step_metrics(step, 1));
      sum += double{step_metrics(step, 1).loss};
    }
    EXPECT_LE(history.groups().size(), 512u);
    for (const StepGroup& group : history.groups()) {
      counted += group.steps;
      grouped += group.loss_sum;
      EXPECT_EQ(group.last_step, counted);
      EXPECT_EQ(group.least_loss, step_metrics(counted, 1).loss); // losses fall
      EXPECT_EQ(group.largest_loss, step_metrics(counted - group.steps + 1, 1).loss);
      EXPECT_EQ(group.learning_rate, step_metrics(counted, 1).learning_rate);
    }
    EXPECT_EQ(counted, steps);
    EXPECT_NEAR(grouped, sum, 1e-9 * sum);
  }
}

TEST(LineChart, TicksAreRound) {
  EXPECT_EQ(TickStep(1, 5).text(3), "0.6");
  EXPECT_EQ(TickStep(0.007, 5).text(2), "0.002");
  EXPECT_EQ(TickStep(8, 8).text(-4), "-4");
  EXPECT_EQ(TickStep(30000, 8).text(2), "10000");
  EXPECT_EQ(TickStep(3e-9, 5).text(2), "1e-9");
  EXPECT_EQ(TickStep(3e-9, 5).text(0), "0");
  // One value, or none that can be shown, still gives a picture.
  for (double value : {0.0, -3.0, 1e30, std::nan("")})
    for (const char* unwanted : {"\"nan", "\"inf", ",nan", ",inf"})
      EXPECT_THAT(svg({"t", "x", {{"a", {{1, value, value, value}}}}}), Not(HasSubstr(unwanted))) << value;
}

} // namespace
} // namespace kiln::runtime
