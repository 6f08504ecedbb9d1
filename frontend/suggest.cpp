// Did you mean: the nearest of some names to one that does not exist.
// Optimal string alignment distance; names are short, so the plain quadratic table will do.
#include "frontend/suggest.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

} // namespace

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<int>> table(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      int& best = table[i][j];
      if (i == 0 || j == 0) {
        best = static_cast<int>(i + j);
        continue;
      }
      best = std::min({table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) best = std::min(best, table[i - 2][j - 2] + 1);
    }
  }
  return table[a.size()][b.size()];
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr size_t longest = 100; // no name of ours is longer, and the table is quadratic
  if (name.size() > longest) return {};
  int limit = std::max(1, static_cast<int>(name.size()) / 3);
  std::string best;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest) continue;
    int distance = edit_distance(lower(name), lower(candidate));
    if (distance > limit || (!best.empty() && distance == limit)) continue;
    limit = distance;
    best = candidate;
  }
  return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  if (candidates.empty()) return {};
  std::string best = nearest(name, candidates);
  if (!best.empty()) return fmt::format("did you mean \"{}\"?", best);
  constexpr size_t most = 24;
  std::vector<std::string> shown(candidates.begin(),
                                 candidates.begin() + static_cast<std::ptrdiff_t>(std::min(most, candidates.size())));
  return fmt::format("one of: {}{}", fmt::join(shown, ", "), candidates.size() > most ? ", ..." : "");
}

} // namespace kiln::frontend
