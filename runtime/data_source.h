// Where samples come from: an interface over numbered samples of named arrays, and its implementation for images with
// class labels in memory. Other implementations stand in files of their own; nothing else knows formats.
#pragma once

#include "runtime/abi.h"
#include "runtime/data_facts.h"
#include "runtime/image.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::runtime {

// One named array that every sample has: what the function's input of that name takes a row of.
struct Field {
  std::string name;
  kiln_dtype dtype = KILN_U8;
  std::vector<int64_t> dims; // of one sample; none: a single value

  int64_t elements() const;
  int64_t bytes() const;
  bool operator==(const Field&) const = default;
};

// Fields that most sources have. Images are u8, height x width x channels. Labels are i32 (a class), i32 of height x
// width (one a pixel), or f32 of any dims (a distribution, the target of a regression).
inline constexpr std::string_view image_name = "image";
inline constexpr std::string_view label_name = "label";

std::string to_string(const Field& field); // "image u8 28x28x1", "label i32"

Field image_field(const ImageShape& shape);
Field class_label_field();

// The labels that a network takes: classes from 0, and one that no loss counts.
struct LabelRange {
  int64_t classes = 0;
  std::optional<int64_t> ignored;

  bool holds(int64_t label) const { return (label >= 0 && label < classes) || label == ignored; }
  // What follows the name of a sample whose label it does not hold; `place` says which of several.
  std::string refusal(int64_t label, const std::string& place = {}) const;
};

// All members may be called from several threads at once.
class DataSource {
public:
  virtual ~DataSource() = default;

  virtual int64_t size() const = 0;
  // What every sample has, in an order that stays.
  virtual std::span<const Field> fields() const = 0;
  // Writes fields()[field].bytes() bytes, row-major.
  virtual void read(int64_t index, size_t field, void* out) const = 0;
  // The sample in words for an error message: its file, and its place there.
  virtual std::string describe(int64_t index) const = 0;
  // Whether read() is a mere copy: then handing it to another thread costs more than it saves.
  virtual bool in_memory() const = 0;
  // The sample's image as it lies in its file, before anything is converted or resized. Throws Error (data) as read()
  // does.
  virtual ImageShape stored_shape(int64_t) const { return image_shape(); }

  const Field* find_field(std::string_view name) const; // null if there is none
  ImageShape image_shape() const;                       // of the field "image", which must be one
  // The field "label" where labels are classes, one a sample; null where they are not.
  const Field* class_label() const;
  int32_t read_class(int64_t index) const; // needs class_label()
  size_t index_of(const Field& field) const { return static_cast<size_t>(&field - fields().data()); }
  // Says what is wrong with the first of the sample's labels of type i32 that is out of range; empty if none is.
  std::string label_problem(int64_t index, const LabelRange& range) const;
  // Throws Error (data) that names file and sample unless all labels of type i32 lie in the range.
  void check_labels(const LabelRange& range) const;
};

class MemorySource : public DataSource {
public:
  // `pixels` holds labels.size() images of `shape`. The names are for messages.
  MemorySource(ImageShape shape, std::vector<uint8_t> pixels, std::vector<int32_t> labels,
               const std::string& image_file, std::string label_file);
  // Of files read one after another; `first_samples` has the number of each one's first sample.
  MemorySource(LabelledImages images, std::vector<std::string> files, std::vector<int64_t> first_samples);

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  std::span<const Field> fields() const override { return fields_; }
  void read(int64_t index, size_t field, void* out) const override;
  std::string describe(int64_t index) const override;
  bool in_memory() const override { return true; }

private:
  std::vector<Field> fields_; // image, label
  std::vector<uint8_t> pixels_;
  std::vector<int32_t> labels_;
  std::vector<std::string> files_; // that labels come from
  std::vector<int64_t> first_samples_;
};

// Reads an IDX pair whole. Throws Error (data) on damaged files and when they disagree about the number of samples.
std::unique_ptr<DataSource> open_idx_source(const std::string& image_file, const std::string& label_file);

} // namespace kiln::runtime
