// A learning rate from a range test.
#include "tools/statistics/rate_range.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace kiln::statistics {
namespace {

struct Line {
  double value = 0;
  double slope = 0; // to a step
};

// At each step the line that fits the losses around it best: it is not drawn towards the middle at the ends, as a mean
// would be.
std::vector<Line> fit_lines(const std::vector<RateStep>& steps) {
  const auto count = static_cast<int64_t>(steps.size());
  const double width = std::max(2.0, static_cast<double>(count) / 20);
  const auto reach = static_cast<int64_t>(std::ceil(3 * width));
  std::vector<Line> lines;
  for (int64_t i = 0; i < count; ++i) {
    double w = 0, wx = 0, wxx = 0, wy = 0, wxy = 0;
    for (int64_t k = std::max<int64_t>(i - reach, 0); k <= std::min(i + reach, count - 1); ++k) {
      const auto x = static_cast<double>(k - i);
      const double y = steps[static_cast<size_t>(k)].loss, weight = std::exp(-x * x / (2 * width * width));
      w += weight;
      wx += weight * x;
      wxx += weight * x * x;
      wy += weight * y;
      wxy += weight * x * y;
    }
    const double slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
    lines.push_back({(wy - slope * wx) / w, slope});
  }
  return lines;
}

// 1, 2, 3 or 5 times a power of ten, not above `rate`.
double round_down(double rate) {
  const double power = std::pow(10.0, std::floor(std::log10(rate) + 1e-9));
  double best = power;
  for (const double digit : {2.0, 3.0, 5.0})
    if (digit * power <= rate * (1 + 1e-9)) best = digit * power;
  return best;
}

} // namespace

RateRange judge_rates(const std::vector<RateStep>& steps) {
  RateRange range;
  if (steps.size() < 8) {
    range.reason = fmt::format("{} steps are too few to tell", steps.size());
    return range;
  }
  const std::vector<Line> lines = fit_lines(steps);
  for (const Line& line : lines) range.smoothed.push_back(line.value);
  const std::vector<double>& loss = range.smoothed;
  const auto least = static_cast<size_t>(std::min_element(loss.begin(), loss.end()) - loss.begin());
  const double start = loss.front();
  size_t above = loss.size();
  while (above > least + 1 && loss[above - 1] > start) --above;
  if (above < loss.size()) range.diverges = steps[above].rate;
  if (!(loss[least] < start - 0.01 * std::abs(start))) {
    range.reason =
        fmt::format("the loss never falls: it begins with {:.4g}, and its least is {:.4g}", start, loss[least]);
    return range;
  }
  range.least = steps[least].rate;
  const auto steepest =
      static_cast<size_t>(std::min_element(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(least) + 1,
                                           [](const Line& a, const Line& b) { return a.slope < b.slope; }) -
                          lines.begin());
  range.steepest = steps[steepest].rate;
  range.suggested = round_down(std::clamp(range.steepest, range.least / 10, range.least / 3));
  range.reason =
      fmt::format("the loss falls fastest at a rate of {:.2g} and is least at {:.2g}, where it has gone from {:.4g} "
                  "to {:.4g}",
                  range.steepest, range.least, start, loss[least]);
  if (range.diverges > 0)
    range.reason += fmt::format("; from {:.2g} on it is above its start", range.diverges);
  else if (least + 1 == loss.size())
    range.reason += "; it still falls at the largest rate tried";
  return range;
}

bool RateTestEnd::reached(double loss) {
  if (!std::isfinite(loss)) return true;
  constexpr double kept = 0.9;
  mean_ = steps_ == 0 ? loss : kept * mean_ + (1 - kept) * loss;
  // The first steps hardly learn: their mean is what the loss begins with.
  constexpr int64_t first = 10;
  if (steps_++ < first) start_ += loss / first;
  return steps_ > first && mean_ > start_ + std::abs(start_) / 2;
}

} // namespace kiln::statistics
