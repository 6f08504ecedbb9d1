// Reads IDX files (the MNIST family's format), gzipped or not: images of bytes, labels of bytes.
// Every malformed file gives a data error that names the file, what was expected and what was found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::runtime {

struct IdxImages {
  int64_t count = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  std::vector<uint8_t> pixels; // count x height x width x channels
};

// Magic 0x00000803 (count, rows, columns: one channel) or 0x00000804 (count, rows, columns, channels).
IdxImages read_idx_images(const std::string& path);
// The same without pixels, from the header and the size of the file. What is wrong is told as read_idx_images does.
IdxImages survey_idx_images(const std::string& path);
// Magic 0x00000801.
std::vector<uint8_t> read_idx_labels(const std::string& path);
// How many, as survey_idx_images.
int64_t count_idx_labels(const std::string& path);

} // namespace kiln::runtime
