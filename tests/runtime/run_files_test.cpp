// What a run leaves behind and shows: metrics files and their cut-back, the run directory, progress lines, predictions.
#include "runtime/error.h"
#include "runtime/evaluate.h"
#include "runtime/json_reader.h"
#include "runtime/metrics_files.h"
#include "runtime/progress.h"
#include "runtime/run_directory.h"
#include "tests/runtime/fake_program.h"
#include "tests/runtime/sample_metrics.h"
#include "tests/runtime/temporary_directory.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

using testing::epoch_metrics;
using testing::FakeProgram;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::read_bytes;
using testing::TemporaryDirectory;
using testing::write_bytes;

void write_run(const std::string& directory) {
  MetricsFiles files(directory);
  for (int64_t epoch = 1; epoch <= 2; ++epoch) {
    for (int64_t step = epoch * 3 - 2; step <= epoch * 3; ++step) files.add_step({step, epoch, 0.25f, 0.5, 0.01});
    files.add_epoch(epoch_metrics(epoch, epoch * 3));
  }
}

TEST(MetricsFiles, AreWritten) {
  TemporaryDirectory temporary;
  write_run(temporary.path());
  EXPECT_EQ(read_bytes(temporary.file("metrics.csv")),
            "epoch,step,learning_rate,train_loss,train_accuracy,test_loss,test_accuracy,seconds,samples_per_second\n"
            "1,3,0.01,0.5,0.75,,,1.5,100\n"
            "2,6,0.01,0.5,0.75,,,1.5,100\n");
  std::string rows = read_bytes(temporary.file("metrics.jsonl"));
  EXPECT_THAT(
      rows,
      HasSubstr("{\"kind\":\"step\",\"step\":1,\"epoch\":1,\"loss\":0.25,\"accuracy\":0.5,\"learning_rate\":0.01}\n"));
  EXPECT_THAT(rows, HasSubstr("\"kind\":\"epoch\",\"epoch\":2,\"step\":6"));
  EXPECT_THAT(rows, HasSubstr("\"test_loss\":null"));
}

TEST(MetricsFiles, AreCutBackExactly) {
  TemporaryDirectory whole, cut;
  write_run(whole.path());
  for (auto [step, epoch] : {std::pair<int64_t, int64_t>{0, 0}, {2, 0}, {3, 0}, {3, 1}, {5, 1}, {6, 1}, {6, 2}}) {
    write_run(cut.path());
    // A line torn by a kill.
    write_bytes(cut.file("metrics.jsonl"), read_bytes(cut.file("metrics.jsonl")) + "{\"kind\":\"step\",\"st");
    write_bytes(cut.file("metrics.csv"), read_bytes(cut.file("metrics.csv")) + "3,9");
    MetricsFiles::cut_back(cut.path(), step, epoch);
    std::string rows = read_bytes(cut.file("metrics.jsonl")), table = read_bytes(cut.file("metrics.csv"));
    EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), step + epoch);
    EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 1 + epoch);
    EXPECT_TRUE(rows.empty() || rows.back() == '\n');
    EXPECT_TRUE(read_bytes(whole.file("metrics.csv")).starts_with(table));
    // Appending goes on behind the cut, with one header.
    { MetricsFiles(cut.path()).add_epoch(epoch_metrics(9, 90)); }
    table = read_bytes(cut.file("metrics.csv"));
    EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 2 + epoch);
    std::filesystem::remove(cut.file("metrics.csv"));
    std::filesystem::remove(cut.file("metrics.jsonl"));
  }
  MetricsFiles::cut_back(cut.path(), 1, 1); // nothing there: nothing to do
  EXPECT_FALSE(file_exists(cut.file("metrics.csv")));
}

TEST(RunDirectory, DescribesTheRunAndIsLocked) {
  TemporaryDirectory temporary;
  FakeProgram fake;
  std::string path = temporary.file("a/b/run");
  {
    RunDirectory directory(path, false);
    directory.describe_run("text", environment_json(fake.program, fake.training, 3, "0.1.0"));
    EXPECT_EQ(read_bytes(path + "/experiment.textproto"), "text");
    JsonValue value;
    std::string problem;
    std::string text = read_bytes(path + "/environment.json");
    ASSERT_TRUE(parse_json(text, value, problem)) << problem;
    EXPECT_EQ(value.find("kiln")->text, "0.1.0");
    EXPECT_EQ(value.find("threads")->text, "3");
    EXPECT_EQ(value.find("seed")->text, "7");
    EXPECT_EQ(value.find("plan_hash")->text, fake.program.plan_hash);
    EXPECT_FALSE(value.find("cpu")->text.empty());
    EXPECT_THROW(RunDirectory(path, true), Error);
  }
  RunDirectory again(path, true);
}

