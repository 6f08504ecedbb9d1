// Counts by label and prediction, and what follows from them.
#include "runtime/metrics.h"

#include <cmath>
#include <gtest/gtest.h>

namespace kiln::runtime {
namespace {

ConfusionMatrix example() {
  ConfusionMatrix matrix(3);
  // Class 0: 2 right, 1 taken for 1. Class 1: 1 right, 1 taken for 0. Class 2: never there, never predicted.
  matrix.add(0, 0);
  matrix.add(0, 0);
  matrix.add(0, 1);
  matrix.add(1, 1);
  matrix.add(1, 0);
  return matrix;
}

TEST(ConfusionMatrix, GivesPrecisionRecallAndF1) {
  const ConfusionMatrix matrix = example();
  EXPECT_EQ(matrix.count(0, 1), 1);
  EXPECT_DOUBLE_EQ(matrix.precision(0), 2.0 / 3);
  EXPECT_DOUBLE_EQ(matrix.recall(0), 2.0 / 3);
  EXPECT_DOUBLE_EQ(matrix.precision(1), 0.5);
  EXPECT_DOUBLE_EQ(matrix.f1(1), 0.5);
  EXPECT_TRUE(std::isnan(matrix.precision(2)) && std::isnan(matrix.recall(2)) && std::isnan(matrix.f1(2)));
  EXPECT_FALSE(matrix.has_without_class());
}

TEST(ConfusionMatrix, CountsWhatHasNoClassAgainstRecallAlone) {
  ConfusionMatrix matrix = example();
  matrix.add(0, -1);
  EXPECT_TRUE(matrix.has_without_class());
  EXPECT_EQ(matrix.without_class(0), 1);
  EXPECT_EQ(matrix.labels(0), 4);
  EXPECT_DOUBLE_EQ(matrix.precision(0), 2.0 / 3);
  EXPECT_DOUBLE_EQ(matrix.recall(0), 0.5);
}

TEST(ConfusionMatrix, IsWrittenAsCsv) {
  ConfusionMatrix matrix = example();
  EXPECT_EQ(confusion_csv(matrix, {"cat", "a \"dog\", big", "x"}), "label,cat,\"a \"\"dog\"\", big\",x\n"
                                                                   "cat,2,1,0\n"
                                                                   "\"a \"\"dog\"\", big\",1,1,0\n"
                                                                   "x,0,0,0\n");
  EXPECT_EQ(per_class_csv(matrix, {"a", "b", "c"}).substr(0, 31), "class,labels,precision,recall,f");
  EXPECT_NE(per_class_csv(matrix, {"a", "b", "c"}).find("\nb,2,0.5,0.5,0.5\nc,0,,,\n"), std::string::npos);
  matrix.add(1, -1);
  EXPECT_EQ(confusion_csv(matrix, {"a", "b", "c"}), "label,a,b,c,none\na,2,1,0,0\nb,1,1,0,1\nc,0,0,0,0\n");
}

} // namespace
} // namespace kiln::runtime
