// Data sets opened as an experiment describes them: what a survey promises is what opening gives, for every source.
#include "runtime/derived_sources.h"
#include "runtime/open_data.h"
#include "tests/runtime/data_problem.h"
#include "tests/runtime/temporary_directory.h"
#include "tests/support/array_files.h"
#include "tests/support/image_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <thread>

namespace kiln::runtime {
namespace {

using kiln::testing::encode_jpeg;
using kiln::testing::encode_npy;
using kiln::testing::encode_png;
using kiln::testing::encode_pnm;
using kiln::testing::encode_zip;
using kiln::testing::gradient_image;
using testing::data_problem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;
using testing::write_bytes;

class OpenData : public ::testing::Test {
protected:
  std::string add(const std::string& name, const std::string& content) {
    const std::string path = temporary.file(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    write_bytes(path, content);
    return path;
  }

  // Survey and data agree; the data are returned.
  DataSplits open() {
    const DataSurvey survey = survey_data(description);
    DataSplits data = open_data(description);
    EXPECT_EQ(survey.class_names, data.class_names);
    for (Split split : all_splits) {
      EXPECT_EQ(survey.samples[split], data[split] ? data[split]->size() : 0) << name_of(split);
      if (data[split]) {
        EXPECT_EQ(survey.shape, data[split]->image_shape());
      }
    }
    return data;
  }

  static std::vector<uint8_t> pixels_of(const DataSource& source, int64_t index) {
    std::vector<uint8_t> pixels(static_cast<size_t>(source.image_shape().bytes()));
    source.read(index, 0, pixels.data());
    return pixels;
  }

  TemporaryDirectory temporary;
  DataDescription description;
};

TEST_F(OpenData, FolderOfEveryFormat) {
  const Image image = gradient_image({12, 16, 3});
  add("train/cat/1.jpg", encode_jpeg(image, {.quality = 100}));
  add("train/cat/2.png", encode_png(image));
  add("train/dog/3.ppm", encode_pnm(image, false));
  add("train/dog/really a png.jpg", encode_png(image));
  add("test/dog/4.ppm", encode_pnm(gradient_image({12, 16, 3}, 1), true));
  description.source = FolderData{{{temporary.file("train"), "", temporary.file("test")}}};
  description.fit.target = {12, 16, 3};
  const DataSplits data = open();
  EXPECT_THAT(data.class_names, ElementsAre("cat", "dog"));
  EXPECT_EQ(data[Split::validation], nullptr);
  EXPECT_EQ(data.watched(), data[Split::test]);
  const DataSource& train = *data[Split::train];
  ASSERT_EQ(train.size(), 4);
  for (int64_t index = 1; index < 4; ++index) EXPECT_EQ(pixels_of(train, index), image.pixels) << index;
  const std::vector<uint8_t> jpeg = pixels_of(train, 0);
  for (size_t at = 0; at < jpeg.size(); ++at) EXPECT_NEAR(jpeg[at], image.pixels[at], 4);
  EXPECT_THAT(train.describe(2), HasSubstr("train/dog/3.ppm"));
  EXPECT_EQ(train.read_class(2), 1);
  const DataSurvey survey = survey_data(description);
  ASSERT_EQ(survey.problems.size(), 1u);
  EXPECT_THAT(survey.problems[0].message, HasSubstr("test/cat: the directory of a class is missing"));
}

TEST_F(OpenData, FolderWithAnUnknownClassIsRefused) {
  add("train/cat/1.png", encode_png(gradient_image({4, 4, 3})));
  add("test/dgo/1.png", encode_png(gradient_image({4, 4, 3})));
  description.source = FolderData{{{temporary.file("train"), "", temporary.file("test")}}};
  description.fit.target = {4, 4, 3};
  EXPECT_THAT(data_problem([&] { open_data(description); }), HasSubstr("test/dgo: no class has this name"));
  const DataSurvey survey = survey_data(description);
  EXPECT_FALSE(survey.problems[0].is_warning);
}

TEST_F(OpenData, ListsWithNamesInTheClassesOrder) {
  add("a.png", encode_png(gradient_image({4, 4, 1})));
  add("b.png", encode_png(gradient_image({5, 6, 3})));
  const std::string train = add("train.csv", "a.png,dog\nb.png,cat\n");
  const std::string test = add("test.txt", "a.png dog\n");
  description.source = ListData{{{train, "", test}}, {}};
  description.fit.target = {4, 4, 1};
  EXPECT_EQ(open()[Split::train]->read_class(0), 1);
  description.class_names = {"dog", "cat"};
  const DataSplits data = open();
  EXPECT_EQ(data[Split::train]->read_class(0), 0);
  EXPECT_EQ(pixels_of(*data[Split::test], 0), gradient_image({4, 4, 1}).pixels);
  EXPECT_EQ(pixels_of(*data[Split::train], 1).size(), 16u) << "resized and grey";
  EXPECT_EQ(data[Split::train]->stored_shape(1), (ImageShape{5, 6, 3}));
}

TEST_F(OpenData, SplitTakesSamplesAway) {
  for (int sample = 0; sample < 20; ++sample) {
    const std::string number = std::to_string(sample);
    add("all/" + std::string(sample % 2 ? "odd/" : "even/") + number + ".pgm",
        "P5 1 1 255 " + std::string(1, static_cast<char>(sample)));
  }
  description.source = FolderData{{{temporary.file("all"), "", ""}}};
  description.fit.target = {1, 1, 1};
  description.split = {.validation = 0.2, .test = 0.3};
  for (int64_t cache : {0, 1 << 20}) {
    description.cache_bytes = cache;
    const DataSplits data = open();
    EXPECT_EQ(data.watched_split(), Split::validation);
    std::set<int> values;
    for (Split split : all_splits) {
      ASSERT_EQ(data[split]->size(), split == Split::train ? 10 : split == Split::test ? 6 : 4);
      for (int64_t index = 0; index < data[split]->size(); ++index) {
        const int value = pixels_of(*data[split], index)[0];
        EXPECT_EQ(value % 2, data[split]->read_class(index));
        EXPECT_THAT(data[split]->describe(index), HasSubstr("/" + std::to_string(value) + ".pgm"));
        EXPECT_TRUE(values.insert(value).second) << "in two splits";
        EXPECT_EQ(pixels_of(*data[split], index)[0], value) << "read again";
      }
    }
  }
}

std::string cifar_records(int count) {
  std::string records;
  for (int record = 0; record < count; ++record)
    records += static_cast<char>(record % 10) + std::string(3072, static_cast<char>(record));
  return records;
}

TEST_F(OpenData, CifarIsResizedWhenAskedTo) {
  CifarData cifar;
  cifar.files[Split::train] = {add("1.bin", cifar_records(10)), add("2.bin", cifar_records(20))};
  cifar.files[Split::test] = {add("t.bin", cifar_records(10))};
  cifar.class_names = {"a", "b"};
  description.source = cifar;
  {
    const DataSplits data = open();
    EXPECT_EQ(data[Split::train]->size(), 30);
    EXPECT_EQ(data[Split::train]->image_shape(), cifar_shape);
    EXPECT_TRUE(data[Split::train]->in_memory());
    EXPECT_EQ(data[Split::train]->describe(9), temporary.file("1.bin") + ": sample 9");
    EXPECT_EQ(data[Split::train]->describe(10), temporary.file("2.bin") + ": sample 0");
    EXPECT_EQ(data[Split::train]->read_class(11), 1);
  }
  description.resizes = true;
  description.fit.target = {8, 9, 1};
  const DataSplits data = open();
  EXPECT_EQ(pixels_of(*data[Split::train], 12), std::vector<uint8_t>(72, 2));
  description.split.validation = 0.1;
  EXPECT_EQ(open()[Split::train]->size(), 20) << "at least one of each class";
}

TEST_F(OpenData, NumpyArraysOfOneArchive) {
  const std::string label = encode_npy("|u1", "(2,)", std::string("\1\0", 2));
  const std::string file = add("a.npz", encode_zip({{"x_train.npy", encode_npy("|u1", "(2, 1, 2)", "abcd")},
                                                    {"y_train.npy", label},
                                                    {"x_test.npy", encode_npy("|u1", "(2, 1, 2)", "efgh")},
                                                    {"y_test.npy", label}},
                                                   true));
  NpyData npy;
  npy.arrays[Split::train] = {{file, "x_train"}, {file, "y_train"}, {}, false};
  npy.arrays[Split::test] = {{file, "x_test"}, {file, "y_test"}, {}, false};
  description.source = npy;
  const DataSplits data = open();
  EXPECT_EQ(pixels_of(*data[Split::test], 1), (std::vector<uint8_t>{'g', 'h'}));
  EXPECT_EQ(data[Split::train]->read_class(0), 1);
  npy.arrays[Split::test].image.array = "x_train2";
  description.source = npy;
  EXPECT_THAT(data_problem([&] { survey_data(description); }), HasSubstr("no array named \"x_train2\""));
}

TEST_F(OpenData, TheCacheKeepsWholeSplitsAsFarAsTheyFit) {
  const std::string image = encode_pnm(gradient_image({4, 4, 1}), false);
  for (int sample = 0; sample < 3; ++sample) add("train/a/" + std::to_string(sample) + ".pgm", image);
  add("test/a/0.pgm", image);
  description.source = FolderData{{{temporary.file("train"), "", temporary.file("test")}}};
  description.fit.target = {4, 4, 1};
  auto reads_after_the_file_is_gone = [&](int64_t cache, Split split) {
    description.cache_bytes = cache;
    const DataSplits data = open();
    const std::string path = data[split]->describe(0);
    pixels_of(*data[split], 0);
    std::filesystem::rename(path, path + ".away");
    const bool reads = data_problem([&] { pixels_of(*data[split], 0); }) == "nothing was thrown";
    std::filesystem::rename(path + ".away", path);
    return reads;
  };
  EXPECT_FALSE(reads_after_the_file_is_gone(50, Split::train)) << "3 x 17 bytes do not fit";
  EXPECT_TRUE(reads_after_the_file_is_gone(50, Split::test)) << "17 do";
  EXPECT_TRUE(reads_after_the_file_is_gone(51, Split::train));
  EXPECT_FALSE(reads_after_the_file_is_gone(51, Split::test));
  EXPECT_EQ(survey_data(description).memory_bytes, 51);
}

TEST_F(OpenData, TheCacheIsRightWhoeverFillsIt) {
  std::vector<int32_t> labels(64);
  std::vector<uint8_t> pixels(64 * 48);
  for (size_t at = 0; at < pixels.size(); ++at) pixels[at] = static_cast<uint8_t>(at / 48);
  CachedSource cache(std::make_shared<MemorySource>(ImageShape{4, 4, 3}, pixels, labels, "i", "l"));
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int64_t index = 0; index < 256; ++index)
        for (uint8_t pixel : pixels_of(cache, index % 64)) wrong += pixel != index % 64;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

} // namespace
} // namespace kiln::runtime
