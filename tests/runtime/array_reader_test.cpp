// CIFAR's binary files, NumPy arrays and archives: good, odd and damaged.
#include "runtime/cifar_reader.h"
#include "runtime/npy_reader.h"
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
using ::testing::Eq;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;
using testing::write_bytes;

std::string text_of(const std::vector<uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

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
      const LabelledImages images = read_npy_images({file, "image"}, {file, "label"}, false);
      EXPECT_EQ(images.shape, (ImageShape{2, 2, 1}));
      EXPECT_EQ(text_of(images.pixels), "abcdefgh");
      EXPECT_THAT(images.labels, ElementsAre(5, 1));
      EXPECT_EQ(data_problem([&] {
                  read_npy_header({file, "x_train"});
                }),
                file + ": no array named \"x_train\"; it has image, label");
    }
}

TEST_F(ArrayReader, NpyChannelsFirstBecomeLast) {
  const std::string images = write("i.npy", encode_npy("|u1", "(1, 3, 1, 2)", "abcdef"));
  const std::string labels = write("l.npy", encode_npy("|u1", "(1, 1)", "\7"));
  const LabelledImages read = read_npy_images({images, ""}, {labels, ""}, true);
  EXPECT_EQ(read.shape, (ImageShape{1, 2, 3}));
  EXPECT_EQ(text_of(read.pixels), "acebdf");
  EXPECT_THAT(read.labels, ElementsAre(7));
  EXPECT_EQ(read_npy_images({images, ""}, {labels, ""}, false).shape, (ImageShape{3, 1, 2}));
}

TEST_F(ArrayReader, RefusesArraysOfAnotherKind) {
  auto problem = [&](const std::string& images, const std::string& labels) {
    write("i.npy", images);
    write("l.npy", labels);
    return data_problem([&] { read_npy_images({temporary.file("i.npy"), ""}, {temporary.file("l.npy"), ""}, false); });
  };
  const std::string good = encode_npy("|u1", "(2, 1, 1)", "ab"), labels = encode_npy("|i1", "(2,)", "\1\2");
  EXPECT_EQ(problem(good, labels), "nothing was thrown");
  EXPECT_THAT(problem(encode_npy("<f4", "(2, 1, 1)", "abcdefgh"), labels), HasSubstr("images are 2x1x1 of f4"));
  EXPECT_THAT(problem(encode_npy("|u1", "(2, 1)", "ab"), labels), HasSubstr("images are 2x1 of u1"));
  EXPECT_THAT(problem(good, encode_npy("<f4", "(2,)", "abcdefgh")), HasSubstr("labels are 2 of f4"));
  EXPECT_THAT(problem(good, encode_npy("|i1", "(2, 2)", "abcd")), HasSubstr("labels are 2x2 of i1"));
  EXPECT_THAT(problem(good, encode_npy("|i1", "(1,)", "a")), HasSubstr("1 labels for 2 images"));
  EXPECT_THAT(problem(good, encode_npy("|i1", "(2,)", "a\xff")), HasSubstr("sample 1: label -1 is out of range"));
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
