// Decodes bytes as an image in the ways that training does: whole, grey, reduced to fit, and the part that is wanted.
#pragma once

#include "runtime/image_decoder.h"
#include "tests/fuzz/fuzz_file.h"

#include <vector>

namespace kiln::fuzz {

// Bytes of another format belong to another target.
inline void decode(const uint8_t* data, size_t size, runtime::ImageFormat format) {
  static runtime::ImageDecoder decoder; // one for all, as in a worker: what an error leaves behind meets the next file
  const runtime::Bytes file(data, size);
  const runtime::FitRule fits[] = {{.kind = runtime::FitKind::letterbox, .target = {5, 7, 3}},
                                   {.kind = runtime::FitKind::crop, .target = {5, 7, 3}},
                                   {.kind = runtime::FitKind::shorter_side, .target = {9, 3, 3}, .shorter_side = 70}};
  expect_data_error_at_worst("name", [&] {
    if (runtime::detect_image_format(file, "name") != format) return;
    decoder.read_info(file, "name");
    runtime::Image image;
    decoder.decode(file, "name", {.channels = 1}, image);
    for (const runtime::FitRule& fit : fits) {
      decoder.decode(file, "name", {.fit = &fit}, image);
      std::vector<uint8_t> out(static_cast<size_t>(fit.target.bytes()));
      runtime::ImageFitter().fit(fit, image, out.data());
    }
  });
}

} // namespace kiln::fuzz
