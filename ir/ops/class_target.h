// What losses and metrics of classifiers take: logits f32[N,C,...], of C classes at each position of a sample (the dims
// behind C; none: one position), and for each position the label of a class, or a distribution over the classes.
#pragma once

#include "ir/ops/expect.h"

#include <limits>

namespace kiln::ir {

// The label that counts nowhere, which may be no class.
struct IgnoredLabel {
  bool exists = false;
  int64_t label = -1;

  void fields(FieldVisitor& visit) {
    visit("ignores", exists);
    visit("ignored_label", label);
  }
  bool is(double given) const { return exists && given == static_cast<double>(label); }
};

inline bool is_class(double label, int64_t classes) { return label >= 0 && label < static_cast<double>(classes); }

// The dims of labels for logits of these dims.
inline Dims label_dims(const Dims& logits) {
  Dims dims = logits;
  dims.erase(dims.begin() + 1);
  return dims;
}

// Logits as [samples, classes, positions].
struct ClassPositions {
  int64_t samples, classes, positions = 1;

  explicit ClassPositions(const Dims& logits) : samples(logits[0]), classes(logits[1]) {
    for (size_t d = 2; d < logits.size(); ++d) positions *= logits[d];
  }
  int64_t at(int64_t sample, int64_t c, int64_t position) const {
    return (sample * classes + c) * positions + position;
  }
};

inline void expect_logits(std::string_view op, std::string_view what, const TensorType& logits) {
  expect_dtype(op, what, logits, DType::f32);
  if (logits.rank() < 2) refuse(op, what, "rank 2 or more", to_string(logits));
}

inline void expect_labels(std::string_view op, const TensorType& labels, const Dims& logits) {
  expect_type(op, "labels", labels, DType::i32, label_dims(logits));
}

inline void expect_ignored(std::string_view op, const IgnoredLabel& ignored) {
  constexpr std::numeric_limits<int32_t> range;
  if (ignored.label < range.min() || ignored.label > range.max())
    refuse(op, "ignored_label", "an i32", fmt::to_string(ignored.label));
}

} // namespace kiln::ir
