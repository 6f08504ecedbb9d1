// Everything that can be wrong with what happens to images - pre-processing, augmentation - before any shape is known.
#pragma once

#include "frontend/proto/kiln.pb.h"
#include "frontend/section_check.h"

namespace kiln::frontend {

// The preprocess and augment sections.
void check_images(const proto::Experiment& resolved, const Positions& positions, Diagnostics& diagnostics,
                  const std::set<std::string>& faulty);

} // namespace kiln::frontend
