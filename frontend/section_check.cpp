// What the checks of all sections of an experiment share.
#include "frontend/section_check.h"

#include <cmath>

#include <fmt/format.h>

namespace kiln::frontend {
namespace {

// Far above what anyone can run, far below what overflows when a few are multiplied.
constexpr int64_t kLargestCount = int64_t{1} << 31;

} // namespace

void SectionCheck::error(const std::string& path, std::string message, std::string hint) {
  if (!faulty_.contains(path))
    diagnostics_.error(ErrorKind::model, positions_.find(path), std::move(message), std::move(hint));
}

void SectionCheck::require(bool given, const std::string& path, std::string_view field, std::string hint) {
  if (given || positions_.is_damaged(path)) return;
  std::string owner = path.substr(path.rfind('.') + 1);
  error(path, path.empty() ? fmt::format("there is no {}", field) : fmt::format("{} has no {}", owner, field),
        std::move(hint));
}

void SectionCheck::check_count(const std::string& path, std::string_view name, int64_t value, int64_t least) {
  if (value < least) error(path, fmt::format("{} is {}: it must be at least {}", name, value, least));
  if (value > kLargestCount) error(path, fmt::format("{} is {}: it must be at most {}", name, value, kLargestCount));
}

void SectionCheck::check_share(const std::string& path, std::string_view name, double value) {
  if (!(value >= 0 && value < 1))
    error(fmt::format("{}.{}", path, name), fmt::format("{} is {}: it must be at least 0 and below 1", name, value));
}

void SectionCheck::check_above_zero(const std::string& path, std::string_view name, double value) {
  if (!(value > 0)) error(path, fmt::format("{} is {}: it must be above 0", name, value));
}

void SectionCheck::check_whole(const std::string& path, std::string_view name, double value, bool in_steps) {
  if (!(std::abs(value) <= static_cast<double>(kLargestCount)))
    error(path, fmt::format("{} is {}: it must be at most {}", name, value, kLargestCount));
  else if (in_steps && value != std::floor(value))
    error(path, fmt::format("{} is {}: steps are whole", name, value), "unit: EPOCH allows fractions");
}

void SectionCheck::check_within(const std::string& path, const std::string& name, double value, double most) {
  if (!(value >= 0 && value <= most))
    error(path + "." + name, fmt::format("{} is {}: it must lie between 0 and {}", name, value, most));
}

void SectionCheck::check_factors(const Numbers& range, const std::string& path, std::string_view name, double least,
                                 double most) {
  if (range.size() > 2) {
    error(path, fmt::format("{} has {} values: it takes one or two, the range to draw from", name, range.size()));
    return;
  }
  for (double value : range)
    if (!(value >= least && value <= most)) {
      error(path, fmt::format("{} is {}: it must lie between {} and {}", name, value, least, most));
      return; // one value stands for both
    }
  if (range[0] > range[1])
    error(path, fmt::format("{} goes from {} down to {}", name, range[0], range[1]), "the lower bound comes first");
}

void SectionCheck::check_not_negative(const std::string& path, std::string_view name, double value) {
  if (!(value >= 0)) error(path, fmt::format("{} is {}: it must not be negative", name, value));
}

} // namespace kiln::frontend
