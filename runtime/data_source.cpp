// Where samples come from: an interface over numbered samples of named arrays, and its implementation for images with
// class labels in memory. Other implementations stand in files of their own; nothing else knows formats.
#include "runtime/data_source.h"

#include "runtime/error.h"
#include "runtime/idx_reader.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <cstring>

namespace kiln::runtime {

namespace {

int64_t size_of(kiln_dtype dtype) { return dtype == KILN_U8 ? 1 : 4; }

std::string_view name_of(kiln_dtype dtype) {
  switch (dtype) {
  case KILN_F32:
    return "f32";
  case KILN_U8:
    return "u8";
  case KILN_I32:
    return "i32";
  }
  return "unknown";
}

} // namespace

int64_t Field::elements() const {
  int64_t count = 1;
  for (int64_t dim : dims) count *= dim;
  return count;
}

int64_t Field::bytes() const { return elements() * size_of(dtype); }

std::string to_string(const Field& field) {
  std::string text = field.name + " ";
  text += name_of(field.dtype);
  for (size_t i = 0; i < field.dims.size(); ++i) {
    text += i == 0 ? ' ' : 'x';
    append_integer(text, field.dims[i]);
  }
  return text;
}

Field image_field(const ImageShape& shape) {
  return {std::string(image_name), KILN_U8, {shape.height, shape.width, shape.channels}};
}

Field class_label_field() { return {std::string(label_name), KILN_I32, {}}; }

const Field* DataSource::find_field(std::string_view name) const {
  for (const Field& field : fields())
    if (field.name == name) return &field;
  return nullptr;
}

ImageShape DataSource::image_shape() const {
  const Field* image = find_field(image_name);
  return {image->dims[0], image->dims[1], image->dims[2]};
}

const Field* DataSource::class_label() const {
  const Field* label = find_field(label_name);
  return label && label->dtype == KILN_I32 && label->dims.empty() ? label : nullptr;
}

int32_t DataSource::read_class(int64_t index) const {
  int32_t label = 0;
  read(index, index_of(*class_label()), &label);
  return label;
}

std::string LabelRange::refusal(int64_t label, const std::string& place) const {
  std::string text = ": label " + format_integer(label) + place + ", but the network has " + format_integer(classes) +
                     " classes (labels 0 to " + format_integer(classes - 1);
  if (ignored) text += "; " + format_integer(*ignored) + " is ignored";
  return text + ")";
}

std::string DataSource::label_problem(int64_t index, const LabelRange& range) const {
  const Field* label = find_field(label_name);
  if (!label || label->dtype != KILN_I32) return {};
  std::vector<int32_t> found(static_cast<size_t>(label->elements()));
  read(index, index_of(*label), found.data());
  for (size_t place = 0; place < found.size(); ++place) {
    if (range.holds(found[place])) continue;
    std::string where;
    if (label->dims.size() == 2)
      where = " in row " + format_integer(static_cast<int64_t>(place) / label->dims[1]) + ", column " +
              format_integer(static_cast<int64_t>(place) % label->dims[1]);
    return describe(index) + range.refusal(found[place], where);
  }
  return {};
}

void DataSource::check_labels(const LabelRange& range) const {
  for (int64_t index = 0; index < size(); ++index)
    if (const std::string problem = label_problem(index, range); !problem.empty())
      throw Error(ErrorKind::data, problem);
}

MemorySource::MemorySource(ImageShape shape, std::vector<uint8_t> pixels, std::vector<int32_t> labels,
                           const std::string& image_file, std::string label_file)
    : fields_{image_field(shape), class_label_field()}, pixels_(std::move(pixels)),
      labels_(std::move(labels)), files_{std::move(label_file)}, first_samples_{0} {
  int64_t images = shape.bytes() > 0 ? static_cast<int64_t>(pixels_.size()) / shape.bytes() : 0;
  if (images != size())
    throw Error(ErrorKind::data, "images and labels disagree: " + image_file + " holds " + format_integer(images) +
                                     " images, " + files_[0] + " holds " + format_integer(size()) + " labels");
}

MemorySource::MemorySource(LabelledImages images, std::vector<std::string> files, std::vector<int64_t> first_samples)
    : fields_{image_field(images.shape), class_label_field()}, pixels_(std::move(images.pixels)),
      labels_(std::move(images.labels)), files_(std::move(files)), first_samples_(std::move(first_samples)) {}

void MemorySource::read(int64_t index, size_t field, void* out) const {
  if (field == 0) {
    const auto bytes = static_cast<size_t>(fields_[0].bytes());
    memcpy(out, pixels_.data() + static_cast<size_t>(index) * bytes, bytes);
  } else {
    memcpy(out, &labels_[static_cast<size_t>(index)], sizeof(int32_t));
  }
}

std::string MemorySource::describe(int64_t index) const {
  const auto after = std::upper_bound(first_samples_.begin(), first_samples_.end(), index);
  const auto file = static_cast<size_t>(after - first_samples_.begin() - 1);
  return files_[file] + ": sample " + format_integer(index - first_samples_[file]);
}

std::unique_ptr<DataSource> open_idx_source(const std::string& image_file, const std::string& label_file) {
  IdxImages images = read_idx_images(image_file);
  std::vector<uint8_t> labels = read_idx_labels(label_file);
  ImageShape shape{images.height, images.width, images.channels};
  return std::make_unique<MemorySource>(shape, std::move(images.pixels),
                                        std::vector<int32_t>(labels.begin(), labels.end()), image_file, label_file);
}

} // namespace kiln::runtime
