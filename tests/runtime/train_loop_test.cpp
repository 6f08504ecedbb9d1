// The training loop on a small real problem: learning, exact resume after kills at random moments, signals, divergence.
#include "runtime/train_loop.h"

#include "runtime/checkpoint.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/instance.h"
#include "runtime/signals.h"
#include "runtime/weights_hash.h"
#include "tests/runtime/allocation_count.h"
#include "tests/runtime/fake_program.h"
#include "tests/runtime/temporary_directory.h"

#include <cmath>
#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kiln::runtime {
namespace {

using testing::before_step;
using testing::FakeProgram;
using ::testing::HasSubstr;
using testing::read_bytes;
using testing::TemporaryDirectory;
using testing::write_bytes;

// Images of noise with one bright row that tells the class; `samples` is no multiple of the batch.
std::unique_ptr<DataSource> bright_rows(int64_t samples, uint64_t seed) {
  std::vector<uint8_t> pixels;
  std::vector<int32_t> labels;
  for (int64_t sample = 0; sample < samples; ++sample) {
    int32_t label = static_cast<int32_t>(random::draw(seed, static_cast<uint64_t>(sample)) % testing::fake_classes);
    labels.push_back(label);
    for (int64_t p = 0; p < testing::fake_pixels; ++p) {
      uint32_t noise = random::draw(seed + 1, static_cast<uint64_t>(sample * testing::fake_pixels + p)) % 120;
      pixels.push_back(static_cast<uint8_t>(noise + (p / testing::fake_width == label ? 100 : 0)));
    }
  }
  ImageShape shape{testing::fake_height, testing::fake_width, 1};
  return std::make_unique<MemorySource>(shape, pixels, labels, "images", "labels");
}

// The same samples, but read as if they had to be decoded, so that workers read them.
class SlowSource : public MemorySource {
public:
  using MemorySource::MemorySource;
  bool in_memory() const override { return false; }
};

class TrainLoop : public ::testing::Test {
protected:
  TrainLoop() { before_step = nullptr; }
  ~TrainLoop() override { before_step = nullptr; }

  TrainOptions options(const std::string& directory = "") {
    TrainOptions options;
    options.program = &fake.program;
    options.training = &fake.training;
    options.train = train_source.get();
    options.test = test_source.get();
    options.run_directory = directory;
    options.progress = ProgressMode::none;
    return options;
  }

  // All of it, with the last two columns (wall times) taken off each row.
  static std::string csv(const std::string& directory) {
    std::string text = read_bytes(directory + "/metrics.csv"), kept;
    for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      std::string row = text.substr(begin, end - begin);
      row.resize(row.rfind(','));
      row.resize(row.rfind(','));
      kept += row + "\n";
    }
    return kept;
  }

  static std::string jsonl(const std::string& directory) {
    std::string text = read_bytes(directory + "/metrics.jsonl"), kept;
    for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      std::string row = text.substr(begin, end - begin);
      kept += row.substr(0, row.find(",\"seconds\"")) + "\n";
    }
    return kept;
  }

  template <typename Call> static Error error_of(Call call) {
    try {
      call();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorKind::runtime, "");
  }

  FakeProgram fake;
  TemporaryDirectory temporary;
  std::unique_ptr<DataSource> train_source = bright_rows(203, 1);
  std::unique_ptr<DataSource> test_source = bright_rows(61, 1000);
};

TEST_F(TrainLoop, LearnsAndReports) {
  std::string run = temporary.file("run");
  TrainResult result = train(options(run));
  EXPECT_EQ(result.epochs, 3);
  EXPECT_EQ(result.steps, 3 * 25);
  EXPECT_LT(result.train_loss, 0.6);
  EXPECT_GT(result.train_accuracy, 0.85);
  EXPECT_GT(result.test_accuracy, 0.9);
  EXPECT_LT(result.test_loss, 0.5);
  EXPECT_EQ(result.weights_sha256.size(), 64u);
  EXPECT_GT(result.samples_per_second, 0);
  EXPECT_GT(result.peak_memory_bytes, 1 << 20);
  EXPECT_EQ(result.stopped_by_signal, 0);
  EXPECT_EQ(read_bytes(run + "/experiment.textproto"), fake.program.experiment);
  EXPECT_THAT(read_bytes(run + "/environment.json"), HasSubstr("\"plan_hash\":\"1111"));
  std::string table = csv(run);
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 4);
  std::string rows = jsonl(run);
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 3 * 25 + 3);
  EXPECT_TRUE(file_exists(last_checkpoint_path(run + "/checkpoints")));
  EXPECT_TRUE(file_exists(previous_checkpoint_path(run + "/checkpoints")));
}

