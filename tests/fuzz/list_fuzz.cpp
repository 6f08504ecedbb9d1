// Fuzzes lists of files: CSV and blank-separated, from first byte to labels.
#include "runtime/list_reader.h"
#include "tests/fuzz/fuzz_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kiln::runtime::ListFormat;
  const kiln::fuzz::FuzzFile file(data, size);
  for (ListFormat format : {ListFormat::csv, ListFormat::blank})
    for (bool has_header : {false, true})
      kiln::fuzz::expect_data_error_at_worst(file.path(), [&] {
        auto lines = kiln::runtime::read_list(file.path(), {.format = format, .has_header = has_header});
        const auto names = kiln::runtime::find_class_names(lines, file.path());
        kiln::runtime::label_list(std::move(lines), file.path(), names);
      });
  return 0;
}
