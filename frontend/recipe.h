// How an experiment is trained, as plain numbers: the kiln_recipe of runtime/product.h.
#pragma once

#include "frontend/proto/kiln.pb.h"
#include "runtime/product.h"

#include <string>
#include <vector>

namespace kiln::frontend {

// Of a resolved training section without errors. Holds what the recipe points to; augmentation and what becomes of bad
// records are the caller's to add.
class Recipe {
public:
  explicit Recipe(const proto::Training& training);
  Recipe(const Recipe&) = delete;
  Recipe& operator=(const Recipe&) = delete;

  const kiln_recipe& stated() const { return stated_; }

private:
  std::vector<double> milestones_;
  std::string weights_;
  kiln_recipe stated_{};
};

} // namespace kiln::frontend
