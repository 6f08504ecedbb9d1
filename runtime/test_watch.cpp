// What tests during training decide.
#include "runtime/test_watch.h"

#include "runtime/error.h"

#include <algorithm>
#include <cmath>

namespace kiln::runtime {
namespace {

bool is_better(double value, double best, const kiln_watch& watch) {
  if (std::isnan(value)) return false;
  if (std::isnan(best)) return true;
  return watch.measure == KILN_MEASURE_LOSS ? value < best - watch.least_change : value > best + watch.least_change;
}

bool is_on_plateau(const kiln_training& training) { return training.schedule.kind == KILN_SCHEDULE_PLATEAU; }

} // namespace

bool observe(BestSoFar& seen, const kiln_watch& watch, const TestFigures& figures) {
  const double value = watch.measure == KILN_MEASURE_LOSS ? figures.loss : figures.accuracy;
  if (is_better(value, seen.best, watch)) {
    seen.best = value;
    seen.tests_since = 0;
    return false;
  }
  if (++seen.tests_since < watch.patience) return false;
  seen.tests_since = 0;
  return true;
}

double divided_rate(double rate, const kiln_test_rules& rules, int64_t divisions) {
  double divided = rate;
  for (int64_t i = 0; i < divisions && divided > rules.least_rate; ++i) divided /= rules.factor;
  return std::min(rate, std::max(divided, rules.least_rate));
}

bool needs_tests(const kiln_training& training) {
  const kiln_test_rules& rules = training.test_rules;
  return is_on_plateau(training) || rules.early_stop.measure != KILN_MEASURE_NEITHER ||
         rules.keep_best != KILN_MEASURE_NEITHER;
}

void require_tests(const kiln_training& training, bool are_there_tests, bool are_labels_classes) {
  if (!needs_tests(training)) return;
  const kiln_test_rules& rules = training.test_rules;
  if (!are_there_tests)
    throw Error(ErrorKind::data, "plateau, early_stop and keep_best go by tests during training, but there are neither "
                                 "validation nor test samples: data { split { validation: 0.1 } } sets some apart");
  const bool wants_accuracy = (is_on_plateau(training) && rules.plateau.measure == KILN_MEASURE_ACCURACY) ||
                              rules.early_stop.measure == KILN_MEASURE_ACCURACY ||
                              rules.keep_best == KILN_MEASURE_ACCURACY;
  if (wants_accuracy && !are_labels_classes)
    throw Error(ErrorKind::model, "there is no accuracy to go by, since labels are no classes: measure: LOSS");
}

} // namespace kiln::runtime
