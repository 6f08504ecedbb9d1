// Left and right of an image change places.
#pragma once

#include "runtime/augment/image_view.h"

namespace kiln::runtime {

void flip_image(const ImageView& image, uint8_t* result);

} // namespace kiln::runtime
