// Where each field of an experiment was written: a path of field names -> file, line, column.
// Paths look like `network.layer[3].convolution.kernel[1]`; repeated fields always carry an index.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "frontend/diagnostics.h"

namespace kiln::frontend {

class Positions {
public:
  Positions() = default;
  explicit Positions(std::string file) : file_(std::move(file)) {}

  const std::string& file() const { return file_; }

  void set(const std::string& path, Place place) { places_[path] = std::move(place); }
  // From here on `path` and all below it were said by `origin`, e.g. "--set training.batch=32".
  void set_override(const std::string& path, const std::string& origin);

  // Something in the message at `path` (empty: the experiment) was not understood, so what seems to be missing there
  // may just be misspelt: nobody should complain of it a second time.
  void set_damaged(const std::string& path) { damaged_.insert(path); }
  bool is_damaged(std::string_view path) const { return damaged_.contains(path); }

  // Of the field, or if it was not written, of the nearest message around it; the file alone failing that.
  Place find(std::string_view path) const;

private:
  std::string file_;
  std::map<std::string, Place, std::less<>> places_;
  std::set<std::string, std::less<>> damaged_;
};

} // namespace kiln::frontend
