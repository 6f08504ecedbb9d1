// Functions that libraries name beside what they do for us, and that would bring in what no product does: compressing
// images, and spelling C++ names when a program dies that catches everything. Defined here, they are not taken from the
// libraries. Reaching one of them ends the process; a decoder never does.
#include <cstdlib>

// The names are the libraries'.
// NOLINTBEGIN(bugprone-reserved-identifier)
#define LEFT_OUT(name)                                                                                                 \
  void name() { std::abort(); }

namespace __gnu_cxx {
LEFT_OUT(__verbose_terminate_handler)
}

extern "C" {
// libpng: the other half of what fails while reading or writing.
LEFT_OUT(png_destroy_write_struct)
LEFT_OUT(png_free_buffer_list)
// libpng: the one part of its writer that its reader uses, to name chunks and profiles in messages.
void png_save_uint_32(unsigned char* out, unsigned value) {
  for (int i = 0; i < 4; ++i) out[i] = static_cast<unsigned char>(value >> (24 - 8 * i));
}

// libjpeg-turbo scans the environment variable JPEGMEM, a bound on memory that its decoder here does without.
int __isoc99_sscanf(const char* /*text*/, const char* /*format*/, ...) { return 0; }

// libjpeg-turbo: vector code of its compressor.
LEFT_OUT(jconst_fdct_float_sse)
LEFT_OUT(jconst_fdct_ifast_sse2)
LEFT_OUT(jconst_fdct_islow_avx2)
LEFT_OUT(jconst_fdct_islow_sse2)
LEFT_OUT(jconst_huff_encode_one_block)
LEFT_OUT(jconst_rgb_gray_convert_avx2)
LEFT_OUT(jconst_rgb_gray_convert_sse2)
LEFT_OUT(jconst_rgb_ycc_convert_avx2)
LEFT_OUT(jconst_rgb_ycc_convert_sse2)
LEFT_OUT(jsimd_convsamp_avx2)
LEFT_OUT(jsimd_convsamp_float_sse2)
LEFT_OUT(jsimd_convsamp_sse2)
LEFT_OUT(jsimd_encode_mcu_AC_first_prepare_sse2)
LEFT_OUT(jsimd_encode_mcu_AC_refine_prepare_sse2)
LEFT_OUT(jsimd_extbgr_gray_convert_avx2)
LEFT_OUT(jsimd_extbgr_gray_convert_sse2)
LEFT_OUT(jsimd_extbgr_ycc_convert_avx2)
LEFT_OUT(jsimd_extbgr_ycc_convert_sse2)
LEFT_OUT(jsimd_extbgrx_gray_convert_avx2)
LEFT_OUT(jsimd_extbgrx_gray_convert_sse2)
LEFT_OUT(jsimd_extbgrx_ycc_convert_avx2)
LEFT_OUT(jsimd_extbgrx_ycc_convert_sse2)
LEFT_OUT(jsimd_extrgb_gray_convert_avx2)
LEFT_OUT(jsimd_extrgb_gray_convert_sse2)
LEFT_OUT(jsimd_extrgb_ycc_convert_avx2)
LEFT_OUT(jsimd_extrgb_ycc_convert_sse2)
LEFT_OUT(jsimd_extrgbx_gray_convert_avx2)
LEFT_OUT(jsimd_extrgbx_gray_convert_sse2)
LEFT_OUT(jsimd_extrgbx_ycc_convert_avx2)
LEFT_OUT(jsimd_extrgbx_ycc_convert_sse2)
LEFT_OUT(jsimd_extxbgr_gray_convert_avx2)
LEFT_OUT(jsimd_extxbgr_gray_convert_sse2)
LEFT_OUT(jsimd_extxbgr_ycc_convert_avx2)
LEFT_OUT(jsimd_extxbgr_ycc_convert_sse2)
LEFT_OUT(jsimd_extxrgb_gray_convert_avx2)
LEFT_OUT(jsimd_extxrgb_gray_convert_sse2)
LEFT_OUT(jsimd_extxrgb_ycc_convert_avx2)
LEFT_OUT(jsimd_extxrgb_ycc_convert_sse2)
LEFT_OUT(jsimd_fdct_float_sse)
LEFT_OUT(jsimd_fdct_ifast_sse2)
LEFT_OUT(jsimd_fdct_islow_avx2)
LEFT_OUT(jsimd_fdct_islow_sse2)
LEFT_OUT(jsimd_h2v1_downsample_avx2)
LEFT_OUT(jsimd_h2v1_downsample_sse2)
LEFT_OUT(jsimd_h2v2_downsample_avx2)
LEFT_OUT(jsimd_h2v2_downsample_sse2)
LEFT_OUT(jsimd_huff_encode_one_block_sse2)
LEFT_OUT(jsimd_quantize_avx2)
LEFT_OUT(jsimd_quantize_float_sse2)
LEFT_OUT(jsimd_quantize_sse2)
LEFT_OUT(jsimd_rgb_gray_convert_avx2)
LEFT_OUT(jsimd_rgb_gray_convert_sse2)
LEFT_OUT(jsimd_rgb_ycc_convert_avx2)
LEFT_OUT(jsimd_rgb_ycc_convert_sse2)
}
// NOLINTEND(bugprone-reserved-identifier)
