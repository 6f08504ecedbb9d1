// The data section of a resolved experiment as the runtime takes it: the same facts, without how they were written.
#pragma once

#include "frontend/proto/kiln.pb.h"
#include "runtime/data_description.h"

namespace kiln::frontend {

// Of a section without errors, or with errors: then some of what is described cannot be opened.
runtime::DataDescription describe_data(const proto::Data& resolved);

} // namespace kiln::frontend