TEST_F(TrainLoop, WithoutClassesThereIsNoAccuracy) {
  TrainResult classes = train(options());
  fake.without_classes();
  std::string run = temporary.file("run");
  TrainResult result = train(options(run));
  EXPECT_EQ(result.weights_sha256, classes.weights_sha256);
  EXPECT_EQ(result.test_loss, classes.test_loss);
  EXPECT_TRUE(std::isnan(result.train_accuracy));
  EXPECT_TRUE(std::isnan(result.test_accuracy));
  EXPECT_THAT(jsonl(run), HasSubstr("\"accuracy\":null"));
  EXPECT_THAT(jsonl(run), HasSubstr("\"test_accuracy\":null"));
  EXPECT_THAT(csv(run), ::testing::Not(HasSubstr("nan")));
  TrainOptions again = options(run);
  again.resume = true;
  EXPECT_TRUE(std::isnan(train(again).test_accuracy));
}

TEST_F(TrainLoop, DataMustGiveWhatTheNetworkTakes) {
  before_step = [](uint64_t) { FAIL() << "a step was run"; };
  fake.rename_input("label", "depth");
  Error error = error_of([&] { train(options()); });
  EXPECT_EQ(error.kind, ErrorKind::data);
  EXPECT_EQ(error.message,
            "labels: sample 0: the network takes depth i32, the data give only image u8 4x3x1, label i32");
}

TEST_F(TrainLoop, ThreadsAndWorkersDoNotChangeBits) {
  std::string expected = train(options()).weights_sha256;
  for (int threads : {2, 5}) {
    TrainOptions more = options();
    more.threads = threads;
    EXPECT_EQ(train(more).weights_sha256, expected) << threads;
  }
  std::vector<uint8_t> pixels(static_cast<size_t>(train_source->size() * testing::fake_pixels));
  std::vector<int32_t> labels(static_cast<size_t>(train_source->size()));
  for (int64_t sample = 0; sample < train_source->size(); ++sample) {
    train_source->read(sample, 0, pixels.data() + sample * testing::fake_pixels);
    train_source->read(sample, 1, &labels[static_cast<size_t>(sample)]);
  }
  SlowSource slow({testing::fake_height, testing::fake_width, 1}, pixels, labels, "images", "labels");
  for (int workers : {0, 1, 3}) {
    TrainOptions more = options();
    more.train = &slow;
    more.threads = 4;
    more.input_workers = workers;
    EXPECT_EQ(train(more).weights_sha256, expected) << workers;
  }
  TrainOptions guarded = options();
  guarded.debug_arena = true;
  EXPECT_EQ(train(guarded).weights_sha256, expected);
}

TEST_F(TrainLoop, SeedAndOrderMatter) {
  std::string first = train(options()).weights_sha256;
  fake.training.shuffle = 0;
  EXPECT_NE(train(options()).weights_sha256, first);
  fake.training.shuffle = 1;
  fake.training.seed = 8;
  EXPECT_NE(train(options()).weights_sha256, first);
}

TEST_F(TrainLoop, EvaluationDoesNotDependOnItsBatch) {
  TrainResult expected = train(options());
  for (int64_t batch : {1, 7}) {
    TrainOptions other = options();
    other.evaluate_batch = batch;
    TrainResult result = train(other);
    EXPECT_EQ(result.test_loss, expected.test_loss);
    EXPECT_EQ(result.test_accuracy, expected.test_accuracy);
  }
}

TEST_F(TrainLoop, WrappedTailUsesEverySample) {
  fake.training.wrap_tail = 1;
  EXPECT_EQ(train(options()).steps, 3 * 26);
}

