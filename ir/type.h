// Tensor types: element type, logical shape, and where each element lies (layout).
// Dims are logical everywhere (N,C,H,W; weights O,I,H,W); only `layout` speaks of physical order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::ir {

enum class DType : uint8_t { f32, u8, i32 };

int64_t byte_size(DType dtype);
std::string_view name_of(DType dtype);

using Dims = std::vector<int64_t>;

// How a tensor lies in memory; c is the vector length of the target, in elements. Lanes past a dim's end hold zero.
enum class LayoutKind : uint8_t {
  plain,   // row-major in logical order; the only layout before assign_layouts
  nchwc,   // activations: N, C/c, H, W, c
  oihw_io, // weights, forward: O/c, I/c, H, W, c of I, c of O
  oihw_oi, // weights, backward data: I/c, O/c, H, W, c of O, c of I
  ohwi_o,  // weights of few input channels: O/c, I, H, W, c of O
  vector_c // a vector per channel (bias), padded to whole blocks of c
};

struct Layout {
  LayoutKind kind = LayoutKind::plain;
  int32_t block = 0; // c; 0 when plain

  bool operator==(const Layout&) const = default;
};

// "nchw16c", "OIhw16i16o", "IOhw16o16i", "Oihw16o", "c16"; empty for plain.
std::string to_string(Layout layout);
std::optional<Layout> parse_layout(std::string_view text);

struct TensorType {
  DType dtype = DType::f32;
  Dims dims;
  Layout layout;

  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
  int64_t elements() const;          // logical
  int64_t physical_elements() const; // with padding lanes
  int64_t bytes() const;             // physical, without alignment padding

  bool operator==(const TensorType&) const = default;
  bool same_logical(const TensorType& other) const { return dtype == other.dtype && dims == other.dims; }
};

// "f32[64,20,24,24]", "f32[64,20,24,24]{nchw16c}", "u8[64,28,28,1]".
std::string to_string(const TensorType& type);

// A layout spelt out: the physical array is row-major over the dims in `order`, each with extent
// ceil(dim / product of its blocks), then over the blocks, outermost first. Mirrors kiln_layout of runtime/abi.h.
struct PhysicalForm {
  struct Block {
    int32_t dim;
    int32_t size;
  };
  std::vector<int8_t> order;
  std::vector<Block> blocks;
};

PhysicalForm physical_form(Layout layout, int64_t rank);

// Offset, in elements, of the element at a logical index.
int64_t physical_offset(const TensorType& type, const Dims& index);

} // namespace kiln::ir
