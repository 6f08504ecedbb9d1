// Samples that are rows of NumPy arrays: images, labels of any kind, and what else a network takes.
#include "runtime/npy_source.h"

#include "runtime/error.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace kiln::runtime {
namespace {

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw Error(ErrorKind::data, name + ": " + what);
}

// Of one sample: the dims behind the first, at least one.
std::vector<int64_t> row_dims(const NpyHeader& header) {
  if (header.dims.size() < 2) return {1};
  return {header.dims.begin() + 1, header.dims.end()};
}

void require_floats(const NpyHeader& header, const std::string& name) {
  if (header.kind == 'f' && header.element_bytes < 4)
    fail(name, "floats of " + header.type_name() + ": expected f4 or f8");
  if (header.dims.empty() || header.elements() == 0)
    fail(name, "the array is " + header.shape_text() + ": expected values for each sample");
}

Field label_field(const NpyHeader& header, const std::string& name) {
  const std::vector<int64_t>& dims = header.dims;
  if (header.kind == 'f') {
    require_floats(header, name);
    return {std::string(label_name), KILN_F32, row_dims(header)};
  }
  if (dims.size() == 1 || (dims.size() == 2 && dims[1] == 1)) return class_label_field();
  if (dims.size() == 3 && dims[1] > 0 && dims[2] > 0) return {std::string(label_name), KILN_I32, row_dims(header)};
  fail(name, "labels are " + header.shape_text() + " of " + header.type_name() +
                 ": expected whole numbers, one a sample or a map of height x width, or floats");
}

Field input_field(const std::string& input, const NpyHeader& header, const std::string& name) {
  require_floats(header, name);
  return {input, KILN_F32, row_dims(header)};
}

class NpySurveyor {
public:
  NpySurvey survey(const NpyArrays& arrays) {
    const NpyHeader images = read_npy_header(arrays.image);
    survey_.fields.push_back(image_field(npy_image_shape(images, arrays.channels_first, name_of(arrays.image))));
    survey_.samples = images.dims[0];
    const NpyHeader labels = read_npy_header(arrays.label);
    add(label_field(labels, name_of(arrays.label)), labels, arrays.label, "labels");
    for (const NamedArray& input : arrays.inputs) {
      const NpyHeader header = read_npy_header(input.place);
      add(input_field(input.name, header, name_of(input.place)), header, input.place, "rows");
    }
    return std::move(survey_);
  }

private:
  void add(Field field, const NpyHeader& header, const ArrayPlace& place, const char* what) {
    if (header.dims[0] != survey_.samples)
      fail(name_of(place),
           format_integer(header.dims[0]) + " " + what + " for " + format_integer(survey_.samples) + " images");
    survey_.fields.push_back(std::move(field));
  }

  NpySurvey survey_;
};

template <class Number> Number element(const NpyArray& array, size_t index) {
  Number value;
  memcpy(&value, array.data.data() + index * sizeof value, sizeof value);
  return value;
}

int64_t whole_number(const NpyArray& array, size_t index) {
  const auto bytes = static_cast<size_t>(array.header.element_bytes);
  uint64_t bits = 0;
  memcpy(&bits, array.data.data() + index * bytes, bytes);
  if (array.header.kind != 'i') return static_cast<int64_t>(std::min<uint64_t>(bits, INT64_MAX));
  const int unused = 64 - 8 * static_cast<int>(bytes);
  return static_cast<int64_t>(bits << unused) >> unused;
}

template <class Number, class Get> std::vector<uint8_t> converted(size_t count, Get&& get) {
  std::vector<uint8_t> bytes(count * sizeof(Number));
  for (size_t index = 0; index < count; ++index) {
    const Number value = get(index);
    memcpy(bytes.data() + index * sizeof value, &value, sizeof value);
  }
  return bytes;
}

std::vector<uint8_t> read_labels(const NpyArray& array, const Field& field, const std::string& name) {
  const auto row = static_cast<size_t>(field.elements());
  return converted<int32_t>(static_cast<size_t>(array.header.elements()), [&](size_t index) {
    const int64_t value = whole_number(array, index);
    // -1 may be what no loss counts.
    if (value < -1 || value > std::numeric_limits<int32_t>::max())
      fail(name, "sample " + format_integer(static_cast<int64_t>(index / row)) + ": label " + format_integer(value) +
                     " is out of range");
    return static_cast<int32_t>(value);
  });
}

