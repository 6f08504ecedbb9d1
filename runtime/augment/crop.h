// Cuts a part out of an image, which may reach beyond it; and the part that is cut where nothing is drawn.
#pragma once

#include "runtime/augment/image_view.h"
#include "runtime/data_source.h"

#include <memory>

namespace kiln::runtime {

// The part of height x width whose first pixel stands at (top, left), either of which may be negative.
void crop_image(const ImageView& image, int64_t top, int64_t left, int64_t height, int64_t width,
                const kiln_outside& outside, uint8_t* result);

// A source whose images are the middle parts of another's; where that cannot be the very middle, one row or column
// nearer to the start. Throws Error (data) if the images are smaller.
std::shared_ptr<const DataSource> crop_center(std::shared_ptr<const DataSource> source, int64_t height, int64_t width);
// The same of a source that outlives the result.
std::unique_ptr<DataSource> crop_center(const DataSource& source, int64_t height, int64_t width);

} // namespace kiln::runtime
