// IDX files, good and malformed, plain and gzipped; and Fashion-MNIST where Debian's package is installed.
#include "runtime/idx_reader.h"

#include "runtime/data_source.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "tests/runtime/temporary_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>
#include <zlib.h>

namespace kiln::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_bytes;
using testing::TemporaryDirectory;
using testing::write_bytes;

std::string idx(uint32_t magic, std::initializer_list<uint32_t> dims, size_t data_bytes) {
  std::string bytes;
  auto put = [&](uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  };
  put(magic);
  for (uint32_t dim : dims) put(dim);
  for (size_t at = 0; at < data_bytes; ++at) bytes += static_cast<char>(at * 7);
  return bytes;
}

void write_gzip(const std::string& path, const std::string& content) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
}

class IdxReader : public ::testing::Test {
protected:
  // The message of the data error that reading `content` as images gives.
  std::string problem_of(const std::string& content) {
    write_bytes(path, content);
    try {
      read_idx_images(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::data);
      EXPECT_THAT(error.message, HasSubstr(path));
      return error.message;
    }
    return "nothing was thrown";
  }

  TemporaryDirectory temporary;
  std::string path = temporary.file("images");
};

TEST_F(IdxReader, ReadsPlainAndGzipped) {
  std::string content = idx(0x803, {2, 3, 4}, 24);
  write_bytes(path, content);
  write_gzip(temporary.file("images.gz"), content);
  for (const std::string& file : {path, temporary.file("images.gz")}) {
    IdxImages images = read_idx_images(file);
    EXPECT_EQ(images.count, 2);
    EXPECT_EQ(images.height, 3);
    EXPECT_EQ(images.width, 4);
    EXPECT_EQ(images.channels, 1);
    ASSERT_EQ(images.pixels.size(), 24u);
    EXPECT_EQ(images.pixels[23], static_cast<uint8_t>(23 * 7));
  }
}

TEST_F(IdxReader, ReadsColourImagesAndLabels) {
  write_bytes(path, idx(0x804, {1, 2, 2, 3}, 12));
  EXPECT_EQ(read_idx_images(path).channels, 3);
  write_bytes(path, idx(0x801, {3}, 3));
  EXPECT_THAT(read_idx_labels(path), ElementsAre(0, 7, 14));
}

TEST_F(IdxReader, RefusesOtherMagicNumbers) {
  EXPECT_THAT(problem_of(idx(0x801, {3}, 3)),
              HasSubstr("not an IDX file of images: magic number: expected 0x00000803 or 0x00000804, got 0x00000801"));
  EXPECT_THAT(problem_of(idx(0x0d03, {1, 1, 1}, 4)), HasSubstr("got 0x00000d03"));
  EXPECT_THAT(problem_of("\x89PNG\r\n\x1a\n"), HasSubstr("got 0x89504e47"));
  write_bytes(path, idx(0x803, {1, 1, 1}, 1));
  try {
    read_idx_labels(path);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.message,
                HasSubstr("not an IDX file of labels: magic number: expected 0x00000801, got 0x00000803"));
  }
}

TEST_F(IdxReader, RefusesWrongLengths) {
  EXPECT_THAT(problem_of(""), HasSubstr("the file is empty"));
  EXPECT_THAT(problem_of(idx(0x803, {2, 3}, 0)), HasSubstr("expected 4 bytes of dimension, got 0"));
  EXPECT_THAT(problem_of(idx(0x803, {2, 3, 4}, 23)), HasSubstr("truncated: expected 24 bytes of data (2x3x4), got 23"));
  EXPECT_THAT(problem_of(idx(0x803, {2, 3, 4}, 25)), HasSubstr("trailing bytes"));
  EXPECT_THAT(problem_of(idx(0x803, {2, 0, 4}, 0)), HasSubstr("2x0x4: expected at least 1 each"));
}

