// Numbers as text: exact round trips, fixed decimals, durations, strict parsing.
#include "runtime/number_format.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace kiln::runtime {
namespace {

TEST(NumberFormat, ShortestThatReadsBack) {
  EXPECT_EQ(format_float(0.1f), "0.1");
  EXPECT_EQ(format_double(0.1), "0.1");
  EXPECT_EQ(format_double(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(format_double(1e-7), "1e-07");
  EXPECT_EQ(format_integer(std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  for (double value : {5e-324, 1.7976931348623157e308, -0.0, 2.0 / 7, 123456789.125}) {
    double parsed;
    ASSERT_TRUE(parse_double(format_double(value), parsed));
    EXPECT_EQ(parsed, value);
    EXPECT_EQ(std::signbit(parsed), std::signbit(value));
  }
  double parsed = 0;
  ASSERT_TRUE(parse_double(format_double(std::nan("")), parsed));
  EXPECT_TRUE(std::isnan(parsed));
}

TEST(NumberFormat, Fixed) {
  EXPECT_EQ(format_fixed(0.88, 3), "0.880");
  EXPECT_EQ(format_fixed(2.5, 0), "2");
  EXPECT_EQ(format_fixed(-1e300, 1).size(), 304u);
}

TEST(NumberFormat, Durations) {
  auto duration = [](double seconds) {
    std::string text;
    append_duration(text, seconds);
    return text;
  };
  EXPECT_EQ(duration(5), "0:05");
  EXPECT_EQ(duration(65.4), "1:05");
  EXPECT_EQ(duration(3723), "1:02:03");
  EXPECT_EQ(duration(std::nan("")), "--:--");
  EXPECT_EQ(duration(std::numeric_limits<double>::infinity()), "--:--");
}

TEST(NumberFormat, ParsesWholeTextsOnly) {
  int64_t integer = 42;
  uint64_t natural = 42;
  EXPECT_TRUE(parse_integer("-7", integer));
  EXPECT_EQ(integer, -7);
  for (const char* text : {"", " 1", "1 ", "+1", "1.0", "0x1", "9223372036854775808"})
    EXPECT_FALSE(parse_integer(text, integer)) << text;
  EXPECT_EQ(integer, -7);
  EXPECT_FALSE(parse_unsigned("-1", natural));
  EXPECT_TRUE(parse_unsigned("18446744073709551615", natural));
}

} // namespace
} // namespace kiln::runtime
