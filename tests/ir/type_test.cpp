// Types and layouts: their text, their sizes, and where each element lies, against a loop over physical memory.
#include "ir/type.h"

#include <gtest/gtest.h>
#include <set>

namespace kiln::ir {
namespace {

TEST(Type, HasAText) {
  EXPECT_EQ(to_string(TensorType{DType::f32, {64, 20, 24, 24}, {}}), "f32[64,20,24,24]");
  EXPECT_EQ(to_string(TensorType{DType::f32, {64, 20, 24, 24}, {LayoutKind::nchwc, 16}}), "f32[64,20,24,24]{nchw16c}");
  EXPECT_EQ(to_string(TensorType{DType::u8, {1}, {}}), "u8[1]");
  EXPECT_EQ(to_string(TensorType{DType::i32, {3, 2}, {}}), "i32[3,2]");
}

const std::vector<std::pair<Layout, std::string>> kLayouts = {
    {{LayoutKind::nchwc, 16}, "nchw16c"},   {{LayoutKind::oihw_io, 8}, "OIhw8i8o"},
    {{LayoutKind::oihw_oi, 4}, "IOhw4o4i"}, {{LayoutKind::ohwi_o, 16}, "Oihw16o"},
    {{LayoutKind::vector_c, 16}, "c16"},    {{LayoutKind::oihw_io, 16}, "OIhw16i16o"},
};

TEST(Layout, TextRoundTrips) {
  EXPECT_EQ(to_string(Layout{}), "");
  for (const auto& [layout, text] : kLayouts) {
    EXPECT_EQ(to_string(layout), text);
    EXPECT_EQ(parse_layout(text), layout);
  }
  for (const char* wrong : {"", "nchw", "nchw0c", "nchw16", "nchw16cc", "OIhw8i16o", "Nchw16c", "c", "c-4", "c99999"})
    EXPECT_EQ(parse_layout(wrong), std::nullopt) << wrong;
}

// All logical indices of a type, row-major.
std::vector<Dims> indices(const Dims& dims) {
  std::vector<Dims> all = {{}};
  for (int64_t dim : dims) {
    std::vector<Dims> longer;
    for (const Dims& index : all)
      for (int64_t i = 0; i < dim; ++i) {
        longer.push_back(index);
        longer.back().push_back(i);
      }
    all = std::move(longer);
  }
  return all;
}

int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The formula of each layout as its comment in ir/type.h states it, written out.
int64_t offset_of(const TensorType& type, const Dims& i) {
  const int64_t c = type.layout.block;
  const Dims& d = type.dims;
  switch (type.layout.kind) {
  case LayoutKind::plain: {
    int64_t offset = 0;
    for (size_t k = 0; k < d.size(); ++k) offset = offset * d[k] + i[k];
    return offset;
  }
  case LayoutKind::nchwc:
    return (((i[0] * up(d[1], c) + i[1] / c) * d[2] + i[2]) * d[3] + i[3]) * c + i[1] % c;
  case LayoutKind::oihw_io:
    return ((((i[0] / c * up(d[1], c) + i[1] / c) * d[2] + i[2]) * d[3] + i[3]) * c + i[1] % c) * c + i[0] % c;
  case LayoutKind::oihw_oi:
    return ((((i[1] / c * up(d[0], c) + i[0] / c) * d[2] + i[2]) * d[3] + i[3]) * c + i[0] % c) * c + i[1] % c;
  case LayoutKind::ohwi_o:
    return (((i[0] / c * d[1] + i[1]) * d[2] + i[2]) * d[3] + i[3]) * c + i[0] % c;
  case LayoutKind::vector_c:
    return i[0];
  }
  return -1;
}

TEST(Layout, PlacesEveryElementWhereItsFormulaSays) {
  const std::vector<Dims> shapes = {{1, 1, 1, 1}, {2, 3, 2, 3}, {5, 4, 1, 2}, {4, 9, 3, 1}, {17, 5, 2, 2}};
  for (LayoutKind kind : {LayoutKind::plain, LayoutKind::nchwc, LayoutKind::oihw_io, LayoutKind::oihw_oi,
                          LayoutKind::ohwi_o, LayoutKind::vector_c})
    for (int32_t block : {1, 4, 16})
      for (const Dims& shape : shapes) {
        const Dims dims = kind == LayoutKind::vector_c ? Dims{shape[0]} : shape;
        const TensorType type{DType::f32, dims, {kind, kind == LayoutKind::plain ? 0 : block}};
        SCOPED_TRACE(to_string(type));
        std::set<int64_t> taken;
        for (const Dims& index : indices(dims)) {
          const int64_t offset = physical_offset(type, index);
          ASSERT_EQ(offset, offset_of(type, index));
          ASSERT_TRUE(taken.insert(offset).second) << "two elements share a place";
          ASSERT_LT(offset, type.physical_elements());
        }
        EXPECT_EQ(static_cast<int64_t>(taken.size()), type.elements());
        EXPECT_GE(type.physical_elements(), type.elements());
        EXPECT_EQ(type.bytes(), type.physical_elements() * 4);
      }
}

TEST(Layout, CountsPaddingLanes) {
  const auto elements = [](Dims dims, Layout layout) {
    return TensorType{DType::f32, std::move(dims), layout}.physical_elements();
  };
  EXPECT_EQ(elements({64, 20, 24, 24}, {LayoutKind::nchwc, 16}), 64 * 32 * 24 * 24);
  EXPECT_EQ(elements({50, 20, 5, 5}, {LayoutKind::oihw_io, 16}), 64 * 32 * 5 * 5);
  EXPECT_EQ(elements({50, 20, 5, 5}, {LayoutKind::oihw_oi, 16}), 64 * 32 * 5 * 5);
  EXPECT_EQ(elements({20, 1, 5, 5}, {LayoutKind::ohwi_o, 16}), 32 * 5 * 5);
  EXPECT_EQ(elements({10}, {LayoutKind::vector_c, 4}), 12);
  EXPECT_EQ((TensorType{DType::u8, {3, 5}, {}}.bytes()), 15);
}

} // namespace
} // namespace kiln::ir
