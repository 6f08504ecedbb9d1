// CIFAR's binary files, NumPy arrays and archives: good, odd and damaged.
#include "runtime/cifar_reader.h"
#include "runtime/npy_source.h"
#include "runtime/zip_reader.h"
#include "tests/runtime/data_problem.h"
#include "tests/runtime/temporary_directory.h"
#include "tests/support/array_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

using kiln::testing::encode_npy;
using kiln::testing::encode_zip;
using ::testing::AnyOf;
using testing::data_problem;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::Eq;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;
using testing::write_bytes;

std::string text_of(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

std::string row_text(const DataSource& source, int64_t index, size_t field) {
  std::string text(static_cast<size_t>(source.fields()[field].bytes()), '\0');
  source.read(index, field, text.data());
  return text;
}

class ArrayReader : public ::testing::Test {
protected:
  std::string write(const std::string& name, const std::string& content) {
    write_bytes(temporary.file(name), content);
    return temporary.file(name);
  }

  TemporaryDirectory temporary;
};

// `labels` and then planes whose pixels are the channel's first value plus their place.
std::string cifar_record(std::initializer_list<int> labels, int first) {
  std::string record;
  for (int label : labels) record += static_cast<char>(label);
  for (int channel = 0; channel < 3; ++channel)
    for (int pixel = 0; pixel < 1024; ++pixel) record += static_cast<char>(first + 50 * channel + pixel);
  return record;
}

TEST_F(ArrayReader, CifarInterleavesPlanes) {
  const std::string a = write("data_batch_1.bin", cifar_record({3}, 0) + cifar_record({9}, 1));
  const std::string b = write("data_batch_2.bin", cifar_record({7}, 2));
  EXPECT_EQ(count_cifar_records(a, CifarKind::cifar10), 2);
  EXPECT_EQ(find_cifar_files(temporary.path(), CifarKind::cifar10, Split::train), (std::vector<std::string>{a, b}));
  EXPECT_TRUE(find_cifar_files(temporary.path(), CifarKind::cifar10, Split::test).empty());
  std::vector<int64_t> first_samples;
  const LabelledImages images = read_cifar({a, b}, CifarKind::cifar10, first_samples);
  EXPECT_THAT(images.labels, ElementsAre(3, 9, 7));
  EXPECT_THAT(first_samples, ElementsAre(0, 2));
  ASSERT_EQ(images.pixels.size(), 3u * 3072);
  EXPECT_EQ(std::vector<uint8_t>(images.pixels.begin(), images.pixels.begin() + 6),
            (std::vector<uint8_t>{0, 50, 100, 1, 51, 101}));
  EXPECT_EQ(images.pixels[2 * 3072 + 3 * 1023 + 2], static_cast<uint8_t>(2 + 100 + 1023));
}

TEST_F(ArrayReader, Cifar100HasTwoLabels) {
  const std::string file = write("train.bin", cifar_record({4, 72}, 0) + cifar_record({1, 20}, 0));
  std::vector<int64_t> first_samples;
  EXPECT_THAT(read_cifar({file}, CifarKind::cifar100_fine, first_samples).labels, ElementsAre(72, 20));
  EXPECT_THAT(read_cifar({file}, CifarKind::cifar100_coarse, first_samples).labels, ElementsAre(4, 1));
  write("fine_label_names.txt", "apple\naquarium_fish\n\n");
  EXPECT_THAT(read_cifar_class_names(temporary.path(), CifarKind::cifar100_fine),
              ElementsAre("apple", "aquarium_fish"));
  EXPECT_TRUE(read_cifar_class_names(temporary.path(), CifarKind::cifar10).empty());
}

TEST_F(ArrayReader, CifarFilesHoldWholeRecords) {
  const std::string file = write("a.bin", cifar_record({3}, 0).substr(1));
  EXPECT_EQ(data_problem([&] { count_cifar_records(file, CifarKind::cifar10); }),
            file + ": 3072 bytes are no whole number of CIFAR-10 records of 3073 bytes");
  write("a.bin", cifar_record({3, 4}, 0));
  EXPECT_THAT(data_problem([&] { count_cifar_records(file, CifarKind::cifar10); }), HasSubstr("of CIFAR-100 they are"));
  write("a.bin", "");
  EXPECT_THAT(data_problem([&] { count_cifar_records(file, CifarKind::cifar10); }), HasSubstr("the file is empty"));
  EXPECT_THAT(data_problem([&] { count_cifar_records(temporary.file("b"), CifarKind::cifar10); }),
              HasSubstr("No such file"));
}

TEST_F(ArrayReader, NpyOfEveryVersionOrderAndType) {
  for (int version : {1, 2, 3}) {
    const std::string file = write("a.npy", encode_npy("|u1", "(2, 3)", "abcdef", false, version));
    const NpyArray array = read_npy({file, ""});
    EXPECT_THAT(array.header.dims, ElementsAre(2, 3));
    EXPECT_EQ(text_of(array.data), "abcdef");
  }
  // Column by column: a c e / b d f.
  EXPECT_EQ(text_of(read_npy({write("a.npy", encode_npy("|u1", "(2, 3)", "abcdef", true)), ""}).data), "acebdf");
  EXPECT_EQ(text_of(read_npy({write("a.npy", encode_npy(">u2", "(3,)", "abcdef")), ""}).data), "badcfe");
  EXPECT_EQ(text_of(read_npy({write("a.npy", encode_npy("<i2", "(3,)", "abcdef", true)), ""}).data), "abcdef");
  EXPECT_EQ(read_npy({write("a.npy", encode_npy("|b1", "()", "x")), ""}).header.elements(), 1);
}

TEST_F(ArrayReader, NpzMembersStoredAndDeflated) {
  const std::string image = encode_npy("|u1", "(2, 2, 2)", "abcdefgh");
  const std::string label = encode_npy("<i8", "(2,)", std::string("\5\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16));
  for (bool deflated : {false, true})
    for (bool zip64 : {false, true}) {
      const std::string file =
          write("a.npz", encode_zip({{"image.npy", image}, {"label.npy", label}}, deflated, zip64));
      EXPECT_THAT(read_npy_header({file, "image"}).dims, ElementsAre(2, 2, 2));
      const auto source = open_npy({{file, "image"}, {file, "label"}, {}, false});
      EXPECT_EQ(source->image_shape(), (ImageShape{2, 2, 1}));
      EXPECT_EQ(row_text(*source, 0, 0) + row_text(*source, 1, 0), "abcdefgh");
      EXPECT_EQ(source->read_class(0), 5);
      EXPECT_EQ(source->read_class(1), 1);
      EXPECT_EQ(data_problem([&] {
                  read_npy_header({file, "x_train"});
                }),
                file + ": no array named \"x_train\"; it has image, label");
    }
}

TEST_F(ArrayReader, NpyChannelsFirstBecomeLast) {
  const std::string images = write("i.npy", encode_npy("|u1", "(1, 3, 1, 2)", "abcdef"));
  const std::string labels = write("l.npy", encode_npy("|u1", "(1, 1)", "\7"));
  const auto source = open_npy({{images, ""}, {labels, ""}, {}, true});
  EXPECT_EQ(source->image_shape(), (ImageShape{1, 2, 3}));
  EXPECT_EQ(row_text(*source, 0, 0), "acebdf");
  EXPECT_EQ(source->read_class(0), 7);
  EXPECT_EQ(open_npy({{images, ""}, {labels, ""}, {}, false})->image_shape(), (ImageShape{3, 1, 2}));
}

TEST_F(ArrayReader, NpyLabelsAndInputsOfEveryKind) {
  const std::string images = write("i.npy", encode_npy("|u1", "(2, 1, 2)", "abcd"));
  const std::string map = write("map.npy", encode_npy("|i1", "(2, 1, 2)", "\1\xff\3\4"));
  const std::string bytes = write("bytes.npy", encode_npy("|u1", "(2, 3)", "\1\2\3\4\5\xff"));
  const double doubles[] = {0.5, -2};
  const std::string text(reinterpret_cast<const char*>(doubles), sizeof doubles);
  const std::string values = write("values.npy", encode_npy("<f8", "(2,)", text));
  const float floats[] = {1, 2, 3, 4};
  const std::string four(reinterpret_cast<const char*>(floats), sizeof floats);
  const std::string planes = write("planes.npy", encode_npy("<f4", "(2, 1, 2)", four));

  const NpyArrays arrays{{images, ""}, {map, ""}, {{"bytes", {bytes, ""}}, {"values", {values, ""}}}, false};
  const std::vector<Field> fields = {
      image_field({1, 2, 1}), {"label", KILN_I32, {1, 2}}, {"bytes", KILN_F32, {3}}, {"values", KILN_F32, {1}}};
  EXPECT_EQ(survey_npy(arrays).fields, fields);
  const auto source = open_npy(arrays);
  EXPECT_THAT(source->fields(), ElementsAreArray(fields));
  EXPECT_EQ(source->class_label(), nullptr);
  int32_t labels[2];
  source->read(0, 1, labels);
  EXPECT_THAT(labels, ElementsAre(1, -1));
  float row[3];
  source->read(1, 2, row);
  EXPECT_THAT(row, ElementsAre(4, 5, 255));
  source->read(1, 3, row);
  EXPECT_EQ(row[0], -2);
  EXPECT_EQ(source->describe(1), map + ": sample 1");

  const auto regression = open_npy({{images, ""}, {planes, ""}, {}, false});
  EXPECT_EQ(regression->fields()[1], (Field{"label", KILN_F32, {1, 2}}));
  regression->read(1, 1, row);
  EXPECT_EQ(row[0], 3);
  EXPECT_EQ(row[1], 4);

  const auto problem = [&](const NpyArrays& wrong) { return data_problem([&] { survey_npy(wrong); }); };
  const std::string one = write("one.npy", encode_npy("|u1", "(1, 3)", "abc"));
  EXPECT_THAT(problem({{images, ""}, {map, ""}, {{"x", {one, ""}}}, false}), HasSubstr("one.npy: 1 rows for 2 images"));
  const std::string half = write("half.npy", encode_npy("<f2", "(2,)", "abcd"));
  EXPECT_THAT(problem({{images, ""}, {half, ""}, {}, false}), HasSubstr("floats of f2: expected f4 or f8"));
  const std::string none = write("none.npy", encode_npy("<f4", "(2, 0)", ""));
  EXPECT_THAT(problem({{images, ""}, {map, ""}, {{"x", {none, ""}}}, false}), HasSubstr("expected values for each"));
  const std::string low = write("low.npy", encode_npy("|i1", "(2, 1, 2)", "\1\2\3\xfe"));
  EXPECT_THAT(data_problem([&] {
                open_npy({{images, ""}, {low, ""}, {}, false});
              }),
              HasSubstr("sample 1: label -2 is out of range"));
}

TEST_F(ArrayReader, RefusesArraysOfAnotherKind) {
  auto problem = [&](const std::string& images, const std::string& labels) {
    write("i.npy", images);
    write("l.npy", labels);
    return data_problem([&] { open_npy({{temporary.file("i.npy"), ""}, {temporary.file("l.npy"), ""}, {}, false}); });
  };
  const std::string good = encode_npy("|u1", "(2, 1, 1)", "ab"), labels = encode_npy("|i1", "(2,)", "\1\2");
  EXPECT_EQ(problem(good, labels), "nothing was thrown");
  EXPECT_THAT(problem(encode_npy("<f4", "(2, 1, 1)", "abcdefgh"), labels), HasSubstr("images are 2x1x1 of f4"));
  EXPECT_THAT(problem(encode_npy("|u1", "(2, 1)", "ab"), labels), HasSubstr("images are 2x1 of u1"));
  EXPECT_THAT(problem(good, encode_npy("|i1", "(2, 2)", "abcd")), HasSubstr("labels are 2x2 of i1"));
  EXPECT_THAT(problem(good, encode_npy("|i1", "(1,)", "a")), HasSubstr("1 labels for 2 images"));
  EXPECT_THAT(problem(good, encode_npy("|i1", "(2,)", "a\xfe")), HasSubstr("sample 1: label -2 is out of range"));
  EXPECT_THAT(problem(good, encode_npy("<u8", "(2,)", std::string(8, '\0') + std::string(8, '\xff'))),
              HasSubstr("sample 1: label 9223372036854775807 is out of range"));
  EXPECT_THAT(problem(encode_npy("|O", "(2,)", "ab"), labels), HasSubstr("elements of type '|O'"));
  EXPECT_THAT(problem(encode_npy("<U4", "(2,)", "ab"), labels), HasSubstr("elements of type '<U4'"));
  EXPECT_THAT(problem(encode_npy("|u1", "(2, 1, 2)", "ab"), labels),
              HasSubstr("truncated: expected 4 bytes of data (2x1x2 of u1), got 2"));
  EXPECT_THAT(problem(good + "c", labels), HasSubstr("trailing bytes"));
  EXPECT_THAT(problem("hello", labels), HasSubstr("not a NumPy array"));
  EXPECT_THAT(problem("", labels), HasSubstr("the file is empty"));
  EXPECT_THAT(problem(encode_npy("|u1", "(4294967296, 4294967296, 4294967296)", "ab"), labels),
              HasSubstr("the shape is out of range"));
}

// Every truncation is an Error that names the file; no flipped bit does worse.
TEST_F(ArrayReader, DamageIsNeverWorseThanAnError) {
  const std::string npy = encode_npy("|u1", "(2, 3)", "abcdef");
  for (bool deflated : {false, true}) {
    const std::string whole = encode_zip({{"image.npy", npy}, {"label.npy", npy}}, deflated, !deflated);
    for (size_t size = 0; size < whole.size(); size += 3) {
      const std::string file = write("a.npz", whole.substr(0, size));
      EXPECT_THAT(data_problem([&] { read_npy({file, "label"}); }), HasSubstr(file)) << size;
    }
    int unharmed = 0;
    for (size_t bit = 0; bit < 8 * whole.size(); bit += 7) {
      std::string damaged = whole;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      const std::string file = write("a.npz", damaged);
      const std::string problem = data_problem([&] {
        const std::string data = text_of(read_npy({file, "label"}).data);
        EXPECT_EQ(data, "abcdef") << "what the checksum lets pass must be right";
        ++unharmed;
      });
      EXPECT_THAT(problem, AnyOf(HasSubstr(file), Eq("nothing was thrown")));
    }
    EXPECT_GT(unharmed, 0) << "times of day matter to nobody";
  }
  for (size_t size = 0; size < npy.size(); ++size) {
    const std::string file = write("a.npy", npy.substr(0, size));
    EXPECT_THAT(data_problem([&] { read_npy({file, ""}); }), HasSubstr(file)) << size;
  }
  for (size_t bit = 0; bit < 8 * npy.size(); bit += 3) {
    std::string damaged = npy;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    const std::string file = write("a.npy", damaged);
    data_problem([&] { read_npy({file, ""}); });
  }
}

} // namespace
} // namespace kiln::runtime
