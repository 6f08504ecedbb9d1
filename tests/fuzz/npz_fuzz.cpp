// Fuzzes NumPy arrays, alone and in archives.
#include "runtime/npy_source.h"
#include "tests/fuzz/fuzz_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const kiln::fuzz::FuzzFile file(data, size);
  const kiln::runtime::ArrayPlace image{file.path(), "image"}, label{file.path(), "label"};
  kiln::fuzz::expect_data_error_at_worst(file.path(), [&] { kiln::runtime::read_npy_header(image); });
  kiln::fuzz::expect_data_error_at_worst(file.path(), [&] { kiln::runtime::read_npy(image); });
  for (bool channels_first : {false, true})
    kiln::fuzz::expect_data_error_at_worst(file.path(), [&] {
      kiln::runtime::open_npy({image, label, {{"label", label}}, channels_first});
    });
  return 0;
}
