// What is measured of a classifier over samples: counts of labels by predicted class, and what follows from them.
// Counted in whole numbers, so that no order and no batch size changes anything.
#include "runtime/metrics.h"

#include "runtime/checkpoint.h"
#include "runtime/number_format.h"

#include <cmath>

namespace kiln::runtime {
namespace {

double share(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : not_measured;
}

// Quoted where it needs it.
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

void append_share(std::string& row, double value) {
  row += ',';
  if (std::isfinite(value)) append_double(row, value);
}

} // namespace

ConfusionMatrix::ConfusionMatrix(int64_t classes)
    : classes_(classes), counts_(static_cast<size_t>(classes * (classes + 1))) {}

void ConfusionMatrix::add(int64_t label, int64_t predicted) {
  if (predicted < 0 || predicted >= classes_) predicted = classes_;
  ++counts_[static_cast<size_t>(label * (classes_ + 1) + predicted)];
}

int64_t ConfusionMatrix::count(int64_t label, int64_t predicted) const {
  return counts_[static_cast<size_t>(label * (classes_ + 1) + predicted)];
}

bool ConfusionMatrix::has_without_class() const {
  for (int64_t label = 0; label < classes_; ++label)
    if (without_class(label) > 0) return true;
  return false;
}

int64_t ConfusionMatrix::labels(int64_t of_class) const {
  int64_t sum = 0;
  for (int64_t predicted = 0; predicted <= classes_; ++predicted) sum += count(of_class, predicted);
  return sum;
}

int64_t ConfusionMatrix::predictions(int64_t of_class) const {
  int64_t sum = 0;
  for (int64_t label = 0; label < classes_; ++label) sum += count(label, of_class);
  return sum;
}

double ConfusionMatrix::precision(int64_t of_class) const {
  return share(count(of_class, of_class), predictions(of_class));
}

double ConfusionMatrix::recall(int64_t of_class) const { return share(count(of_class, of_class), labels(of_class)); }

double ConfusionMatrix::f1(int64_t of_class) const {
  return share(2 * count(of_class, of_class), labels(of_class) + predictions(of_class));
}

std::string confusion_csv(const ConfusionMatrix& matrix, const std::vector<std::string>& names) {
  const int64_t columns = matrix.classes() + (matrix.has_without_class() ? 1 : 0);
  std::string text = "label";
  for (const std::string& name : names) text += ',' + csv_field(name);
  text += columns > matrix.classes() ? ",none\n" : "\n";
  for (int64_t label = 0; label < matrix.classes(); ++label) {
    text += csv_field(names[static_cast<size_t>(label)]);
    for (int64_t predicted = 0; predicted < columns; ++predicted) {
      text += ',';
      append_integer(text, matrix.count(label, predicted));
    }
    text += '\n';
  }
  return text;
}

std::string per_class_csv(const ConfusionMatrix& matrix, const std::vector<std::string>& names) {
  std::string text = "class,labels,precision,recall,f1\n";
  for (int64_t c = 0; c < matrix.classes(); ++c) {
    text += csv_field(names[static_cast<size_t>(c)]) + ',';
    append_integer(text, matrix.labels(c));
    append_share(text, matrix.precision(c));
    append_share(text, matrix.recall(c));
    append_share(text, matrix.f1(c));
    text += '\n';
  }
  return text;
}

} // namespace kiln::runtime
