// Where each field of an experiment was written.
// A field that is absent is looked for outwards, so that a default or a missing part is reported where it would stand.
#include "frontend/positions.h"

namespace kiln::frontend {

void Positions::set_override(const std::string& path, const std::string& origin) {
  for (auto it = places_.lower_bound(path); it != places_.end() && it->first.starts_with(path);) {
    std::string_view rest = std::string_view(it->first).substr(path.size());
    bool below = rest.empty() || rest[0] == '.' || rest[0] == '[';
    it = below ? places_.erase(it) : std::next(it);
  }
  places_[path] = {origin, 0, 0, {}};
}

Place Positions::find(std::string_view path) const {
  while (!path.empty()) {
    if (auto it = places_.find(path); it != places_.end()) return it->second;
    // A list is where its first element is.
    if (auto it = places_.find(std::string(path) + "[0]"); it != places_.end()) return it->second;
    size_t cut = path.find_last_of(".[");
    path = cut == std::string_view::npos ? std::string_view() : path.substr(0, cut);
  }
  return {file_, 0, 0, {}};
}

} // namespace kiln::frontend
