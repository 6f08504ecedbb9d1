// Checkpoints and weights: exact round trips, refusals, load reports, and the hash that identifies weights.
#include "runtime/checkpoint.h"

#include "runtime/error.h"
#include "runtime/instance.h"
#include "runtime/safetensors.h"
#include "runtime/sha256.h"
#include "runtime/weights_hash.h"
#include "tests/runtime/fake_program.h"
#include "tests/runtime/temporary_directory.h"

#include <cmath>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

using ::testing::ElementsAre;
using testing::FakeProgram;
using ::testing::HasSubstr;
using testing::read_bytes;
using testing::TemporaryDirectory;
using testing::write_bytes;

class Checkpoint : public ::testing::Test {
protected:
  Checkpoint() { instance.initialize(3); }

  CheckpointInfo info() const {
    CheckpointInfo info;
    info.position = {2,     120,          77,       1.0 / 3,   55,         120, 0.25, 0.875,
                     0.125, not_measured, {0.5, 2}, {0.25, 1}, {0.125, 0}, 3,   1};
    info.seed = 18446744073709551615u;
    info.batch = 8;
    info.train_samples = 203;
    info.plan_hash = fake.program.plan_hash;
    info.experiment = "network {\n  name: \"gr\xc3\xbc\xc3\x9f\"\n}\n";
    return info;
  }

