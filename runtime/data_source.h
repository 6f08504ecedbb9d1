// Where samples come from: an interface over numbered images with labels, and its implementation for data in memory.
// Folders, record databases and other formats become further implementations; nothing else knows about formats.
#pragma once

#include "runtime/image.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kiln::runtime {

// All members may be called from several threads at once.
class DataSource {
public:
  virtual ~DataSource() = default;

  virtual int64_t size() const = 0;
  virtual ImageShape shape() const = 0;
  // Writes shape().bytes() bytes, row-major over height, width, channels, and the label.
  virtual void read(int64_t index, uint8_t* hwc, int32_t* label) const = 0;
  virtual int32_t label(int64_t index) const = 0;
  // The sample in words for an error message: its file, and its place there.
  virtual std::string describe(int64_t index) const = 0;
  // Whether read() is a mere copy: then handing it to another thread costs more than it saves.
  virtual bool in_memory() const = 0;

  // The largest label + 1.
  int64_t class_count() const;
  // Throws Error (data) that names file and sample unless every label lies in [0, classes).
  void check_labels(int64_t classes) const;
};

class MemorySource : public DataSource {
public:
  // `pixels` holds labels.size() images of `shape`. The names are for messages.
  MemorySource(ImageShape shape, std::vector<uint8_t> pixels, std::vector<int32_t> labels, std::string image_file,
               std::string label_file);

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  ImageShape shape() const override { return shape_; }
  void read(int64_t index, uint8_t* hwc, int32_t* label) const override;
  int32_t label(int64_t index) const override { return labels_[static_cast<size_t>(index)]; }
  std::string describe(int64_t index) const override;
  bool in_memory() const override { return true; }

private:
  ImageShape shape_;
  std::vector<uint8_t> pixels_;
  std::vector<int32_t> labels_;
  std::string image_file_;
  std::string label_file_;
};

// Reads an IDX pair whole. Throws Error (data) on damaged files and when they disagree about the number of samples.
std::unique_ptr<DataSource> open_idx_source(const std::string& image_file, const std::string& label_file);

} // namespace kiln::runtime
