// What is measured of a classifier over samples: counts of labels by predicted class, and what follows from them.
// Counted in whole numbers, so that no order and no batch size changes anything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::runtime {

// How often each class was predicted for each label.
class ConfusionMatrix {
public:
  explicit ConfusionMatrix(int64_t classes = 0);

  // `predicted` may be -1: no class, because a value was NaN.
  void add(int64_t label, int64_t predicted);

  int64_t classes() const { return classes_; }
  int64_t count(int64_t label, int64_t predicted) const;
  int64_t without_class(int64_t label) const { return count(label, classes_); }
  bool has_without_class() const;

  // NaN where nothing was predicted as the class, or has it as label.
  double precision(int64_t of_class) const;
  double recall(int64_t of_class) const;
  double f1(int64_t of_class) const; // 2 hits / (labels + predictions)
  int64_t labels(int64_t of_class) const;

private:
  int64_t predictions(int64_t of_class) const;

  int64_t classes_;
  std::vector<int64_t> counts_; // [label][predicted], no class behind the last
};

// Rows of labels and columns of predictions, with names; "none" is a column only where there are such.
std::string confusion_csv(const ConfusionMatrix& matrix, const std::vector<std::string>& names);
// class, labels, precision, recall, f1; fields without a value are empty.
std::string per_class_csv(const ConfusionMatrix& matrix, const std::vector<std::string>& names);

} // namespace kiln::runtime
