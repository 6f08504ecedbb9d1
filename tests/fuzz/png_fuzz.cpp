// Fuzzes the decoding of PNG files.
#include "tests/fuzz/image_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kiln::fuzz::decode(data, size, kiln::runtime::ImageFormat::png);
  return 0;
}
