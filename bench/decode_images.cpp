// How fast image files become the pixels of a batch: decode_images DIR [HEIGHT WIDTH] [SECONDS]
// DIR has a directory for each class. Prints images a second of one thread's processor time, beside libjpeg-turbo's own
// speed on the same JPEGs (full size, nothing else done); the same through the batch reader with flip and padded random
// crop; and so on all threads, for which the machine must be idle.
#include "runtime/batch_reader.h"
#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/open_data.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include <jpeglib.h>

namespace {

using namespace kiln::runtime;

double time_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Calls `read(i)` for i from 0 on until the time is over; calls a second.
template <class Read> double measure(clockid_t clock, double seconds, int64_t size, Read&& read) {
  const double start = time_of(clock);
  int64_t done = 0;
  while (time_of(clock) - start < seconds) read(done++ % size);
  return static_cast<double>(done) / (time_of(clock) - start);
}

// Of files that are JPEGs; others cost nothing here.
void decode_plainly(const std::string& path, std::vector<uint8_t>& file, std::vector<uint8_t>& pixels) {
  const InputFile input(path);
  file.resize(input.size());
  input.read_at(0, file.data(), file.size());
  if (file.size() < 3 || file[0] != 0xff || file[1] != 0xd8) return;
  jpeg_decompress_struct codec;
  jpeg_error_mgr errors;
  codec.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&codec);
  jpeg_mem_src(&codec, file.data(), file.size());
  jpeg_read_header(&codec, TRUE);
  codec.out_color_space = JCS_RGB;
  jpeg_start_decompress(&codec);
  const size_t row_bytes = size_t{codec.output_width} * 3;
  pixels.resize(std::max(pixels.size(), row_bytes * codec.output_height));
  while (codec.output_scanline < codec.output_height) {
    JSAMPROW row = pixels.data() + codec.output_scanline * row_bytes;
    jpeg_read_scanlines(&codec, &row, 1);
  }
  jpeg_finish_decompress(&codec);
  jpeg_destroy_decompress(&codec);
}

int run(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: decode_images DIR [HEIGHT WIDTH] [SECONDS]\n");
    return 2;
  }
  DataDescription description;
  description.source = FolderData{{{argv[1], "", ""}}};
  description.fit.target = {argc > 3 ? std::atoi(argv[2]) : 32, argc > 3 ? std::atoi(argv[3]) : 32, 3};
  const double seconds = argc == 3 ? std::atof(argv[2]) : argc == 5 ? std::atof(argv[4]) : 5;
  const DataSplits data = open_data(description);
  const DataSource& source = *data[Split::train];

  std::vector<uint8_t> image(static_cast<size_t>(source.image_shape().bytes())), file, pixels;
  for (int64_t index = 0; index < std::min<int64_t>(source.size(), 2000); ++index) // into the page cache
    source.read(index, 0, image.data());
  const double ours =
      measure(CLOCK_THREAD_CPUTIME_ID, seconds, source.size(), [&](int64_t i) { source.read(i, 0, image.data()); });
  const double plain = measure(CLOCK_THREAD_CPUTIME_ID, seconds, source.size(),
                               [&](int64_t i) { decode_plainly(source.describe(i), file, pixels); });
  std::printf("one thread: %.0f images/s; libjpeg-turbo alone, full size: %.0f images/s (ratio %.2f)\n", ours, plain,
              ours / plain);

  const ImageShape shape = source.image_shape();
  kiln_augment_stage stages[2]{};
  stages[0].kind = KILN_AUGMENT_RANDOM_CROP;
  stages[0].stream = 1;
  stages[0].padding = 4;
  stages[0].height = shape.height;
  stages[0].width = shape.width;
  stages[0].outside.border = KILN_BORDER_REFLECT;
  stages[1].kind = KILN_AUGMENT_FLIP;
  stages[1].stream = 2;
  stages[1].probability = 0.5;
  const Augmenter augmenter(stages, shape, 1);
  ThreadPool pool(available_cpus());
  const BatchReader reader(source, {0, 1}, Split::train, nullptr, &augmenter);
  constexpr int64_t batch = 128;
  std::vector<char> images(static_cast<size_t>(batch * source.image_shape().bytes()));
  std::vector<int32_t> labels(batch);
  char* const parts[] = {images.data(), reinterpret_cast<char*>(labels.data())};
  std::vector<int64_t> indices(batch);
  const auto read_batches = [&](clockid_t clock, ThreadPool* threads) {
    BatchReader::Scratch scratch = reader.make_scratch(threads, static_cast<int64_t>(indices.size()));
    return batch * measure(clock, seconds, std::max<int64_t>(source.size() / batch, 1), [&](int64_t i) {
             for (int64_t row = 0; row < batch; ++row)
               indices[static_cast<size_t>(row)] = (i * batch + row) % source.size();
             reader.read(indices, parts, threads, 1, scratch);
           });
  };
  std::printf("one thread, with flip and padded random crop: %.0f images/s\n",
              read_batches(CLOCK_THREAD_CPUTIME_ID, nullptr));
  std::printf("%d threads, the same: %.0f images/s\n", pool.threads(), read_batches(CLOCK_MONOTONIC, &pool));
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Error& error) {
    std::fprintf(stderr, "decode_images: %s\n", error.what());
    return static_cast<int>(error.kind);
  }
}
