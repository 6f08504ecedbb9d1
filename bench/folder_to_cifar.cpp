// Writes a folder of images, one directory a class, as CIFAR's binary files: folder_to_cifar DIR OUT
// DIR/train and DIR/test become OUT/data_batch_1.bin and OUT/test_batch.bin, and OUT/batches.meta.txt names the
// classes.
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/open_data.h"

#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace kiln::runtime;

void write_split(const DataSource& source, const std::string& path) {
  AtomicFile file(path);
  std::vector<uint8_t> image(static_cast<size_t>(cifar_shape.bytes())), record(1 + image.size());
  const size_t plane = image.size() / 3;
  for (int64_t sample = 0; sample < source.size(); ++sample) {
    source.read(sample, 0, image.data());
    record[0] = static_cast<uint8_t>(source.read_class(sample));
    for (size_t at = 0; at < image.size(); ++at) record[1 + at % 3 * plane + at / 3] = image[at];
    file.write(record.data(), record.size());
  }
  file.commit();
}

void run(const std::string& from, const std::string& to) {
  DataDescription description;
  description.source = FolderData{{{join_path(from, "train"), "", join_path(from, "test")}}};
  description.fit.target = cifar_shape;
  const DataSplits data = open_data(description);
  make_directories(to);
  write_split(*data[Split::train], join_path(to, "data_batch_1.bin"));
  write_split(*data[Split::test], join_path(to, "test_batch.bin"));
  std::string names;
  for (const std::string& name : data.class_names) names += name + "\n";
  write_text_file(join_path(to, "batches.meta.txt"), names);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: folder_to_cifar DIR OUT\n");
    return 2;
  }
  try {
    run(argv[1], argv[2]);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "folder_to_cifar: %s\n", error.what());
    return static_cast<int>(error.kind);
  }
}
