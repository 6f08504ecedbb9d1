// A picture of what the network will see: samples, and beside each what augmentation makes of it.
#pragma once

#include "augmentation.h"
#include "runtime/data_source.h"

#include <cstdint>
#include <string>

namespace kiln::tools {

// A row a sample, spread over the training images: the image as it is, then as it looks in the first `variants` epochs
// under this seed. Small images are enlarged. Throws runtime::Error if the file cannot be written.
void write_contact_sheet(const std::string& path, const runtime::DataSource& source, const Augmentation& augmentation,
                         int64_t variants, uint64_t seed);

} // namespace kiln::tools