  std::vector<float> state(const Instance& instance, std::string_view name) const {
    int index = instance.find_state(name);
    std::vector<float> values(static_cast<size_t>(logical_bytes(fake.program.states[index].tensor)) / 4);
    instance.read_state(index, values.data());
    return values;
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
  std::string last = last_checkpoint_path(temporary.path());
  std::string previous = previous_checkpoint_path(temporary.path());
  Instance instance{fake.program, {}};
};

TEST_F(Checkpoint, RoundTrip) {
  float momentum[3] = {1, 2, 3};
  instance.write_state(instance.find_state("fc.bias.momentum"), momentum);
  save_checkpoint(temporary.path(), instance, info());
  Instance other(fake.program, {});
  CheckpointInfo got = load_checkpoint(last, other, false);
  EXPECT_EQ(got.position.epoch, 2);
  EXPECT_EQ(got.position.samples, 120);
  EXPECT_EQ(got.position.step, 77);
  EXPECT_EQ(got.position.loss_sum, 1.0 / 3);
  EXPECT_EQ(got.position.last_test_loss, 0.125);
  EXPECT_TRUE(std::isnan(got.position.last_test_accuracy));
  EXPECT_EQ(got.seed, 18446744073709551615u);
  EXPECT_EQ(got.experiment, info().experiment);
  EXPECT_EQ(state(other, "fc.weight"), state(instance, "fc.weight"));
  EXPECT_THAT(state(other, "fc.bias.momentum"), ElementsAre(1, 2, 3));
  SafetensorsFile file(last);
  EXPECT_NE(file.find("optimizer/fc.weight.momentum"), nullptr);
  EXPECT_NE(file.find("count"), nullptr);
  EXPECT_EQ(file.find("fc.weight")->shape, (std::vector<int64_t>{3, 12}));
}

TEST_F(Checkpoint, TheLastOneBecomesThePreviousOne) {
  CheckpointInfo saved = info();
  save_checkpoint(temporary.path(), instance, saved);
  EXPECT_FALSE(file_exists(previous));
  for (int64_t step : {78, 79}) {
    saved.position.step = step;
    save_checkpoint(temporary.path(), instance, saved);
    EXPECT_EQ(load_checkpoint(last, instance, false).position.step, step);
    EXPECT_EQ(load_checkpoint(previous, instance, false).position.step, step - 1);
  }
}

TEST_F(Checkpoint, ADamagedLastOneNeverReplacesThePreviousOne) {
  CheckpointInfo saved = info();
  save_checkpoint(temporary.path(), instance, saved);
  saved.position.step = 78;
  save_checkpoint(temporary.path(), instance, saved);
  write_bytes(last, read_bytes(last).substr(0, 100));
  EXPECT_EQ(resume_checkpoint(temporary.path(), instance, false).info.position.step, 77);
  EXPECT_FALSE(file_exists(last));
  EXPECT_EQ(load_checkpoint(previous, instance, false).position.step, 77);
  saved.position.step = 79;
  save_checkpoint(temporary.path(), instance, saved);
  EXPECT_EQ(load_checkpoint(last, instance, false).position.step, 79);
  EXPECT_EQ(load_checkpoint(previous, instance, false).position.step, 77);
}

TEST_F(Checkpoint, EveryDamageIsFound) {
  save_checkpoint(temporary.path(), instance, info());
  std::string whole = read_bytes(last);
  size_t payload = SafetensorsFile(last).tensors().back().end;
  for (size_t at = whole.size() - payload; at < whole.size(); at += 31) {
    std::string damaged = whole;
    damaged[at] ^= 4;
    write_bytes(last, damaged);
    Error error = error_of([&] { load_checkpoint(last, instance, false); });
    EXPECT_EQ(error.kind, ErrorKind::data);
    EXPECT_THAT(error.message, HasSubstr("damaged"));
  }
  for (size_t length = 0; length < whole.size(); length += 13) {
    write_bytes(last, whole.substr(0, length));
    EXPECT_EQ(error_of([&] { load_checkpoint(last, instance, false); }).kind, ErrorKind::data);
  }
}

TEST_F(Checkpoint, NotFiniteStatesAreNotSaved) {
  save_checkpoint(temporary.path(), instance, info());
  float bad[3] = {1, std::nanf(""), 3};
  instance.write_state(instance.find_state("fc.bias"), bad);
  Error error = error_of([&] { save_checkpoint(temporary.path(), instance, info()); });
  EXPECT_EQ(error.kind, ErrorKind::diverged);
  EXPECT_THAT(error.message, HasSubstr("\"fc.bias\" holds NaN after step 77"));
  EXPECT_FALSE(file_exists(previous));
  EXPECT_NO_THROW(load_checkpoint(last, instance, false));
}

TEST_F(Checkpoint, AnotherPlanIsRefused) {
  save_checkpoint(temporary.path(), instance, info());
  fake.program.plan_hash = "abcdef";
  EXPECT_EQ(error_of([&] { load_checkpoint(last, instance, false); }).kind, ErrorKind::mismatch);
  EXPECT_NO_THROW(load_checkpoint(last, instance, true));
}

TEST_F(Checkpoint, FilesThatAreNoCheckpointsAreNamed) {
  save_weights(last, instance);
  Error error = error_of([&] { load_checkpoint(last, instance, false); });
  EXPECT_EQ(error.kind, ErrorKind::data);
  EXPECT_THAT(error.message, HasSubstr("not a checkpoint of a training run"));
  EXPECT_FALSE(resume_checkpoint(temporary.file("none"), instance, false).found);
}

TEST_F(Checkpoint, ADirectoryThatCannotBeWrittenIsARuntimeError) {
  Error error = error_of([&] { save_checkpoint(temporary.file("missing"), instance, info()); });
  EXPECT_EQ(error.kind, ErrorKind::runtime);
  EXPECT_THAT(error.message, HasSubstr("No such file or directory"));
}

TEST_F(Checkpoint, WeightsAreLoadedByNameWithAReport) {
  std::string path = temporary.file("w.safetensors");
  {
    SafetensorsWriter writer(path,
                             {{"fc.bias", "F32", {3}},
                              {"fc.weight", "F32", {3, 11}},
                              {"extra", "F32", {1}},
                              {"optimizer/fc.bias.momentum", "F32", {3}}},
                             {});
    std::vector<float> values(3 + 33 + 1 + 3, 5);
    writer.write(values.data(), values.size() * 4);
    writer.commit();
  }
  std::vector<float> before = state(instance, "fc.weight");
  LoadReport report = load_weights(path, instance);
  EXPECT_THAT(report.loaded, ElementsAre("fc.bias"));
  EXPECT_THAT(report.missing, ElementsAre("count"));
  EXPECT_THAT(report.unused, ElementsAre("extra"));
  EXPECT_THAT(report.mismatched, ElementsAre("\"fc.weight\": the file has F32[3,11], the network F32[3,12]"));
  EXPECT_EQ(report.summary(), path +
                                  ": 1 of 3 tensors loaded; missing: count; not fitting: \"fc.weight\": the file has "
                                  "F32[3,11], the network F32[3,12]; unused: extra");
  EXPECT_THAT(state(instance, "fc.bias"), ElementsAre(5, 5, 5));
  EXPECT_THAT(state(instance, "fc.bias.momentum"), ElementsAre(0, 0, 0));
  EXPECT_EQ(state(instance, "fc.weight"), before);
  EXPECT_EQ(error_of([&] { require_complete(report); }).kind, ErrorKind::data);
}

TEST_F(Checkpoint, WeightsOfACheckpointAreComplete) {
  save_checkpoint(temporary.path(), instance, info());
  Instance other(fake.program, {});
  EXPECT_NO_THROW(require_complete(load_weights(last, other)));
  EXPECT_EQ(weights_sha256(other), weights_sha256(instance));
  save_weights(temporary.file("w"), instance);
  other.initialize(9);
  EXPECT_TRUE(load_weights(temporary.file("w"), other).complete());
  EXPECT_EQ(weights_sha256(other), weights_sha256(instance));
}

TEST_F(Checkpoint, WeightsOfNothingFittingAreAnError) {
  std::string path = temporary.file("w.safetensors");
  {
    SafetensorsWriter writer(path, {{"other", "U8", {1}}}, {});
    writer.write("x", 1);
    writer.commit();
  }
  Error error = error_of([&] { load_weights(path, instance); });
  EXPECT_EQ(error.kind, ErrorKind::data);
  EXPECT_THAT(error.message, HasSubstr("no tensor of the file fits this network"));
}

TEST_F(Checkpoint, WeightsHashIsOverNamesInOrderWithoutOptimizer) {
  std::string content;
  for (const char* name : {"count", "fc.bias", "fc.weight"}) {
    std::vector<float> values = state(instance, name);
    content.append(reinterpret_cast<const char*>(values.data()), values.size() * 4);
  }
  EXPECT_EQ(weights_sha256(instance), sha256_hex(content));
  std::string before = weights_sha256(instance);
  float momentum[3] = {1, 2, 3};
  instance.write_state(instance.find_state("fc.bias.momentum"), momentum);
  EXPECT_EQ(weights_sha256(instance), before);
  instance.write_state(instance.find_state("fc.bias"), momentum);
  EXPECT_NE(weights_sha256(instance), before);
}

} // namespace
} // namespace kiln::runtime
