// Records that cannot be read: what a batch holds in their place, what is noted, and what a scan of everything finds.
#include "runtime/batch_reader.h"
#include "runtime/derived_sources.h"
#include "runtime/scan_data.h"
#include "tests/runtime/data_problem.h"
#include "tests/runtime/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

namespace kiln::runtime {
namespace {

using testing::data_problem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_bytes;
using testing::TemporaryDirectory;
using testing::write_bytes;

// Each image is filled with its number; some cannot be read.
class BrokenSource : public DataSource {
public:
  BrokenSource(int64_t size, std::set<int64_t> broken) : size_(size), broken_(std::move(broken)) {}
  int64_t size() const override { return size_; }
  std::span<const Field> fields() const override { return fields_; }
  void read(int64_t index, size_t field, void* out) const override {
    if (field == 1) {
      *static_cast<int32_t*>(out) = static_cast<int32_t>(index % 2);
      return;
    }
    if (broken_.contains(index)) throw Error(ErrorKind::data, describe(index) + ": broken");
    std::fill_n(static_cast<uint8_t*>(out), 4, static_cast<uint8_t>(index));
  }
  std::string describe(int64_t index) const override { return "file" + std::to_string(index); }
  bool in_memory() const override { return false; }

private:
  std::vector<Field> fields_ = {image_field({2, 2, 1}), class_label_field()};
  int64_t size_;
  std::set<int64_t> broken_;
};

// Memory for the rows of a batch.
struct Rows {
  explicit Rows(size_t rows) : images(4 * rows, 77), labels(rows, 77) {}

  std::vector<uint8_t> images;
  std::vector<int32_t> labels;
  char* parts[2] = {reinterpret_cast<char*>(images.data()), reinterpret_cast<char*>(labels.data())};
};

std::vector<int64_t> upto(int64_t count) {
  std::vector<int64_t> indices(static_cast<size_t>(count));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

TEST(BatchReader, PutsTheNextGoodSampleInAPlaceOfABadOne) {
  BrokenSource source(10, {2, 3, 9});
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    BadRecords bad;
    BatchReader reader(source, {0, 1}, Split::train, &bad);
    Rows rows(10);
    reader.read(upto(10), rows.parts, &pool);
    std::vector<int> got;
    for (size_t row = 0; row < 10; ++row) {
      got.push_back(rows.images[4 * row]);
      EXPECT_EQ(rows.labels[row], rows.images[4 * row] % 2);
    }
    EXPECT_THAT(got, ElementsAre(0, 1, 4, 4, 4, 5, 6, 7, 8, 0));
    EXPECT_EQ(bad.count(), 3);
  }
}

TEST(BatchReader, FailsWithTheFirstBadRowWhateverTheThreads) {
  BrokenSource source(100, {37, 38, 90});
  Rows rows(100);
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    BatchReader reader(source, {0, 1}, Split::train, nullptr);
    for (int repetition = 0; repetition < 20; ++repetition)
      EXPECT_EQ(data_problem([&] { reader.read(upto(100), rows.parts, &pool); }), "file37: broken");
  }
}

TEST(BatchReader, MarksBadRowsForAnEvaluation) {
  BrokenSource source(4, {1});
  BadRecords bad;
  BatchReader reader(source, {0, 1}, Split::test, &bad);
  Rows rows(4);
  std::vector<uint8_t> was_read(4);
  reader.read_marked(upto(4), rows.parts, was_read, nullptr);
  EXPECT_THAT(was_read, ElementsAre(1, 0, 1, 1));
  EXPECT_EQ(rows.images[4], 0);
  EXPECT_EQ(rows.labels[1], 0);
}

TEST(BatchReader, DoesNotTakeALostDiskForBadFiles) {
  std::set<int64_t> all;
  for (int64_t index = 0; index < 500; ++index) all.insert(index);
  BrokenSource source(500, all);
  BadRecords bad;
  BatchReader reader(source, {0, 1}, Split::train, &bad);
  Rows rows(1);
  EXPECT_THAT(data_problem([&] { reader.read(upto(1), rows.parts, nullptr); }),
              HasSubstr("100 records in a row cannot be read, the last: file99: broken"));
}

TEST(BadRecords, AreListedSortedAndReadBack) {
  TemporaryDirectory temporary;
  const std::string path = temporary.file("bad_records.txt");
  BadRecords bad;
  bad.save(path);
  EXPECT_FALSE(std::filesystem::exists(path)) << "nothing to list";
  EXPECT_TRUE(bad.note(Split::train, 12, "b.jpg: damaged\nJPEG"));
  EXPECT_FALSE(bad.note(Split::train, 12, "again"));
  EXPECT_TRUE(bad.note(Split::test, 3, "c.jpg: gone"));
  EXPECT_TRUE(bad.note(Split::train, 2, "a.jpg: gone"));
  bad.save(path);
  const std::string text = "test\t3\tc.jpg: gone\ntrain\t2\ta.jpg: gone\ntrain\t12\tb.jpg: damaged JPEG\n";
  EXPECT_EQ(read_bytes(path), text);
  BadRecords again;
  again.load(path);
  EXPECT_EQ(again.count(), 3);
  EXPECT_FALSE(again.note(Split::train, 2, "a.jpg: gone"));
  again.save(path);
  EXPECT_EQ(read_bytes(path), text);
  write_bytes(path, "nonsense\n\ntrain\tx\ty\n");
  BadRecords none;
  none.load(path);
  EXPECT_EQ(none.count(), 0);
}

class Scan : public ::testing::Test {
protected:
  // Images of one byte each.
  void add(Split split, std::vector<uint8_t> pixels, std::vector<int32_t> labels) {
    data.sources[split] = std::make_shared<MemorySource>(ImageShape{1, 1, 1}, std::move(pixels), std::move(labels),
                                                         "images", name_of(split));
  }
  std::vector<std::string> findings(int64_t classes, std::optional<int64_t> ignored = {}) {
    ThreadPool pool(2);
    int64_t shown = 0;
    scan = scan_data(data, {classes, ignored}, pool, [&](int64_t done, int64_t all) {
      EXPECT_LE(done, all);
      shown = done;
    });
    std::vector<std::string> messages;
    for (const Finding& finding : scan.findings) messages.push_back(finding.message);
    EXPECT_GT(shown, 0);
    return messages;
  }

