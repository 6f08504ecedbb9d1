// The data of a product: as the experiment has them, or found where the user says they are.
#pragma once

#include "runtime/data_description.h"
#include "runtime/open_data.h"
#include "runtime/product.h"

#include <span>
#include <string>

namespace kiln::products {

runtime::FitRule fit_rule(const kiln_fit& fit);
runtime::DataDescription describe(const kiln_data& data);

// The same kind of data elsewhere. One directory: the experiment's files by their names, there. Files: in the order of
// the experiment's, of which the last may be left out: training images and labels, test images and labels; lists or
// folders for training, validation and test. Throws runtime::Error (usage, data).
runtime::DataDescription relocate(const runtime::DataDescription& description, std::span<const std::string> places);

// The sources of all splits, of those that are evaluated only the middle of each image.
runtime::DataSplits open_splits(const runtime::DataDescription& description, int64_t height, int64_t width);

} // namespace kiln::products
