// Fuzzes CIFAR's binary files.
#include "runtime/cifar_reader.h"
#include "tests/fuzz/fuzz_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kiln::runtime::CifarKind;
  const kiln::fuzz::FuzzFile file(data, size);
  for (CifarKind kind : {CifarKind::cifar10, CifarKind::cifar100_fine, CifarKind::cifar100_coarse})
    kiln::fuzz::expect_data_error_at_worst(file.path(), [&] {
      std::vector<int64_t> first_samples;
      kiln::runtime::read_cifar({file.path(), file.path()}, kind, first_samples);
    });
  return 0;
}
