// The axes of a layer's input as users count them: 1 channels, 2 height, 3 width. The batch is no axis.
#pragma once

#include "frontend/import/layer_import.h"

namespace kiln::frontend {

// Reports an axis that the input does not have. True if it has it; false, too, where the input is not known.
bool check_axis(LayerImport& import, int64_t axis, const std::string& field);

} // namespace kiln::frontend