// A child trains and is killed, again and again, until one gets through.
TEST_F(TrainLoop, KilledAtRandomMomentsEndsWithTheSameBits) {
  fake.training.checkpoint_every_steps = 4;
  std::string whole = temporary.file("whole"), killed = temporary.file("killed");
  TrainResult expected = train(options(whole));

  uint64_t seed = static_cast<uint64_t>(getpid()) * 1000003;
  SCOPED_TRACE("seed " + std::to_string(seed));
  int kills = 0;
  for (uint64_t attempt = 0;; ++attempt) {
    ASSERT_LT(attempt, 200u);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      before_step = [](uint64_t) { usleep(200); };
      TrainOptions resumed = options(killed);
      resumed.resume = true;
      resumed.threads = attempt % 2 ? 2 : 1;
      try {
        train(resumed);
      } catch (const Error& error) {
        fprintf(stderr, "%s\n", error.what());
        _exit(1);
      }
      _exit(0);
    }
    // Later attempts get more time, so that the test ends on any machine.
    usleep(static_cast<useconds_t>(random::draw(seed, attempt) % (8000 + 2000 * attempt)));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    ++kills;
  }
  EXPECT_GT(kills, 1);
  TrainOptions resumed = options(killed);
  resumed.resume = true;
  TrainResult result = train(resumed);
  EXPECT_EQ(result.weights_sha256, expected.weights_sha256);
  EXPECT_EQ(result.steps, expected.steps);
  EXPECT_EQ(result.train_loss, expected.train_loss);
  EXPECT_EQ(result.test_accuracy, expected.test_accuracy);
  EXPECT_EQ(csv(killed), csv(whole));
  EXPECT_EQ(jsonl(killed), jsonl(whole));
  EXPECT_EQ(read_bytes(killed + "/report.html"), read_bytes(whole + "/report.html"));
}

TEST_F(TrainLoop, StopsOnSignalsAndResumesExactly) {
  std::string whole = temporary.file("whole"), stopped = temporary.file("stopped");
  TrainResult expected = train(options(whole));
  // In the middle of an epoch; at an epoch's last step, whose evaluation is then outstanding; SIGTERM.
  for (auto [step, number] : {std::pair<uint64_t, int>{10, SIGINT}, {24, SIGINT}, {60, SIGTERM}}) {
    before_step = [step = step, number = number](uint64_t now) {
      if (now == step) raise(number);
    };
    TrainOptions resumed = options(stopped);
    resumed.resume = true;
    TrainResult result = train(resumed);
    EXPECT_EQ(result.stopped_by_signal, number);
    EXPECT_EQ(result.steps, static_cast<int64_t>(step) + 1);
    EXPECT_TRUE(std::isnan(result.test_accuracy));
  }
  before_step = nullptr;
  TrainOptions resumed = options(stopped);
  resumed.resume = true;
  TrainResult result = train(resumed);
  EXPECT_EQ(result.stopped_by_signal, 0);
  EXPECT_EQ(result.weights_sha256, expected.weights_sha256);
  EXPECT_EQ(csv(stopped), csv(whole));
  EXPECT_EQ(jsonl(stopped), jsonl(whole));
  EXPECT_EQ(read_bytes(stopped + "/report.html"), read_bytes(whole + "/report.html"));
}

TEST_F(TrainLoop, SecondSignalKills) {
  pid_t child = fork();
  if (child == 0) {
    before_step = [](uint64_t step) {
      if (step == 3) {
        raise(SIGINT);
        raise(SIGINT);
      }
    };
    train(options());
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGINT);
}

TEST_F(TrainLoop, MaxStepsThenMoreIsTheSameRun) {
  std::string whole = temporary.file("whole"), parts = temporary.file("parts");
  TrainResult expected = train(options(whole));
  for (int64_t steps : {1, 24, 25, 40, 0}) {
    TrainOptions part = options(parts);
    part.resume = true;
    part.max_steps = steps;
    TrainResult result = train(part);
    EXPECT_EQ(result.steps, steps ? steps : expected.steps);
    EXPECT_TRUE(std::isfinite(result.test_accuracy)) << steps;
    EXPECT_TRUE(std::isfinite(result.train_loss)) << steps;
    if (steps == 0) {
      EXPECT_EQ(result.weights_sha256, expected.weights_sha256);
    }
  }
  EXPECT_EQ(csv(parts), csv(whole));
  EXPECT_EQ(jsonl(parts), jsonl(whole));
  EXPECT_EQ(read_bytes(parts + "/report.html"), read_bytes(whole + "/report.html"));
}

