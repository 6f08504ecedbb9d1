// Where samples come from: an interface over numbered images with labels, and its implementation for data in memory.
// Folders, record databases and other formats become further implementations; nothing else knows about formats.
#include "runtime/data_source.h"

#include "runtime/error.h"
#include "runtime/idx_reader.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <cstring>

namespace kiln::runtime {

int64_t DataSource::class_count() const {
  int64_t classes = 0;
  for (int64_t index = 0; index < size(); ++index) classes = std::max<int64_t>(classes, int64_t{label(index)} + 1);
  return classes;
}

void DataSource::check_labels(int64_t classes) const {
  for (int64_t index = 0; index < size(); ++index) {
    int32_t found = label(index);
    if (found >= 0 && found < classes) continue;
    throw Error(ErrorKind::data, describe(index) + ": label " + format_integer(found) + ", but the network has " +
                                     format_integer(classes) + " classes (labels 0 to " + format_integer(classes - 1) +
                                     ")");
  }
}

MemorySource::MemorySource(ImageShape shape, std::vector<uint8_t> pixels, std::vector<int32_t> labels,
                           std::string image_file, std::string label_file)
    : shape_(shape), pixels_(std::move(pixels)), labels_(std::move(labels)), image_file_(std::move(image_file)),
      label_file_(std::move(label_file)) {
  int64_t images = shape_.bytes() > 0 ? static_cast<int64_t>(pixels_.size()) / shape_.bytes() : 0;
  if (images != size())
    throw Error(ErrorKind::data, "images and labels disagree: " + image_file_ + " holds " + format_integer(images) +
                                     " images, " + label_file_ + " holds " + format_integer(size()) + " labels");
}

void MemorySource::read(int64_t index, uint8_t* hwc, int32_t* label) const {
  size_t bytes = static_cast<size_t>(shape_.bytes());
  memcpy(hwc, pixels_.data() + static_cast<size_t>(index) * bytes, bytes);
  *label = labels_[static_cast<size_t>(index)];
}

std::string MemorySource::describe(int64_t index) const { return label_file_ + ": sample " + format_integer(index); }

std::unique_ptr<DataSource> open_idx_source(const std::string& image_file, const std::string& label_file) {
  IdxImages images = read_idx_images(image_file);
  std::vector<uint8_t> labels = read_idx_labels(label_file);
  ImageShape shape{images.height, images.width, images.channels};
  return std::make_unique<MemorySource>(shape, std::move(images.pixels),
                                        std::vector<int32_t>(labels.begin(), labels.end()), image_file, label_file);
}

} // namespace kiln::runtime
