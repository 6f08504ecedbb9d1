// PPM and PGM, as text (P2, P3) and as bytes (P5, P6), with a largest value of up to 65535, which becomes 255.
// Of a file of several images the first is read.
#include "runtime/pnm_decoder.h"

#include "runtime/error.h"
#include "runtime/number_format.h"

namespace kiln::runtime {
namespace {

class Reader {
public:
  Reader(Bytes file, std::string_view name) : file_(file), name_(name) {
    is_text_ = file[1] == '2' || file[1] == '3';
    shape.channels = file[1] == '2' || file[1] == '5' ? 1 : 3;
    shape.width = read_number("width");
    shape.height = read_number("height");
    largest_ = read_number("largest value");
    if (largest_ < 1 || largest_ > 65535)
      fail("the largest value is " + format_integer(largest_) + ": expected 1 to 65535");
    if (!is_text_ && (position_ == file_.size() || !is_blank(file_[position_++]))) fail("no blank after the header");
    // As text a value takes two bytes, its blank included, but for the last.
    check_image_size(shape.height, shape.width, 1, file.size() + 1, name);
  }

  void read(Image& image) {
    image.resize(shape);
    const int64_t bytes_a_value = is_text_ ? 0 : largest_ > 255 ? 2 : 1;
    if (bytes_a_value * shape.bytes() > static_cast<int64_t>(file_.size() - position_))
      fail("truncated: expected " + format_integer(bytes_a_value * shape.bytes()) + " bytes of pixels, got " +
           format_integer(static_cast<int64_t>(file_.size() - position_)));
    for (int64_t at = 0; at < shape.bytes(); ++at) {
      const int64_t value = is_text_ ? read_number("pixel") : read_binary(bytes_a_value);
      if (value > largest_)
        fail("a pixel of " + format_integer(value) + ": the largest value is " + format_integer(largest_));
      image.pixels[static_cast<size_t>(at)] = static_cast<uint8_t>((2 * 255 * value + largest_) / (2 * largest_));
    }
  }

  ImageShape shape;

private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::data, std::string(name_) + ": damaged PPM or PGM: " + what);
  }

  static bool is_blank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

  int64_t read_binary(int64_t bytes) {
    int64_t value = file_[position_++];
    return bytes == 1 ? value : value << 8 | file_[position_++];
  }

  // Skips blanks and comments before it.
  int64_t read_number(const char* what) {
    while (position_ < file_.size() && (is_blank(file_[position_]) || file_[position_] == '#')) {
      if (file_[position_] == '#')
        while (position_ < file_.size() && file_[position_] != '\n') ++position_;
      else
        ++position_;
    }
    if (position_ == file_.size()) fail(std::string("truncated: no ") + what);
    constexpr int64_t most = 1 << 30;
    int64_t value = -1;
    for (; position_ < file_.size() && file_[position_] >= '0' && file_[position_] <= '9'; ++position_) {
      value = (value < 0 ? 0 : value) * 10 + (file_[position_] - '0');
      if (value > most) fail(std::string("the ") + what + " is out of range");
    }
    if (value < 0) fail(std::string("the ") + what + " is no number");
    return value;
  }

  Bytes file_;
  std::string_view name_;
  size_t position_ = 2;
  bool is_text_ = false;
  int64_t largest_ = 0;
};

} // namespace

ImageShape read_pnm_shape(Bytes file, std::string_view name) { return Reader(file, name).shape; }

void decode_pnm(Bytes file, std::string_view name, const DecodeOptions& options, Image& image) {
  Reader(file, name).read(image);
  convert_channels(image, options.channels);
}

} // namespace kiln::runtime
