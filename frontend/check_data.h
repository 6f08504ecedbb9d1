// Everything that can be wrong with the data section before any file is looked at.
#pragma once

#include "frontend/diagnostics.h"
#include "frontend/positions.h"
#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

// Whether the source is files of images: of any size, decoded and resized one by one.
bool is_of_image_files(const proto::Data& data);

void check_data(const proto::Data& resolved, const Positions& positions, Diagnostics& diagnostics);

} // namespace kiln::frontend