TEST_F(IdxReader, DoesNotBelieveAbsurdSizes) {
  EXPECT_THAT(problem_of(idx(0x803, {4000000000u, 4000000000u, 4000000000u}, 10)),
              HasSubstr("more than the file can hold"));
  EXPECT_THAT(problem_of(idx(0x804, {65536, 65536, 65536, 65536}, 10)), HasSubstr("more than the file can hold"));
  EXPECT_THAT(problem_of(idx(0x803, {1u << 31, 100, 100}, 10)), HasSubstr("more than the file can hold"));
  write_gzip(path, idx(0x803, {1u << 31, 100, 100}, 10));
  EXPECT_THROW(read_idx_images(path), Error);
}

TEST_F(IdxReader, RefusesDamagedGzip) {
  std::string noise = idx(0x803, {10, 30, 30}, 0);
  for (uint32_t at = 0, state = 1; at < 9000; ++at)
    noise += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  write_gzip(path, noise);
  std::string whole = read_bytes(path);
  EXPECT_EQ(read_idx_images(path).count, 10);
  EXPECT_THAT(problem_of(whole.substr(0, whole.size() / 2)), HasSubstr("truncated"));
  EXPECT_THAT(problem_of(whole.substr(0, whole.size() - 3)), HasSubstr("truncated"));
  std::string damaged = whole;
  damaged[damaged.size() - 6] ^= 1; // the checksum
  EXPECT_THAT(problem_of(damaged), HasSubstr("damaged"));
  // Nothing crashes, whatever byte is wrong, and nothing wrong is taken for good but in the unchecked gzip header.
  for (size_t at = 10; at < whole.size(); at += 97) {
    damaged = whole;
    damaged[at] ^= 0x55;
    EXPECT_NE(problem_of(damaged), "nothing was thrown") << at;
  }
}

TEST_F(IdxReader, NamesFilesThatCannotBeOpened) {
  for (const std::string& file : {temporary.file("missing"), temporary.path()}) {
    try {
      read_idx_images(file);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::data);
      EXPECT_THAT(error.message, HasSubstr(file));
    }
  }
}

TEST_F(IdxReader, PairsMustAgree) {
  write_bytes(path, idx(0x803, {2, 3, 4}, 24));
  write_bytes(temporary.file("labels"), idx(0x801, {3}, 3));
  try {
    open_idx_source(path, temporary.file("labels"));
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::data);
    EXPECT_THAT(error.message, HasSubstr("holds 2 images"));
    EXPECT_THAT(error.message, HasSubstr("holds 3 labels"));
  }
}

TEST(FashionMnist, IsReadWhole) {
  const std::string folder = "/usr/share/datasets/fashion-mnist/";
  if (!file_exists(folder + "train-images-idx3-ubyte.gz")) GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  auto open = [&](const std::string& part) {
    return open_idx_source(folder + part + "-images-idx3-ubyte.gz", folder + part + "-labels-idx1-ubyte.gz");
  };
  struct Expected {
    const char* part;
    int64_t size;
    std::vector<int32_t> labels;
    int first_pixels;
  };
  for (const Expected& expected : {Expected{"train", 60000, {9, 0, 0, 3, 0, 2, 7, 2, 5, 5}, 76247},
                                   Expected{"t10k", 10000, {9, 2, 1, 1, 6, 1, 4, 6, 5, 7}, 33456}}) {
    auto source = open(expected.part);
    EXPECT_EQ(source->size(), expected.size);
    EXPECT_EQ(source->fields()[0], image_field({28, 28, 1}));
    EXPECT_NO_THROW(source->check_labels({10, {}}));
    EXPECT_THROW(source->check_labels({9, {}}), Error);
    for (size_t index = 0; index < expected.labels.size(); ++index) {
      int32_t label = -1;
      source->read(static_cast<int64_t>(index), 1, &label);
      EXPECT_EQ(label, expected.labels[index]);
    }
    std::vector<uint8_t> pixels(784);
    source->read(0, 0, pixels.data());
    EXPECT_EQ(std::accumulate(pixels.begin(), pixels.end(), 0), expected.first_pixels);
  }
}

} // namespace
} // namespace kiln::runtime
