// Lines, bands, axes and a legend, in coordinates of the picture.
#include "runtime/line_chart.h"

#include "runtime/number_format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace kiln::runtime {
namespace {

constexpr double width = 760, height = 300;
constexpr double left = 64, right = 16, top = 34, bottom = 42;
constexpr std::array<std::string_view, 6> colours = {"#1f77b4", "#d9541e", "#2a9d4a", "#8c50b8", "#8a5a44", "#c2408f"};

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // Never empty, so that it can be divided by.
  void widen() {
    if (!(low <= high)) low = 0, high = 1;
    if (high - low > 0) return;
    const double by = low == 0 ? 1 : std::abs(low) / 2;
    low -= by;
    high += by;
  }
};

class Picture {
public:
  explicit Picture(const LineChart& chart) : chart_(chart) {
    for (const Curve& curve : chart.curves)
      for (const Curve::Point& point : curve.points) {
        if (!std::isfinite(point.y)) continue;
        x_.add(point.x);
        y_.add(point.low);
        y_.add(point.high);
      }
    x_.widen();
    y_.widen();
  }

  std::string draw() {
    text_ = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 300\" role=\"img\">\n";
    add("<text class=\"title\" x=\"64\" y=\"20\">" + xml_text(chart_.title) + "</text>");
    draw_axes();
    for (size_t i = 0; i < chart_.curves.size(); ++i) draw_curve(chart_.curves[i], colours[i % colours.size()]);
    draw_legend();
    return text_ + "</svg>\n";
  }

private:
  void add(const std::string& line) { text_ += line + "\n"; }
  double across(double x) const { return left + (x - x_.low) / (x_.high - x_.low) * (width - left - right); }
  double down(double y) const { return height - bottom - (y - y_.low) / (y_.high - y_.low) * (height - top - bottom); }
  static std::string place(double at) { return format_fixed(at, 1); }
  std::string position(double x, double y) const { return place(across(x)) + "," + place(down(y)); }

  void draw_axes() {
    const TickStep y_step(y_.high - y_.low, 5), x_step(std::max(x_.high - x_.low, 8.0), 8); // whole numbers
    const auto first = [](double low, double size) { return static_cast<int64_t>(std::ceil(low / size - 1e-9)); };
    for (int64_t i = first(y_.low, y_step.size); static_cast<double>(i) * y_step.size <= y_.high; ++i) {
      const std::string at = place(down(static_cast<double>(i) * y_step.size));
      add("<line class=\"grid\" x1=\"64\" x2=\"744\" y1=\"" + at + "\" y2=\"" + at + "\"/>");
      add("<text class=\"tick\" text-anchor=\"end\" dominant-baseline=\"middle\" x=\"58\" y=\"" + at + "\">" +
          y_step.text(i) + "</text>");
    }
    for (int64_t i = first(x_.low, x_step.size); static_cast<double>(i) * x_step.size <= x_.high; ++i) {
      const std::string at = place(across(static_cast<double>(i) * x_step.size));
      add("<line class=\"grid\" y1=\"34\" y2=\"258\" x1=\"" + at + "\" x2=\"" + at + "\"/>");
      add("<text class=\"tick\" text-anchor=\"middle\" y=\"274\" x=\"" + at + "\">" + x_step.text(i) + "</text>");
    }
    add("<text class=\"tick\" text-anchor=\"middle\" x=\"404\" y=\"292\">" + xml_text(chart_.x_name) + "</text>");
  }

  // A gap ends a stretch; a stretch of one point is a dot.
  void draw_curve(const Curve& curve, std::string_view colour) {
    const std::vector<Curve::Point>& points = curve.points;
    for (size_t begin = 0; begin < points.size();) {
      size_t end = begin;
      while (end < points.size() && std::isfinite(points[end].y)) ++end;
      if (end > begin)
        draw_stretch(
            {points.begin() + static_cast<std::ptrdiff_t>(begin), points.begin() + static_cast<std::ptrdiff_t>(end)},
            std::string(colour));
      begin = end + 1;
    }
  }

  void draw_stretch(const std::vector<Curve::Point>& points, const std::string& colour) {
    if (std::any_of(points.begin(), points.end(), [](const Curve::Point& point) { return point.low < point.high; })) {
      std::string band;
      for (const Curve::Point& point : points) band += position(point.x, point.high) + " ";
      for (auto point = points.rbegin(); point != points.rend(); ++point) band += position(point->x, point->low) + " ";
      band.pop_back();
      add("<polygon fill=\"" + colour + "\" fill-opacity=\"0.2\" points=\"" + band + "\"/>");
    }
    if (points.size() == 1) {
      add("<circle r=\"2.5\" fill=\"" + colour + "\" cx=\"" + place(across(points.front().x)) + "\" cy=\"" +
          place(down(points.front().y)) + "\"/>");
      return;
    }
    std::string line;
    for (const Curve::Point& point : points) line += position(point.x, point.y) + " ";
    line.pop_back();
    add("<polyline fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"1.5\" points=\"" + line + "\"/>");
  }

  void draw_legend() {
    if (chart_.curves.size() < 2) return;
    double at = width - right;
    for (size_t i = chart_.curves.size(); i-- > 0;) {
      const std::string& name = chart_.curves[i].name;
      add("<text class=\"legend\" text-anchor=\"end\" y=\"20\" x=\"" + place(at) + "\" fill=\"" +
          std::string(colours[i % colours.size()]) + "\">" + xml_text(name) + "</text>");
      at -= 7.0 * static_cast<double>(name.size()) + 14;
    }
  }

  const LineChart& chart_;
  Range x_, y_;
  std::string text_;
};

} // namespace

std::string svg(const LineChart& chart) { return Picture(chart).draw(); }

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      out += c;
    }
  }
  return out;
}

TickStep::TickStep(double range, int count) : exponent_(0), mantissa_(1) {
  const double wanted = range / count;
  exponent_ = static_cast<int>(std::floor(std::log10(wanted)));
  const double power = std::pow(10.0, exponent_);
  const double share = wanted / power; // 1 to 10
  mantissa_ = share <= 1.5 ? 1 : share <= 3.5 ? 2 : share <= 7.5 ? 5 : 10;
  size = mantissa_ * power;
}

std::string TickStep::text(int64_t multiple) const {
  int64_t digits = multiple * mantissa_;
  if (digits == 0) return "0";
  if (exponent_ >= -6 && exponent_ <= 6)
    return format_fixed(static_cast<double>(multiple) * size, std::max(0, -exponent_));
  int exponent = exponent_;
  for (; digits % 10 == 0; digits /= 10) ++exponent;
  return format_integer(digits) + "e" + format_integer(exponent);
}

} // namespace kiln::runtime
