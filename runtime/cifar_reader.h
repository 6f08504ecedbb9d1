// The binary files of CIFAR-10 and CIFAR-100: records of one or two label bytes and 3 x 32 x 32 bytes of pixels.
#pragma once

#include "runtime/data_facts.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::runtime {

enum class CifarKind : uint8_t {
  cifar10,
  cifar100_fine,   // 100 classes
  cifar100_coarse, // their 20 superclasses
};

inline constexpr ImageShape cifar_shape = {32, 32, 3};

// The files of an unpacked archive's folder: data_batch_*.bin or train.bin; test_batch.bin or test.bin. Empty where
// there are none.
std::vector<std::string> find_cifar_files(const std::string& folder, CifarKind kind, Split split);
// Of batches.meta.txt, fine_label_names.txt or coarse_label_names.txt in it; empty if there is no such file.
std::vector<std::string> read_cifar_class_names(const std::string& folder, CifarKind kind);

// The labels alone.
std::vector<int32_t> read_cifar_labels(const std::string& file, CifarKind kind);
// From the file's size. Throws Error (data) if that is no whole number of records.
int64_t count_cifar_records(const std::string& file, CifarKind kind);
// All files, one after another; `first_samples` gets the number of each file's first sample.
LabelledImages read_cifar(const std::vector<std::string>& files, CifarKind kind, std::vector<int64_t>& first_samples);

} // namespace kiln::runtime
