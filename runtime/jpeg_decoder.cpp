// JPEG by libjpeg-turbo: baseline and progressive; grey, YCbCr, RGB, CMYK and YCCK; EXIF orientation; reduced sizes.
// Damaged data are an Error, though libjpeg would paint over them; only harmless oddities are let pass.
//
// libjpeg reports errors through a callback that must not return, and C++ exceptions must not pass through C. So each
// call into it stands in a function without objects that have destructors, which the callback leaves by longjmp.
#include "runtime/jpeg_decoder.h"

#include "runtime/error.h"
#include "runtime/exif.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jerror.h>
#include <jpeglib.h>

namespace kiln::runtime {

struct JpegDecoder::State {
  // First, so that what libjpeg hands to a callback can be cast back.
  jpeg_error_mgr errors{};
  jpeg_decompress_struct codec{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  char message[JMSG_LENGTH_MAX] = {};
};

namespace {

// One byte of entropy-coded data holds at least one bit a block of 8 x 8 pixels.
constexpr int64_t pixels_per_byte = 512;
// Arithmetic coding has no such bound.
constexpr int64_t arithmetic_pixels_per_byte = int64_t{1} << 20;
// A progressive file of many empty scans over a large image would take hours.
constexpr int max_scans = 500;

[[noreturn]] void leave(j_common_ptr codec) {
  auto* state = static_cast<JpegDecoder::State*>(codec->client_data);
  codec->err->format_message(codec, state->message);
  std::longjmp(state->escape, 1);
}

// Oddities that leave no pixel in doubt.
bool is_harmless(int code) {
  return code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR ||
         code == JWRN_BOGUS_PROGRESSION || code == JWRN_TOO_MUCH_DATA;
}

// Level -1 is a warning: the data are damaged, and libjpeg would go on with grey blocks.
void on_message(j_common_ptr codec, int level) {
  if (level < 0 && !is_harmless(codec->err->msg_code)) leave(codec);
}

void on_output(j_common_ptr) {}

void on_progress(j_common_ptr codec) {
  auto* state = static_cast<JpegDecoder::State*>(codec->client_data);
  if (state->codec.input_scan_number <= max_scans) return;
  std::snprintf(state->message, sizeof state->message, "more than %d scans", max_scans);
  std::longjmp(state->escape, 1);
}

bool create(JpegDecoder::State& state) {
  if (setjmp(state.escape) != 0) return false;
  jpeg_create_decompress(&state.codec);
  return true;
}

bool begin(JpegDecoder::State& state, const uint8_t* data, size_t bytes) {
  if (setjmp(state.escape) != 0) return false;
  jpeg_abort_decompress(&state.codec); // whatever the image before left
  jpeg_mem_src(&state.codec, data, static_cast<unsigned long>(bytes));
  jpeg_save_markers(&state.codec, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&state.codec, TRUE);
  return true;
}

bool start(JpegDecoder::State& state) {
  if (setjmp(state.escape) != 0) return false;
  jpeg_start_decompress(&state.codec);
  return true;
}

// The columns of a started image: `left` is rounded down, and `width` grows by as much.
bool choose_columns(JpegDecoder::State& state, JDIMENSION& left, JDIMENSION& width) {
  if (setjmp(state.escape) != 0) return false;
  jpeg_crop_scanline(&state.codec, &left, &width);
  return true;
}

// Rows from `top` to before `bottom`; the others are read through, since damage may be there too. libjpeg would not do
// so if all that is left were skipped, so the last one goes to `spare`.
bool read_rows(JpegDecoder::State& state, unsigned top, unsigned bottom, uint8_t* out, size_t row_bytes,
               uint8_t* spare) {
  if (setjmp(state.escape) != 0) return false;
  constexpr unsigned most_rows = 16;
  JSAMPROW rows[most_rows];
  if (top > 0) jpeg_skip_scanlines(&state.codec, top);
  while (state.codec.output_scanline < bottom) {
    const unsigned count = std::min(most_rows, bottom - state.codec.output_scanline);
    for (unsigned row = 0; row < count; ++row) rows[row] = out + (state.codec.output_scanline - top + row) * row_bytes;
    jpeg_read_scanlines(&state.codec, rows, count);
  }
  if (bottom + 1 < state.codec.output_height) jpeg_skip_scanlines(&state.codec, state.codec.output_height - bottom - 1);
  if (bottom < state.codec.output_height) jpeg_read_scanlines(&state.codec, &spare, 1);
  jpeg_finish_decompress(&state.codec);
  return true;
}

int orientation_of(const jpeg_decompress_struct& codec) {
  constexpr size_t prefix_bytes = 6;
  for (jpeg_saved_marker_ptr marker = codec.marker_list; marker != nullptr; marker = marker->next)
    if (marker->data_length > prefix_bytes && memcmp(marker->data, "Exif\0\0", prefix_bytes) == 0)
      return read_exif_orientation({marker->data + prefix_bytes, marker->data_length - prefix_bytes});
  return 1;
}

// 1, 2, 4 or 8: the sizes that libjpeg-turbo is fast at.
unsigned choose_denominator(const FitRule& fit, int64_t height, int64_t width) {
  const FitPlan plan = plan_fit(fit, height, width);
  for (int64_t by : {8, 4, 2})
    if ((height + by - 1) / by >= plan.y.scaled && (width + by - 1) / by >= plan.x.scaled && fit.kind != FitKind::crop)
      return static_cast<unsigned>(by);
  return 1;
}

// What of `size` pixels is to be decoded for `range`: with neighbours, from which colours at half resolution are made
// up; all, where little would be saved.
FitRange with_neighbours(FitRange range, int64_t size) {
  constexpr int64_t neighbours = 4, least_saved = 48;
  range = {std::max<int64_t>(range.begin - neighbours, 0), std::min(range.end + neighbours, size)};
  return size - (range.end - range.begin) < least_saved ? FitRange{0, size} : range;
}

uint8_t multiply(unsigned a, unsigned b) { return static_cast<uint8_t>((a * b + 127) / 255); }

// Adobe's programs store CMYK inverted and say so by their marker.
void convert_cmyk(Image& image, bool is_inverted) {
  const auto pixels = static_cast<size_t>(image.shape.height * image.shape.width);
  const unsigned flip = is_inverted ? 0 : 255;
  for (size_t at = 0; at < pixels; ++at) {
    const uint8_t* cmyk = &image.pixels[4 * at];
    const unsigned cyan = cmyk[0] ^ flip, magenta = cmyk[1] ^ flip, yellow = cmyk[2] ^ flip, black = cmyk[3] ^ flip;
    image.pixels[3 * at] = multiply(cyan, black);
    image.pixels[3 * at + 1] = multiply(magenta, black);
    image.pixels[3 * at + 2] = multiply(yellow, black);
  }
  image.shape.channels = 3;
}

} // namespace

JpegDecoder::JpegDecoder() : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.codec.err = jpeg_std_error(&state.errors);
  state.errors.error_exit = leave;
  state.errors.emit_message = on_message;
  state.errors.output_message = on_output;
  state.progress.progress_monitor = on_progress;
  state.codec.client_data = &state;
  if (!create(state)) throw Error(ErrorKind::runtime, std::string("libjpeg: ") + state.message);
  state.codec.progress = &state.progress;
}

JpegDecoder::~JpegDecoder() { jpeg_destroy_decompress(&state_->codec); }

void JpegDecoder::fail(std::string_view name, const char* what) {
  throw Error(ErrorKind::data, std::string(name) + ": damaged JPEG: " + what);
}

void JpegDecoder::read_header(Bytes file, std::string_view name) {
  if (!begin(*state_, file.data(), file.size())) fail(name, state_->message);
  const jpeg_decompress_struct& codec = state_->codec;
  check_image_size(codec.image_height, codec.image_width,
                   codec.arith_code ? arithmetic_pixels_per_byte : pixels_per_byte, file.size(), name);
}

ImageShape JpegDecoder::read_shape(Bytes file, std::string_view name) {
  read_header(file, name);
  const jpeg_decompress_struct& codec = state_->codec;
  return {codec.image_height, codec.image_width, codec.jpeg_color_space == JCS_GRAYSCALE ? 1 : 3};
}

void JpegDecoder::decode(Bytes file, std::string_view name, const DecodeOptions& options, Image& image) {
  read_header(file, name);
  jpeg_decompress_struct& codec = state_->codec;
  const int orientation = orientation_of(codec);
  const bool is_cmyk = codec.jpeg_color_space == JCS_CMYK || codec.jpeg_color_space == JCS_YCCK;
  if (codec.jpeg_color_space == JCS_UNKNOWN)
    throw Error(ErrorKind::data, std::string(name) + ": a JPEG of " + format_integer(codec.num_components) +
                                     " channels: expected 1, 3 or 4");
  codec.out_color_space = is_cmyk ? JCS_CMYK : options.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  codec.dct_method = JDCT_ISLOW; // the one with the same bits in its scalar and in all its vector forms
  codec.scale_num = 1;
  codec.scale_denom = 1;
  if (options.fit) {
    int64_t height = codec.image_height, width = codec.image_width;
    if (orientation >= 5) std::swap(height, width);
    codec.scale_denom = choose_denominator(*options.fit, height, width);
  }
  if (!start(*state_)) fail(name, state_->message);
  const int64_t height = codec.output_height, width = codec.output_width;
  FitRange rows{0, height};
  JDIMENSION left = 0, columns = codec.output_width;
  if (options.fit && orientation == 1) {
    const FitPlan plan = plan_fit(*options.fit, height, width);
    rows = with_neighbours(source_range(plan.y), height);
    const FitRange wanted = with_neighbours(source_range(plan.x), width);
    left = static_cast<JDIMENSION>(wanted.begin);
    columns = static_cast<JDIMENSION>(wanted.end - wanted.begin);
    if (columns < codec.output_width && !choose_columns(*state_, left, columns)) fail(name, state_->message);
  }
  image.resize({rows.end - rows.begin, columns, codec.output_components});
  const auto row_bytes = static_cast<size_t>(image.shape.width * image.shape.channels);
  if (rows.end < height && spare_row_.size() < row_bytes) spare_row_.resize(row_bytes);
  if (!read_rows(*state_, static_cast<unsigned>(rows.begin), static_cast<unsigned>(rows.end), image.pixels.data(),
                 row_bytes, spare_row_.data()))
    fail(name, state_->message);
  if (is_cmyk) convert_cmyk(image, codec.saw_Adobe_marker);
  convert_channels(image, options.channels);
  image.top = rows.begin;
  image.left = left;
  image.whole_height = height;
  image.whole_width = width;
  apply_orientation(image, orientation);
}

} // namespace kiln::runtime