  DataSplits data;
  DataScan scan;
};

TEST_F(Scan, FindsNothingInGoodData) {
  add(Split::train, {1, 2, 3}, {0, 1, 1});
  add(Split::test, {4, 5}, {1, 0});
  EXPECT_THAT(findings(2), ElementsAre());
  EXPECT_FALSE(scan.has_errors());
  EXPECT_THAT(scan.class_counts[Split::train], ElementsAre(1, 2));
}

TEST_F(Scan, NamesEverythingThatIsWrong) {
  data.class_names = {"cat", "dog", "emu"};
  add(Split::train, {1, 2, 3, 1}, {0, 1, 7, 1});
  add(Split::test, {9, 2, 8}, {0, 1, 0});
  EXPECT_THAT(findings(3), ElementsAre("train: sample 2: label 7, but the network has 3 classes (labels 0 to 2)",
                                       "class 2 (emu) has no train sample", "class 2 (emu) has no test sample",
                                       "test: sample 1 (test) is the same picture as train: sample 1 (train)",
                                       "train: sample 3 (label 1) is the same picture as train: sample 0 (label 0)"));
  EXPECT_TRUE(scan.has_errors());
}

TEST_F(Scan, PassesOverTheLabelThatTheLossIgnores) {
  add(Split::train, {1, 2, 3, 4}, {0, 1, 255, 7});
  EXPECT_THAT(findings(2, 255),
              ElementsAre("train: sample 3: label 7, but the network has 2 classes (labels 0 to 1; 255 is ignored)"));
  EXPECT_THAT(scan.class_counts[Split::train], ElementsAre(1, 1));
}

TEST_F(Scan, WarnsOfImbalanceFromTenToOne) {
  std::vector<uint8_t> pixels(20);
  std::iota(pixels.begin(), pixels.end(), 0);
  std::vector<int32_t> labels(20, 0);
  labels[3] = labels[4] = 1;
  add(Split::train, pixels, labels);
  EXPECT_THAT(findings(2), ElementsAre()) << "18 to 2";
  labels[4] = 0;
  add(Split::train, pixels, labels);
  EXPECT_THAT(findings(2), ElementsAre("class 0 has 19 training samples, class 1 has 1"));
  EXPECT_FALSE(scan.has_errors());
}

TEST_F(Scan, ListsAllThatCannotBeRead) {
  std::set<int64_t> broken;
  for (int64_t index = 0; index < 600; index += 2) broken.insert(index);
  data.sources[Split::train] = std::make_shared<BrokenSource>(600, broken);
  const std::vector<std::string> messages = findings(2);
  ASSERT_GE(messages.size(), 300u);
  for (size_t at = 0; at < 300; ++at) ASSERT_EQ(messages[at], "file" + std::to_string(2 * at) + ": broken");
}

} // namespace
} // namespace kiln::runtime
