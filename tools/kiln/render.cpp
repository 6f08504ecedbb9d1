// kiln render: the resolved experiment, every default written out.
#include "frontend/render.h"
#include "compile_experiment.h"

#include <fmt/format.h>

namespace kiln::tools {

int run_render(const Options& options) {
  fmt::print("{}", frontend::render(load(options).experiment));
  return 0;
}

} // namespace kiln::tools
