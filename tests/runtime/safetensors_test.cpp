// safetensors files: what is written reads back, and every lie in a header is found.
#include "runtime/safetensors.h"

#include "runtime/error.h"
#include "runtime/sha256.h"
#include "tests/runtime/temporary_directory.h"

#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

using ::testing::HasSubstr;
using testing::read_bytes;
using testing::TemporaryDirectory;
using testing::write_bytes;

std::string file_of(const std::string& header, const std::string& payload) {
  std::string bytes;
  for (int byte = 0; byte < 8; ++byte) bytes += static_cast<char>(header.size() >> 8 * byte);
  return bytes + header + payload;
}

class Safetensors : public ::testing::Test {
protected:
  std::string problem_of(const std::string& content) {
    write_bytes(path, content);
    try {
      SafetensorsFile file(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::data);
      EXPECT_THAT(error.message, HasSubstr(path));
      return error.message;
    }
    return "nothing was thrown";
  }

  TemporaryDirectory temporary;
  std::string path = temporary.file("a.safetensors");
};

TEST_F(Safetensors, RoundTrip) {
  float values[6] = {1, -2, 3.5f, 1e-30f, 0, 6};
  uint8_t bytes[3] = {7, 8, 9};
  {
    SafetensorsWriter writer(path, {{"b", "F32", {2, 3}}, {"empty", "F32", {0, 4}}, {"a", "U8", {3}}, {"s", "U8", {}}},
                             {{"kiln.note", "line\n\"quoted\""}});
    writer.write(values, sizeof values);
    writer.write(bytes, 3);
    writer.write(bytes, 1);
    EXPECT_THROW(SafetensorsFile{path}, Error) << "nothing there before commit";
    writer.commit();
  }
  SafetensorsFile file(path);
  ASSERT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(*file.find_metadata("kiln.note"), "line\n\"quoted\"");
  EXPECT_EQ(file.find_metadata("other"), nullptr);
  EXPECT_EQ(file.find("c"), nullptr);
  float got[6];
  file.read(*file.find("b"), got);
  EXPECT_EQ(memcmp(got, values, sizeof got), 0);
  EXPECT_EQ(file.find("b")->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file.find("empty")->begin, file.find("empty")->end);
  uint8_t got_bytes[3];
  file.read(*file.find("a"), got_bytes);
  EXPECT_EQ(got_bytes[2], 9);
  std::string payload = std::string(reinterpret_cast<char*>(values), sizeof values) + "\x07\x08\x09\x07";
  EXPECT_EQ(file.payload_sha256(), sha256_hex(payload));
  EXPECT_EQ(read_bytes(path).size() % 4, 0u);
}

TEST_F(Safetensors, WithoutCommitTheOldFileStays) {
  write_bytes(path, "old");
  {
    SafetensorsWriter writer(path, {{"a", "U8", {3}}}, {});
    writer.write("abc", 3);
  }
  EXPECT_EQ(read_bytes(path), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(temporary.path()), {}), 1);
}

TEST_F(Safetensors, ReadsAFileOfTheReferenceImplementation) {
  // safetensors.numpy.save({"w": float32 [[1, 2]]}), byte for byte.
  std::string header = R"({"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})";
  header.resize(64, ' ');
  write_bytes(path, file_of(header, std::string("\x00\x00\x80\x3f\x00\x00\x00\x40", 8)));
  SafetensorsFile file(path);
  float values[2];
  file.read(*file.find("w"), values);
  EXPECT_EQ(values[0], 1);
  EXPECT_EQ(values[1], 2);
}

TEST_F(Safetensors, RefusesBrokenHeaders) {
  auto tensor = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"conv1.weight":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  std::string eight(8, 'x');
  EXPECT_EQ(problem_of(file_of(tensor("F32", "[2]", "[0,8]"), eight)), "nothing was thrown");
  EXPECT_THAT(problem_of("abc"), HasSubstr("at least 8 bytes, got 3"));
  EXPECT_THAT(problem_of(std::string(16, '\xff')), HasSubstr("beyond 100 MB"));
  EXPECT_THAT(problem_of(file_of("{}", "").substr(0, 9)), HasSubstr("truncated"));
  EXPECT_THAT(problem_of(file_of("{]", "")), HasSubstr("at byte 1"));
  EXPECT_THAT(problem_of(file_of("[]", "")), HasSubstr("no object"));
  EXPECT_THAT(problem_of(file_of(R"({"a":1})", "")), HasSubstr("\"a\" is no object"));
  EXPECT_THAT(problem_of(file_of(R"({"__metadata__":{"a":1}})", "")), HasSubstr("metadata \"a\""));
  EXPECT_THAT(problem_of(file_of(R"({"a":{}})", "")), HasSubstr("tensor \"a\": no dtype"));
  EXPECT_THAT(problem_of(file_of(tensor("F31", "[2]", "[0,8]"), eight)), HasSubstr("unknown dtype \"F31\""));
  EXPECT_THAT(problem_of(file_of(tensor("F32", "[3]", "[0,8]"), eight)),
              HasSubstr("tensor \"conv1.weight\": data_offsets [0,8] do not fit F32[3] = 12 bytes"));
  EXPECT_THAT(problem_of(file_of(tensor("F32", "[-2]", "[0,8]"), eight)), HasSubstr("no size"));
  EXPECT_THAT(problem_of(file_of(tensor("F32", "[2.0]", "[0,8]"), eight)), HasSubstr("no size"));
  EXPECT_THAT(problem_of(file_of(tensor("F32", "[2]", "[8,0]"), eight)), HasSubstr("do not fit"));
  EXPECT_THAT(problem_of(file_of(tensor("F32", "[2]", "[0]"), eight)), HasSubstr("no data_offsets"));
  EXPECT_THAT(problem_of(file_of(tensor("F32", "[4294967296,4294967296,4]", "[0,8]"), eight)), HasSubstr("too large"));
  EXPECT_THAT(problem_of(file_of(tensor("F32", "[2]", "[4,12]"), eight + "xxxx")), HasSubstr("begins at 4"));
  EXPECT_THAT(problem_of(file_of(tensor("F32", "[2]", "[0,8]"), "1234567")), HasSubstr("truncated: expected 8"));
  EXPECT_THAT(problem_of(file_of(tensor("F32", "[2]", "[0,8]"), "123456789")), HasSubstr("trailing bytes"));
  std::string overlap = R"({"a":{"dtype":"U8","shape":[6],"data_offsets":[0,6]},)"
                        R"("b":{"dtype":"U8","shape":[6],"data_offsets":[2,8]}})";
  EXPECT_THAT(problem_of(file_of(overlap, eight)), HasSubstr("tensor \"b\" begins at 2, the one before it ends at 6"));
}

TEST_F(Safetensors, SurvivesAnyDamagedByte) {
  std::string header = R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  std::string whole = file_of(header, std::string(8, 'x'));
  for (size_t at = 0; at < whole.size(); ++at) {
    for (unsigned char flip : {0x01, 0x20, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      problem_of(damaged); // an Error of kind data, or a file that is still valid
    }
    EXPECT_NE(problem_of(whole.substr(0, at)), "nothing was thrown");
  }
}

TEST_F(Safetensors, NamesTheFullDisk) {
  AppendFile full("/dev/full", 16);
  full.append("text");
  try {
    full.flush();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::runtime);
    EXPECT_EQ(error.message, "cannot write /dev/full: No space left on device");
  }
}

} // namespace
} // namespace kiln::runtime
