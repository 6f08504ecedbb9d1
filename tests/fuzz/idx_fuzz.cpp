// Fuzzes IDX files, plain and gzipped.
#include "runtime/idx_reader.h"
#include "tests/fuzz/fuzz_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const kiln::fuzz::FuzzFile file(data, size);
  kiln::fuzz::expect_data_error_at_worst(file.path(), [&] { kiln::runtime::read_idx_images(file.path()); });
  kiln::fuzz::expect_data_error_at_worst(file.path(), [&] { kiln::runtime::read_idx_labels(file.path()); });
  return 0;
}