TEST_F(TrainLoop, DivergenceNamesTheStepAndKeepsTheGoodCheckpoint) {
  std::string run = temporary.file("run");
  fake.training.checkpoint_every_steps = 10;
  fake.training.schedule = {};
  fake.training.schedule.kind = KILN_SCHEDULE_STEP;
  fake.training.schedule.base = 0.1;
  fake.training.schedule.gamma = 1e60; // infinite as a float
  fake.training.schedule.every = 13;   // first felt by the update of step 14
  Error error = error_of([&] { train(options(run)); });
  EXPECT_EQ(error.kind, ErrorKind::diverged);
  EXPECT_THAT(error.message, HasSubstr("the loss is NaN at step 15 (epoch 1,"));
  EXPECT_THAT(error.message, HasSubstr(last_checkpoint_path(run + "/checkpoints")));
  Instance instance(fake.program, {});
  EXPECT_EQ(load_checkpoint(last_checkpoint_path(run + "/checkpoints"), instance, false).position.step, 10);
}

TEST_F(TrainLoop, NotFiniteWeightsAreNeverSaved) {
  std::string run = temporary.file("run");
  fake.training.checkpoint_every_steps = 1;
  fake.training.schedule = {};
  fake.training.schedule.kind = KILN_SCHEDULE_STEP;
  fake.training.schedule.base = 0.1;
  fake.training.schedule.gamma = 1e60;
  fake.training.schedule.every = 5;
  Error error = error_of([&] { train(options(run)); });
  EXPECT_EQ(error.kind, ErrorKind::diverged);
  EXPECT_THAT(error.message, HasSubstr("after step 6"));
  Instance instance(fake.program, {});
  EXPECT_EQ(load_checkpoint(last_checkpoint_path(run + "/checkpoints"), instance, false).position.step, 5);
}

TEST_F(TrainLoop, DamagedLastCheckpointFallsBackToThePreviousOne) {
  std::string whole = temporary.file("whole"), damaged = temporary.file("damaged");
  TrainResult expected = train(options(whole));
  TrainOptions part = options(damaged);
  part.max_steps = 60;
  train(part);
  std::string last = last_checkpoint_path(damaged + "/checkpoints");
  std::string bytes = read_bytes(last);
  bytes[bytes.size() - 9] ^= 1;
  write_bytes(last, bytes);
  TrainOptions resumed = options(damaged);
  resumed.resume = true;
  EXPECT_EQ(train(resumed).weights_sha256, expected.weights_sha256);
  EXPECT_EQ(csv(damaged), csv(whole));
  EXPECT_EQ(jsonl(damaged), jsonl(whole));
  EXPECT_EQ(read_bytes(damaged + "/report.html"), read_bytes(whole + "/report.html"));

  for (const std::string& path : {last, previous_checkpoint_path(damaged + "/checkpoints")})
    write_bytes(path, bytes.substr(0, bytes.size() / 2));
  Error error = error_of([&] { train(resumed); });
  EXPECT_EQ(error.kind, ErrorKind::data);
  EXPECT_THAT(error.message, HasSubstr("previous.safetensors"));
  EXPECT_THAT(error.message, HasSubstr("truncated"));
}

TEST_F(TrainLoop, ResumeRefusesAnotherPlanSeedOrDataSet) {
  std::string run = temporary.file("run");
  TrainOptions part = options(run);
  part.max_steps = 30;
  train(part);

  TrainOptions resumed = options(run);
  resumed.resume = true;
  fake.program.plan_hash = "2222222222222222222222222222222222222222222222222222222222222222";
  Error error = error_of([&] { train(resumed); });
  EXPECT_EQ(error.kind, ErrorKind::mismatch);
  EXPECT_THAT(error.message, HasSubstr("--replan"));
  resumed.replan = true;
  resumed.max_steps = 31;
  EXPECT_EQ(train(resumed).steps, 31);
  resumed.replan = false;
  // What is refused leaves the description of the run as it was.
  fake.program.experiment = "network { name: \"other\" }\n";
  fake.program.plan_hash = "3333333333333333333333333333333333333333333333333333333333333333";
  EXPECT_EQ(error_of([&] { train(resumed); }).kind, ErrorKind::mismatch);
  EXPECT_EQ(read_bytes(run + "/experiment.textproto"), "network { name: \"fake\" }\n");
  fake.program.plan_hash = "2222222222222222222222222222222222222222222222222222222222222222";

  fake.training.seed = 9;
  EXPECT_THAT(error_of([&] { train(resumed); }).message, HasSubstr("made with seed 7, this run has seed 9"));
  fake.training.seed = 7;
  auto other = bright_rows(100, 1);
  resumed.train = other.get();
  EXPECT_THAT(error_of([&] { train(resumed); }).message, HasSubstr("203 samples, it has 100 now"));
}

