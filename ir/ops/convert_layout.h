// ConvertLayout: the same logical tensor in another layout. assign_layouts puts it where two kernels disagree.
// No gradient: layouts are assigned after differentiation.
#pragma once

#include "ir/op.h"

namespace kiln::ir {

// convert_layout(src): dst = src, laid out as the attributes say; lanes past a dim's end hold zero.
//   src    any type, any layout
//   to     plain, nchwc, oihw_io, oihw_oi, ohwi_o or vector_c (see LayoutKind)
//   block  c; 0 when plain
//   ->     src's dtype and dims
// nchwc, oihw_io and oihw_oi need two dims or more, ohwi_o one, vector_c has exactly one.
struct ConvertLayout {
  struct Attributes {
    LayoutKind to = LayoutKind::plain;
    int64_t block = 0;

    static Attributes of(Layout layout) { return {layout.kind, layout.block}; }
    Layout layout() const { return {to, static_cast<int32_t>(block)}; }

    void fields(FieldVisitor& visit) {
      static constexpr std::string_view names[] = {"plain", "nchwc", "oihw_io", "oihw_oi", "ohwi_o", "vector_c"};
      enum_field(visit, "to", names, to);
      visit("block", block);
    }
  };
  static std::vector<TensorType> infer(const Attributes&, Operands);
  static void evaluate(const Attributes&, EvaluationFrame&);
  static constexpr Traits traits = {.any_layout = true};
};

} // namespace kiln::ir
