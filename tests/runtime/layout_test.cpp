// pack and unpack against the definition in abi.h, element by element, for plain, permuted and blocked layouts.
#include "runtime/layout.h"

#include "runtime/error.h"

#include <chrono>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace kiln::runtime {
namespace {

kiln_tensor make_tensor(std::vector<int64_t> dims, std::vector<int> order, std::vector<kiln_block> blocks,
                        kiln_dtype dtype = KILN_F32) {
  kiln_tensor tensor = {};
  tensor.name = "t";
  tensor.dtype = dtype;
  tensor.rank = static_cast<int32_t>(dims.size());
  for (size_t i = 0; i < dims.size(); ++i) tensor.dims[i] = dims[i];
  tensor.layout = plain_layout();
  for (size_t i = 0; i < order.size(); ++i) tensor.layout.order[i] = static_cast<int8_t>(order[i]);
  tensor.layout.block_count = static_cast<int32_t>(blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i) tensor.layout.blocks[i] = blocks[i];
  tensor.bytes = physical_bytes(tensor);
  return tensor;
}

// The definition, written out: for each physical position, the logical index it stands for, or -1 for a padding lane.
std::vector<int64_t> positions(const kiln_tensor& t) {
  struct Digit {
    int dim;
    int64_t extent;
  };
  std::vector<Digit> digits;
  for (int i = 0; i < t.rank; ++i) {
    int64_t split = 1;
    for (int b = 0; b < t.layout.block_count; ++b) {
      if (t.layout.blocks[b].dim == t.layout.order[i]) split *= t.layout.blocks[b].size;
    }
    const int dim = t.layout.order[i];
    digits.push_back({dim, (t.dims[dim] + split - 1) / split});
  }
  for (int b = 0; b < t.layout.block_count; ++b) digits.push_back({t.layout.blocks[b].dim, t.layout.blocks[b].size});
  int64_t total = 1;
  for (const Digit& digit : digits) total *= digit.extent;
  std::vector<int64_t> result;
  for (int64_t p = 0; p < total; ++p) {
    std::vector<int64_t> value(digits.size());
    int64_t rest = p;
    for (size_t d = digits.size(); d-- > 0;) {
      value[d] = rest % digits[d].extent;
      rest /= digits[d].extent;
    }
    int64_t coordinate[KILN_MAX_RANK] = {};
    for (size_t d = 0; d < digits.size(); ++d) {
      coordinate[digits[d].dim] = coordinate[digits[d].dim] * digits[d].extent + value[d];
    }
    int64_t logical = 0;
    for (int i = 0; i < t.rank; ++i) {
      if (coordinate[i] >= t.dims[i]) logical = -1;
      if (logical >= 0) logical = logical * t.dims[i] + coordinate[i];
    }
    result.push_back(logical);
  }
  return result;
}

struct Case {
  const char* name;
  kiln_tensor tensor;
};

std::vector<Case> cases() {
  return {{"scalar", make_tensor({}, {}, {})},
          {"vector", make_tensor({5}, {}, {})},
          {"plain", make_tensor({2, 3, 4, 5}, {}, {})},
          {"nhwc", make_tensor({2, 3, 4, 5}, {0, 2, 3, 1}, {})},
          {"nhwc_u8", make_tensor({2, 3, 4, 5}, {0, 2, 3, 1}, {}, KILN_U8)},
          {"nchw16c_tail", make_tensor({2, 20, 3, 5}, {}, {{1, 16}})},
          {"nchw16c_few", make_tensor({2, 3, 3, 5}, {}, {{1, 16}})},
          {"nchw4c_exact", make_tensor({2, 8, 3, 5}, {}, {{1, 4}})},
          {"nchw16c_u8", make_tensor({2, 20, 3, 5}, {}, {{1, 16}}, KILN_U8)},
          {"bias16", make_tensor({50}, {}, {{0, 16}})},
          {"oihw16i16o", make_tensor({50, 20, 5, 5}, {}, {{1, 16}, {0, 16}})},
          {"ohwi16o", make_tensor({50, 3, 5, 5}, {0, 2, 3, 1}, {{0, 16}})},
          {"one_dim_twice", make_tensor({37, 3}, {}, {{0, 4}, {0, 2}})},
          {"rank6", make_tensor({2, 3, 2, 3, 2, 3}, {5, 4, 3, 2, 1, 0}, {{1, 2}, {5, 2}})}};
}

TEST(Layout, PackFollowsTheDefinitionAndUnpackInvertsIt) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const kiln_tensor& t = c.tensor;
    check_tensor(t);
    const auto size = static_cast<size_t>(element_bytes(t.dtype));
    const std::vector<int64_t> at = positions(t);
    ASSERT_EQ(static_cast<int64_t>(at.size() * size), t.bytes);
    ASSERT_EQ(logical_bytes(t), element_count(t) * static_cast<int64_t>(size));

