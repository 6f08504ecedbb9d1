// SHA-256 against the published example digests, and independence of how the input is cut.
#include "runtime/sha256.h"

#include <gtest/gtest.h>
#include <string>

namespace kiln::runtime {
namespace {

TEST(Sha256, KnownDigests) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, AnyCutGivesTheSameDigest) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
  for (size_t length = 0; length <= text.size(); ++length) {
    const std::string_view part(text.data(), length);
    Sha256 bytewise;
    for (const char c : part) bytewise.update(&c, 1);
    Sha256 halves;
    halves.update(part.substr(0, length / 3));
    halves.update(nullptr, 0);
    halves.update(part.substr(length / 3));
    const std::string whole = sha256_hex(part);
    EXPECT_EQ(bytewise.finish_hex(), whole) << length;
    EXPECT_EQ(halves.finish_hex(), whole) << length;
  }
}

} // namespace
} // namespace kiln::runtime
