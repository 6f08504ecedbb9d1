// The binary files of CIFAR-10 and CIFAR-100: records of one or two label bytes and 3 x 32 x 32 bytes of pixels.
#include "runtime/cifar_reader.h"

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/number_format.h"

#include <algorithm>

namespace kiln::runtime {
namespace {

constexpr size_t plane_bytes = 32 * 32;

size_t label_bytes(CifarKind kind) { return kind == CifarKind::cifar10 ? 1 : 2; } // coarse, then fine
size_t label_position(CifarKind kind) { return kind == CifarKind::cifar100_fine ? 1 : 0; }
size_t record_bytes(CifarKind kind) { return label_bytes(kind) + 3 * plane_bytes; }

int64_t count_records(const InputFile& file, CifarKind kind) {
  const bool is_10 = kind == CifarKind::cifar10;
  if (file.size() == 0) throw Error(ErrorKind::data, file.path() + ": the file is empty");
  if (file.size() % record_bytes(kind) == 0) return static_cast<int64_t>(file.size() / record_bytes(kind));
  std::string text = file.path() + ": " + format_integer(static_cast<int64_t>(file.size())) +
                     " bytes are no whole number of CIFAR-" + (is_10 ? "10" : "100") + " records of " +
                     format_integer(static_cast<int64_t>(record_bytes(kind))) + " bytes";
  const CifarKind other = is_10 ? CifarKind::cifar100_fine : CifarKind::cifar10;
  if (file.size() % record_bytes(other) == 0) text += std::string("; of CIFAR-") + (is_10 ? "100" : "10") + " they are";
  throw Error(ErrorKind::data, text);
}

} // namespace

std::vector<std::string> find_cifar_files(const std::string& folder, CifarKind kind, Split split) {
  std::vector<std::string> files;
  auto add = [&](const std::string& name) {
    if (std::string path = join_path(folder, name); file_exists(path)) files.push_back(path);
  };
  switch (split) {
  case Split::train:
    for (int64_t part = 1; kind == CifarKind::cifar10 && part <= 9; ++part)
      add("data_batch_" + format_integer(part) + ".bin");
    if (kind != CifarKind::cifar10) add("train.bin");
    break;
  case Split::validation:
    break;
  case Split::test:
    add(kind == CifarKind::cifar10 ? "test_batch.bin" : "test.bin");
    break;
  }
  return files;
}

std::vector<std::string> read_cifar_class_names(const std::string& folder, CifarKind kind) {
  const char* name = kind == CifarKind::cifar10         ? "batches.meta.txt"
                     : kind == CifarKind::cifar100_fine ? "fine_label_names.txt"
                                                        : "coarse_label_names.txt";
  const std::string path = join_path(folder, name);
  std::vector<std::string> names;
  if (!file_exists(path)) return names;
  std::string line;
  for (char c : read_text_file(path) + "\n") {
    if (c != '\n') {
      if (c != '\r') line += c;
    } else if (!line.empty()) {
      names.push_back(std::move(line));
      line.clear();
    }
  }
  return names;
}

int64_t count_cifar_records(const std::string& file, CifarKind kind) { return count_records(InputFile(file), kind); }

std::vector<int32_t> read_cifar_labels(const std::string& path, CifarKind kind) {
  const InputFile file(path);
  std::vector<int32_t> labels(static_cast<size_t>(count_records(file, kind)));
  for (size_t record = 0; record < labels.size(); ++record) {
    uint8_t label = 0;
    file.read_at(record * record_bytes(kind) + label_position(kind), &label, 1);
    labels[record] = label;
  }
  return labels;
}

LabelledImages read_cifar(const std::vector<std::string>& files, CifarKind kind, std::vector<int64_t>& first_samples) {
  LabelledImages images;
  images.shape = cifar_shape;
  constexpr int64_t most_at_once = 1000;
  std::vector<uint8_t> records;
  for (const std::string& path : files) {
    const InputFile file(path);
    const int64_t count = count_records(file, kind);
    first_samples.push_back(static_cast<int64_t>(images.labels.size()));
    images.pixels.resize(images.pixels.size() + static_cast<size_t>(count) * 3 * plane_bytes);
    uint8_t* to = images.pixels.data() + images.labels.size() * 3 * plane_bytes;
    records.resize(static_cast<size_t>(std::min(most_at_once, count)) * record_bytes(kind));
    for (int64_t first = 0; first < count; first += most_at_once) {
      const auto now = static_cast<size_t>(std::min(most_at_once, count - first));
      file.read_at(static_cast<uint64_t>(first) * record_bytes(kind), records.data(), now * record_bytes(kind));
      for (size_t record = 0; record < now; ++record) {
        const uint8_t* from = records.data() + record * record_bytes(kind);
        images.labels.push_back(from[label_position(kind)]);
        from += label_bytes(kind);
        for (size_t pixel = 0; pixel < plane_bytes; ++pixel)
          for (size_t channel = 0; channel < 3; ++channel) *to++ = from[channel * plane_bytes + pixel];
      }
    }
  }
  return images;
}

} // namespace kiln::runtime