    std::vector<uint8_t> logical(static_cast<size_t>(logical_bytes(t)));
    for (size_t i = 0; i < logical.size(); ++i)
      logical[i] = static_cast<uint8_t>(i % size == 0 ? i / size + 1 : i / 256);
    std::vector<uint8_t> physical(static_cast<size_t>(t.bytes), 0xCD);
    pack(t, logical.data(), physical.data());
    const std::vector<uint8_t> zero(size);
    for (size_t p = 0; p < at.size(); ++p) {
      const uint8_t* expected = at[p] < 0 ? zero.data() : &logical[static_cast<size_t>(at[p]) * size];
      ASSERT_EQ(std::memcmp(&physical[p * size], expected, size), 0) << "physical element " << p;
    }

    for (size_t p = 0; p < at.size(); ++p) {
      if (at[p] < 0) std::memset(&physical[p * size], 0xEE, size); // must not matter
    }
    std::vector<uint8_t> back(logical.size(), 0xCD);
    unpack(t, physical.data(), back.data());
    EXPECT_EQ(back, logical);
  }
}

TEST(Layout, LargeTensorsTakeMilliseconds) {
  const kiln_tensor t = make_tensor({64, 20, 56, 56}, {}, {{1, 16}});
  std::vector<float> logical(static_cast<size_t>(element_count(t)), 1.5f);
  std::vector<float> physical(static_cast<size_t>(t.bytes) / 4);
  const auto start = std::chrono::steady_clock::now();
  pack(t, logical.data(), physical.data());
  unpack(t, physical.data(), logical.data());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_LT(seconds, 1.0) << "16 MB each way; even a sanitizer build is far faster";
}

std::string refusal(const kiln_tensor& tensor) {
  try {
    check_tensor(tensor);
  } catch (const Error& error) {
    return error.message;
  }
  return "";
}

TEST(Layout, WrongDescriptionsAreRefused) {
  const kiln_tensor good = make_tensor({2, 20, 3, 5}, {}, {{1, 16}});
  EXPECT_EQ(refusal(good), "");
  kiln_tensor t = good;
  t.bytes -= 4;
  EXPECT_NE(refusal(t).find("its layout takes 3840"), std::string::npos) << refusal(t);
  t = good;
  t.rank = 7;
  EXPECT_NE(refusal(t), "");
  t = good;
  t.dims[2] = 0;
  EXPECT_NE(refusal(t).find("dim 2 is 0"), std::string::npos);
  t = good;
  t.layout.order[0] = 1;
  EXPECT_NE(refusal(t).find("permutation"), std::string::npos);
  t = good;
  t.layout.blocks[0].size = 0;
  EXPECT_NE(refusal(t), "");
  t = good;
  t.layout.blocks[0].dim = 4;
  EXPECT_NE(refusal(t), "");
  t = good;
  t.layout.block_count = 3;
  EXPECT_NE(refusal(t), "");
  t = good;
  t.dims[0] = int64_t{1} << 62;
  EXPECT_NE(refusal(t).find("too large"), std::string::npos);
}

} // namespace
} // namespace kiln::runtime
