// Reads IDX files (the MNIST family's format), gzipped or not: images of bytes, labels of bytes.
// Every malformed file gives a data error that names the file, what was expected and what was found.
#include "runtime/idx_reader.h"

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <cstring>
#include <zlib.h>

namespace kiln::runtime {
namespace {

// deflate shrinks to 1/1032 at best: a header that promises more than this is a lie, and is not believed with memory.
constexpr uint64_t max_expansion = 1040;
constexpr uint32_t bytes_magic = 0x0800; // type 08 is unsigned byte; the last byte of the magic is the rank

struct IdxArray {
  std::vector<uint64_t> dims;
  std::vector<uint8_t> data;
};

std::string magic_text(uint32_t magic) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += hex[magic >> shift & 15];
  return text;
}

// A gzipped or plain file, read from front to back.
class Stream {
public:
  explicit Stream(const std::string& path) : path_(path), file_bytes_(InputFile(path).size()) {
    if (file_bytes_ == 0) fail("the file is empty");
    file_ = gzopen(path.c_str(), "rb");
    if (!file_) fail("cannot open");
    gzbuffer(file_, 1 << 17);
  }
  ~Stream() { gzclose_r(file_); } // gzclose would bring the compressor into products
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[noreturn]] void fail(const std::string& what) const { throw Error(ErrorKind::data, path_ + ": " + what); }

  uint64_t most_bytes() const { return gzdirect(file_) ? file_bytes_ : file_bytes_ * max_expansion; }

  // Whether the file is as long as it says if it unpacks to so many bytes. Of several gzip members, and of damage, the
  // answer may be no.
  bool promises(uint64_t bytes) const {
    if (gzdirect(file_)) return file_bytes_ == bytes;
    unsigned char end[4] = {};
    if (file_bytes_ < sizeof end) return false;
    InputFile(path_).read_at(file_bytes_ - sizeof end, end, sizeof end);
    return (uint32_t{end[3]} << 24 | uint32_t{end[2]} << 16 | uint32_t{end[1]} << 8 | end[0]) ==
           static_cast<uint32_t>(bytes);
  }

  uint64_t read(void* out, uint64_t bytes) {
    uint64_t total = 0;
    while (total < bytes) {
      unsigned chunk = static_cast<unsigned>(std::min<uint64_t>(bytes - total, 1u << 24));
      int got = gzread(file_, static_cast<char*>(out) + total, chunk);
      int code = Z_OK;
      const char* text = gzerror(file_, &code);
      if (code != Z_OK && code != Z_STREAM_END)
        fail(code == Z_BUF_ERROR ? "gzip data end early: the file is truncated"
                                 : std::string("gzip data are damaged: ") + text);
      if (got <= 0) break;
      total += static_cast<uint64_t>(got);
    }
    return total;
  }

  uint32_t read_u32(const char* what) {
    unsigned char bytes[4];
    uint64_t got = read(bytes, 4);
    if (got != 4)
      fail(std::string("truncated in its header: expected 4 bytes of ") + what + ", got " +
           format_integer(static_cast<int64_t>(got)));
    return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
  }

private:
  std::string path_;
  uint64_t file_bytes_;
  gzFile file_ = nullptr;
};

// With `data_wanted` false the data are read only where the size of the file tells that they are not all there.
IdxArray read_idx(const std::string& path, uint32_t least_rank, uint32_t most_rank, bool data_wanted) {
  Stream stream(path);
  uint32_t magic = stream.read_u32("magic number");
  uint32_t rank = magic & 255;
  if ((magic & ~255u) != bytes_magic || rank < least_rank || rank > most_rank) {
    std::string expected = magic_text(bytes_magic | least_rank);
    if (most_rank > least_rank) expected += " or " + magic_text(bytes_magic | most_rank);
    stream.fail(std::string("not an IDX file of ") + (least_rank == 1 ? "labels" : "images") +
                ": magic number: expected " + expected + ", got " + magic_text(magic));
  }
  IdxArray array;
  std::string shape;
  uint64_t bytes = 1;
  bool too_large = false;
  for (uint32_t dim = 0; dim < rank; ++dim) {
    array.dims.push_back(stream.read_u32("dimension"));
    if (dim > 0) shape += 'x';
    append_integer(shape, static_cast<int64_t>(array.dims[dim]));
    too_large = too_large || __builtin_mul_overflow(bytes, array.dims[dim], &bytes);
  }
  for (uint64_t dim : array.dims)
    if (dim == 0) stream.fail("dimensions " + shape + ": expected at least 1 each");
  if (too_large || bytes > stream.most_bytes())
    stream.fail("dimensions " + shape +
                (too_large ? "" : " = " + format_integer(static_cast<int64_t>(bytes)) + " bytes") +
                ": more than the file can hold: the header is wrong or the file is truncated");
  if (!data_wanted && stream.promises(4 + 4 * uint64_t{rank} + bytes)) return array;
  array.data.resize(bytes);
  uint64_t got = stream.read(array.data.data(), bytes);
  if (got != bytes)
    stream.fail("truncated: expected " + format_integer(static_cast<int64_t>(bytes)) + " bytes of data (" + shape +
                "), got " + format_integer(static_cast<int64_t>(got)));
  char extra;
  if (stream.read(&extra, 1) != 0)
    stream.fail("trailing bytes: expected the end of the file after " + format_integer(static_cast<int64_t>(bytes)) +
                " bytes of data (" + shape + ")");
  return array;
}

IdxImages read_images(const std::string& path, bool data_wanted) {
  IdxArray array = read_idx(path, 3, 4, data_wanted);
  IdxImages images;
  images.count = static_cast<int64_t>(array.dims[0]);
  images.height = static_cast<int64_t>(array.dims[1]);
  images.width = static_cast<int64_t>(array.dims[2]);
  images.channels = array.dims.size() == 4 ? static_cast<int64_t>(array.dims[3]) : 1;
  images.pixels = std::move(array.data);
  return images;
}

} // namespace

IdxImages read_idx_images(const std::string& path) { return read_images(path, true); }
IdxImages survey_idx_images(const std::string& path) { return read_images(path, false); }

std::vector<uint8_t> read_idx_labels(const std::string& path) { return read_idx(path, 1, 1, true).data; }
int64_t count_idx_labels(const std::string& path) { return static_cast<int64_t>(read_idx(path, 1, 1, false).dims[0]); }

} // namespace kiln::runtime