TEST(Progress, PlainLinesHoldTheNumbers) {
  TemporaryDirectory temporary;
  std::string path = temporary.file("out");
  FILE* file = fopen(path.c_str(), "w");
  {
    Progress progress(ProgressMode::automatic, file); // no terminal: plain
    progress.begin({5, 937, 0, 4685, 64});
    progress.step({1, 1, 2.3f, 0.1, 0.01}, 0); // too early to be shown
    progress.paused(-600);                     // as if ten minutes had passed
    progress.step({400, 1, 0.5f, 0.8125, 0.01}, 300);
    EpochMetrics metrics = epoch_metrics(1, 937);
    metrics.test_loss = 0.4;
    metrics.test_accuracy = 0.86;
    metrics.samples_per_second = 12345;
    progress.epoch(metrics);
    progress.note("a note");
  }
  fclose(file);
  std::string text = read_bytes(path);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  EXPECT_THAT(text, HasSubstr("epoch 1/5  400/937"));
  EXPECT_THAT(text, HasSubstr("  43 samples/s")); // 400 * 64 / 600
  EXPECT_THAT(text, HasSubstr("ETA 1:47:"));
  EXPECT_THAT(text, HasSubstr("loss 0.5000  acc 0.8125  lr 0.01  input-bound 50%\n"));
  EXPECT_THAT(text, HasSubstr("epoch 1/5 done  step 937  train loss 0.5000  acc 0.7500  test loss 0.4000  acc 0.8600"));
  EXPECT_THAT(text, HasSubstr("12,345 samples/s\na note\n"));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
}

TEST(Progress, BarStaysOnItsLineAndIsCleared) {
  TemporaryDirectory temporary;
  std::string path = temporary.file("out");
  FILE* file = fopen(path.c_str(), "w");
  {
    Progress progress(ProgressMode::bar, file);
    progress.begin({5, 100, 0, 500, 64});
    progress.paused(-1);
    progress.step({50, 1, 0.5f, 0.5, 0.01}, 0);
    progress.note("a note");
  }
  fclose(file);
  std::string text = read_bytes(path);
  EXPECT_TRUE(text.starts_with("\repoch 1/5 [##########..........] 50/100")) << text;
  EXPECT_LE(text.find("\x1b[K"), 80u);
  EXPECT_TRUE(text.ends_with("\r\x1b[Ka note\n")) << text;
  EXPECT_THAT(text, Not(HasSubstr("input-bound")));
}

TEST(Progress, NoneShowsNothing) {
  TemporaryDirectory temporary;
  FILE* file = fopen(temporary.file("out").c_str(), "w");
  {
    Progress progress(ProgressMode::none, file);
    progress.begin({5, 100, 0, 500, 64});
    progress.paused(-100);
    progress.step({50, 1, 0.5f, 0.5, 0.01}, 0);
    progress.epoch(epoch_metrics(1, 100));
    progress.note("a note");
  }
  fclose(file);
  EXPECT_EQ(read_bytes(temporary.file("out")), "");
}

TEST(Progress, GroupsDigits) {
  auto grouped = [](int64_t value) {
    std::string text;
    append_grouped(text, value);
    return text;
  };
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
}

TEST(Evaluate, PredictsGivenSamplesAndCountsEachOnce) {
  FakeProgram fake;
  Instance instance(fake.program, {});
  instance.initialize(5);
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
  for (int64_t sample = 0; sample < 10; ++sample) {
    labels.push_back(static_cast<int32_t>(sample % 3));
    for (int64_t p = 0; p < testing::fake_pixels; ++p) pixels.push_back(static_cast<uint8_t>(sample * 20 + p));
  }
  MemorySource source({testing::fake_height, testing::fake_width, 1}, pixels, labels, "i", "l");
  const kiln_function& predict = require_function(fake.program, "predict");
  std::vector<int64_t> samples = {9, 0, 3, 3, 5};
  std::vector<float> rows = predict_samples(instance, predict, source, samples);
  ASSERT_EQ(rows.size(), 15u);
  double loss = 0, correct = 0;
  for (int64_t sample = 0; sample < 10; ++sample) {
    std::vector<float> row = predict_samples(instance, predict, source, std::span(&sample, 1));
    EXPECT_NEAR(row[0] + row[1] + row[2], 1, 1e-5);
    loss -= std::log(static_cast<double>(row[static_cast<size_t>(labels[static_cast<size_t>(sample)])]));
    correct += testing::best_class(row.data()) == labels[static_cast<size_t>(sample)];
    if (sample == 3) {
      EXPECT_TRUE(std::equal(row.begin(), row.end(), rows.begin() + 6));
    }
  }
  for (int64_t batch : {1, 7, 64}) {
    Evaluation evaluation = Evaluator(instance, source, batch).run();
    EXPECT_EQ(evaluation.samples, 10);
    EXPECT_NEAR(evaluation.loss, loss / 10, 1e-6) << batch;
    EXPECT_DOUBLE_EQ(evaluation.accuracy, correct / 10) << batch;
  }
  EXPECT_THROW(require_function(fake.program, "evaluate", 5), Error);
  EXPECT_THROW(require_function(fake.program, "test"), Error);
}

} // namespace
} // namespace kiln::runtime