TEST_F(TrainLoop, SamplesSeenAgainUnderAnotherBatchCountOnce) {
  std::string run = temporary.file("run");
  TrainOptions part = options(run);
  part.max_steps = 3; // 24 samples, of which batches of 16 keep 16
  const double accuracy = train(part).train_accuracy;
  part.resume = true;
  FakeProgram other;
  other.training.batch = 16;
  part.program = &other.program;
  part.training = &other.training;
  part.replan = true;
  TrainResult resumed = train(part);
  EXPECT_EQ(resumed.steps, 3);
  EXPECT_NEAR(resumed.train_accuracy, accuracy, 1e-12);
}

TEST_F(TrainLoop, RefusesADirectoryInUse) {
  std::string run = temporary.file("run");
  TrainOptions part = options(run);
  part.max_steps = 2;
  train(part);
  Error error = error_of([&] { train(part); });
  EXPECT_EQ(error.kind, ErrorKind::usage);
  EXPECT_THAT(error.message, HasSubstr("--resume"));
  part.resume = true;
  before_step = [&](uint64_t step) {
    if (step != 2) return;
    Error inner = error_of([&] { train(part); });
    EXPECT_THAT(inner.message, HasSubstr("another process"));
  };
  part.max_steps = 3;
  EXPECT_EQ(train(part).steps, 3);
}

TEST_F(TrainLoop, WeightsAreStartedFrom) {
  std::string run = temporary.file("run");
  TrainResult first = train(options(run));
  TrainOptions tuned = options();
  tuned.weights = last_checkpoint_path(run + "/checkpoints");
  fake.training.epochs = 0;
  TrainResult result = train(tuned);
  EXPECT_EQ(result.weights_sha256, first.weights_sha256);
  EXPECT_EQ(result.test_accuracy, first.test_accuracy);
}

TEST_F(TrainLoop, BadDataIsRefusedBeforeTheFirstStep) {
  before_step = [](uint64_t) { FAIL() << "a step was run"; };
  ImageShape shape{testing::fake_height, testing::fake_width, 1};
  std::vector<uint8_t> pixels(static_cast<size_t>(20 * testing::fake_pixels));
  std::vector<int32_t> labels(20, 1);
  labels[13] = 3;
  MemorySource bad(shape, pixels, labels, "images.gz", "labels.gz");
  TrainOptions options = this->options(temporary.file("run"));
  options.train = &bad;
  Error error = error_of([&] { train(options); });
  EXPECT_EQ(error.kind, ErrorKind::data);
  EXPECT_EQ(error.message, "labels.gz: sample 13: label 3, but the network has 3 classes (labels 0 to 2)");
  EXPECT_FALSE(file_exists(temporary.file("run/experiment.textproto")));

  MemorySource wide({2, 6, 1}, pixels, std::vector<int32_t>(20, 1), "images.gz", "labels.gz");
  options.train = &wide;
  EXPECT_THAT(error_of([&] { train(options); }).message, HasSubstr("images are 2x6x1"));
  MemorySource few(shape, std::vector<uint8_t>(7 * testing::fake_pixels), std::vector<int32_t>(7, 1), "i", "l");
  options.train = &few;
  EXPECT_THAT(error_of([&] { train(options); }).message, HasSubstr("7 samples, fewer than one batch of 8"));
}

TEST_F(TrainLoop, DirectoryThatCannotBeMadeIsAClearError) {
  write_bytes(temporary.file("file"), "");
  Error error = error_of([&] { train(options(temporary.file("file/run"))); });
  EXPECT_EQ(error.kind, ErrorKind::runtime);
  EXPECT_THAT(error.message, HasSubstr(temporary.file("file")));
  EXPECT_THAT(error.message, HasSubstr("Not a directory"));
}

TEST_F(TrainLoop, StepsAllocateNothing) {
  fake.training.epochs = 1;
  train_source = bright_rows(8 * 400, 1);
  for (int threads : {1, 2}) {
    int64_t at_start = 0, at_end = 0;
    before_step = [&](uint64_t step) {
      if (step == 5) at_start = testing::allocation_count();
      if (step == 395) at_end = testing::allocation_count();
    };
    TrainOptions with_files = options(temporary.file(std::to_string(threads)));
    with_files.threads = threads;
    train(with_files);
    EXPECT_GT(at_start, 0);
    EXPECT_EQ(at_end - at_start, 0) << threads << " threads";
  }
}

} // namespace
} // namespace kiln::runtime
