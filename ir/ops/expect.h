// The words with which ops refuse operands and attributes: "relu: src: expected f32, got u8[4]". Used by every op's
// shape rule, so that one mistake reads alike everywhere.
#pragma once

#include "ir/op.h"

#include <fmt/format.h>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::ir {

// `what` is an operand or attribute of the op, as its header names it.
[[noreturn]] inline void refuse(std::string_view op, std::string_view what, std::string_view expected,
                                std::string_view got) {
  throw TypeError(fmt::format("{}: {}: expected {}, got {}", op, what, expected, got));
}

inline void expect_count(std::string_view op, Operands operands, std::initializer_list<std::string_view> names) {
  if (operands.size() == names.size()) return;
  throw TypeError(fmt::format("{}: expected {} operand{} ({}), got {}", op, names.size(), names.size() == 1 ? "" : "s",
                              fmt::join(names, ", "), operands.size()));
}

inline void expect_dtype(std::string_view op, std::string_view what, const TensorType& got, DType dtype) {
  if (got.dtype != dtype) refuse(op, what, name_of(dtype), to_string(got));
}

inline void expect_rank(std::string_view op, std::string_view what, const TensorType& got,
                        std::initializer_list<int64_t> ranks) {
  for (int64_t rank : ranks)
    if (got.rank() == rank) return;
  refuse(op, what, fmt::format("rank {}", fmt::join(ranks, " or ")), to_string(got));
}

// Logical: the layout is the kernel's affair.
inline void expect_type(std::string_view op, std::string_view what, const TensorType& got, DType dtype,
                        const Dims& dims) {
  const TensorType expected{dtype, dims, {}};
  if (!got.same_logical(expected)) refuse(op, what, to_string(expected), to_string(got));
}

// The number of elements of dims given as an attribute, which, unlike an operand's, nobody has looked at yet.
inline int64_t expect_dims(std::string_view op, std::string_view what, const Dims& dims) {
  constexpr int64_t limit = int64_t{1} << 40;
  int64_t product = 1;
  for (int64_t dim : dims) {
    if (dim < 1 || dim > limit / product)
      refuse(op, what, "sizes of at least 1 and less than 2^40 elements", fmt::format("[{}]", fmt::join(dims, ",")));
    product *= dim;
  }
  if (dims.empty()) refuse(op, what, "at least one size", "[]");
  return product;
}

} // namespace kiln::ir
