// What the checks of all sections of an experiment share: errors at a path, required fields, ranges of numbers.
#pragma once

#include "frontend/diagnostics.h"
#include "frontend/positions.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include <google/protobuf/repeated_field.h>

namespace kiln::frontend {

// Conditions are written so that a NaN fails them.
class SectionCheck {
public:
  // Paths in `faulty` have been reported, and say nothing more.
  SectionCheck(const Positions& positions, Diagnostics& diagnostics, const std::set<std::string>& faulty)
      : positions_(positions), diagnostics_(diagnostics), faulty_(faulty) {}

protected:
  using Numbers = google::protobuf::RepeatedField<double>;

  void error(const std::string& path, std::string message, std::string hint = {});
  // `field` of the message at `path` must be given; said only if nothing there was misspelt.
  void require(bool given, const std::string& path, std::string_view field, std::string hint = {});

  void check_count(const std::string& path, std::string_view name, int64_t value, int64_t least = 1);
  void check_above_zero(const std::string& path, std::string_view name, double value);
  void check_not_negative(const std::string& path, std::string_view name, double value);
  // Those of the field `name` of the message at `path`.
  void check_within(const std::string& path, const std::string& name, double value, double most);
  void check_share(const std::string& path, std::string_view name, double value); // below 1
  // At most so large that sums and products of a few do not overflow.
  void check_whole(const std::string& path, std::string_view name, double value, bool in_steps);
  // One value, or the two ends of a range to draw from.
  void check_factors(const Numbers& range, const std::string& path, std::string_view name, double least = 0.01,
                     double most = 100);

  const Positions& positions_;
  Diagnostics& diagnostics_;
  const std::set<std::string>& faulty_;
};

} // namespace kiln::frontend