std::vector<uint8_t> read_floats(NpyArray array) {
  const auto count = static_cast<size_t>(array.header.elements());
  if (array.header.kind == 'f' && array.header.element_bytes == 4) return std::move(array.data);
  if (array.header.kind == 'f')
    return converted<float>(count, [&](size_t index) { return static_cast<float>(element<double>(array, index)); });
  return converted<float>(count, [&](size_t index) { return static_cast<float>(whole_number(array, index)); });
}

std::vector<uint8_t> read_pixels(NpyArray array, const Field& field, bool channels_first) {
  const bool is_whole = static_cast<int64_t>(array.data.size()) % field.bytes() == 0;
  if (!is_whole || !channels_first || array.header.dims.size() == 3) return std::move(array.data);
  const auto plane = static_cast<size_t>(field.dims[0] * field.dims[1]), channels = static_cast<size_t>(field.dims[2]);
  std::vector<uint8_t> pixels(array.data.size());
  uint8_t* to = pixels.data();
  for (const uint8_t* from = array.data.data(); to != pixels.data() + pixels.size(); from += plane * channels)
    for (size_t pixel = 0; pixel < plane; ++pixel)
      for (size_t channel = 0; channel < channels; ++channel) *to++ = from[channel * plane + pixel];
  return pixels;
}

class NpySource : public DataSource {
public:
  NpySource(NpySurvey survey, std::vector<std::vector<uint8_t>> columns, std::string label_name)
      : survey_(std::move(survey)), columns_(std::move(columns)), label_name_(std::move(label_name)) {}

  int64_t size() const override { return survey_.samples; }
  std::span<const Field> fields() const override { return survey_.fields; }
  void read(int64_t index, size_t field, void* out) const override {
    const auto bytes = static_cast<size_t>(survey_.fields[field].bytes());
    memcpy(out, columns_[field].data() + static_cast<size_t>(index) * bytes, bytes);
  }
  std::string describe(int64_t index) const override { return label_name_ + ": sample " + format_integer(index); }
  bool in_memory() const override { return true; }

private:
  NpySurvey survey_;
  std::vector<std::vector<uint8_t>> columns_; // a field each
  std::string label_name_;
};

} // namespace

NpySurvey survey_npy(const NpyArrays& arrays) { return NpySurveyor().survey(arrays); }

std::vector<int32_t> read_npy_labels(const ArrayPlace& place) {
  const std::string name = name_of(place);
  const Field field = label_field(read_npy_header(place), name);
  if (field != class_label_field()) return {};
  const std::vector<uint8_t> bytes = read_labels(read_npy(place), field, name);
  std::vector<int32_t> labels(bytes.size() / sizeof(int32_t));
  memcpy(labels.data(), bytes.data(), bytes.size());
  return labels;
}

std::unique_ptr<DataSource> open_npy(const NpyArrays& arrays) {
  NpySurvey survey = survey_npy(arrays);
  std::vector<std::vector<uint8_t>> columns;
  columns.push_back(read_pixels(read_npy(arrays.image), survey.fields[0], arrays.channels_first));
  const Field& label = survey.fields[1];
  NpyArray labels = read_npy(arrays.label);
  columns.push_back(label.dtype == KILN_F32 ? read_floats(std::move(labels))
                                            : read_labels(labels, label, name_of(arrays.label)));
  for (const NamedArray& input : arrays.inputs) columns.push_back(read_floats(read_npy(input.place)));
  for (size_t field = 0; field < columns.size(); ++field) // a file that has changed since its header was read
    if (static_cast<int64_t>(columns[field].size()) != survey.samples * survey.fields[field].bytes())
      fail(name_of(arrays.image), "the arrays have changed while they were read");
  return std::make_unique<NpySource>(std::move(survey), std::move(columns), name_of(arrays.label));
}

} // namespace kiln::runtime
