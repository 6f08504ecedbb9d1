// Tensor types: names, sizes and the physical form of each layout.
#include "ir/type.h"

#include <charconv>
#include <fmt/format.h>
#include <numeric>

namespace kiln::ir {

int64_t byte_size(DType dtype) { return dtype == DType::u8 ? 1 : 4; }

std::string_view name_of(DType dtype) {
  switch (dtype) {
  case DType::f32:
    return "f32";
  case DType::u8:
    return "u8";
  case DType::i32:
    return "i32";
  }
  return "?";
}

namespace {

// A layout's text is prefix, block, middle, block, suffix; an empty middle means the block stands once.
struct LayoutText {
  LayoutKind kind;
  std::string_view prefix, middle, suffix;
};
constexpr LayoutText kLayoutTexts[] = {
    {LayoutKind::nchwc, "nchw", "", "c"},    {LayoutKind::oihw_io, "OIhw", "i", "o"},
    {LayoutKind::oihw_oi, "IOhw", "o", "i"}, {LayoutKind::ohwi_o, "Oihw", "", "o"},
    {LayoutKind::vector_c, "c", "", ""},
};

std::string text_of(const LayoutText& text, int32_t block) {
  if (text.middle.empty()) return fmt::format("{}{}{}", text.prefix, block, text.suffix);
  return fmt::format("{}{}{}{}{}", text.prefix, block, text.middle, block, text.suffix);
}

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

} // namespace

std::string to_string(Layout layout) {
  for (const LayoutText& text : kLayoutTexts)
    if (text.kind == layout.kind) return text_of(text, layout.block);
  return "";
}

std::optional<Layout> parse_layout(std::string_view text) {
  for (const LayoutText& candidate : kLayoutTexts) {
    if (!text.starts_with(candidate.prefix)) continue;
    int32_t block = 0;
    const char* first = text.data() + candidate.prefix.size();
    auto [end, error] = std::from_chars(first, text.data() + text.size(), block);
    if (error != std::errc{} || block <= 0 || block > 1024) continue;
    if (text_of(candidate, block) == text) return Layout{candidate.kind, block};
  }
  return std::nullopt;
}

PhysicalForm physical_form(Layout layout, int64_t rank) {
  PhysicalForm form;
  form.order.resize(static_cast<size_t>(rank));
  std::iota(form.order.begin(), form.order.end(), int8_t{0});
  const int32_t c = layout.block;
  switch (layout.kind) {
  case LayoutKind::plain:
    break;
  case LayoutKind::nchwc:
    form.blocks = {{1, c}};
    break;
  case LayoutKind::oihw_io:
    form.blocks = {{1, c}, {0, c}};
    break;
  case LayoutKind::oihw_oi:
    std::swap(form.order[0], form.order[1]);
    form.blocks = {{0, c}, {1, c}};
    break;
  case LayoutKind::ohwi_o:
    form.blocks = {{0, c}};
    break;
  case LayoutKind::vector_c:
    form.blocks = {{0, c}};
    break;
  }
  return form;
}

int64_t TensorType::elements() const {
  int64_t product = 1;
  for (int64_t dim : dims) product *= dim;
  return product;
}

int64_t TensorType::physical_elements() const {
  int64_t product = 1;
  const PhysicalForm form = physical_form(layout, rank());
  for (int64_t d = 0; d < rank(); ++d) {
    int64_t extent = dims[static_cast<size_t>(d)];
    for (const auto& block : form.blocks)
      if (block.dim == d) extent = divide_up(extent, block.size) * block.size;
    product *= extent;
  }
  return product;
}

int64_t TensorType::bytes() const { return physical_elements() * byte_size(dtype); }

std::string to_string(const TensorType& type) {
  std::string text = fmt::format("{}[{}]", name_of(type.dtype), fmt::join(type.dims, ","));
  if (type.layout.kind != LayoutKind::plain) text += fmt::format("{{{}}}", to_string(type.layout));
  return text;
}

int64_t physical_offset(const TensorType& type, const Dims& index) {
  const PhysicalForm form = physical_form(type.layout, type.rank());
  Dims position = index;
  Dims extent = type.dims;
  std::vector<int64_t> lanes;
  // Blocks are split off innermost first, so that a dim's outermost block sees the quotient of the inner ones.
  for (size_t b = form.blocks.size(); b-- > 0;) {
    const auto dim = static_cast<size_t>(form.blocks[b].dim);
    lanes.insert(lanes.begin(), position[dim] % form.blocks[b].size);
    position[dim] /= form.blocks[b].size;
    extent[dim] = divide_up(extent[dim], form.blocks[b].size);
  }
  int64_t offset = 0;
  for (int8_t dim : form.order) offset = offset * extent[static_cast<size_t>(dim)] + position[static_cast<size_t>(dim)];
  for (size_t b = 0; b < form.blocks.size(); ++b) offset = offset * form.blocks[b].size + lanes[b];
  return offset;
}

} // namespace kiln::ir
