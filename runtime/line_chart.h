// Curves over a common axis as an inline SVG picture: no script, no file beside it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::runtime {

struct Curve {
  struct Point {
    double x = 0;
    double y = 0; // not finite: a gap
    // The band around the curve, from lowest to highest; equal to y where there is none.
    double low = 0;
    double high = 0;
  };

  std::string name;
  std::vector<Point> points;
};

struct LineChart {
  std::string title;
  std::string x_name;
  std::vector<Curve> curves;
};

std::string svg(const LineChart& chart);

// &, <, > and quotes as XML writes them.
std::string xml_text(std::string_view text);

// 1, 2 or 5 times a power of ten, near a `count`-th of the range, and multiples of it as text: "0.2", "1e-9".
struct TickStep {
  TickStep(double range, int count);

  std::string text(int64_t multiple) const;

  double size;

private:
  int exponent_;
  int mantissa_;
};

} // namespace kiln::runtime
