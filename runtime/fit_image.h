// How images of any size become images of one size: rules, and the resampling that they share.
// Same bits on every machine: weights are found in double and rounded, the rest is in whole numbers.
#pragma once

#include "runtime/image.h"
#include "runtime/resample_rows.h"

#include <cstdint>
#include <vector>

namespace kiln::runtime {

enum class FitKind : uint8_t {
  shorter_side, // the shorter side becomes a stated length (default: as small as covers the target), then centre crop
  exact,        // each side becomes the target's; the aspect may change
  letterbox,    // as large as fits into the target, centred, the rest filled
  crop,         // no resampling: centre crop, or centred and filled where smaller
};

enum class ResampleFilter : uint8_t { bilinear, nearest };

struct FitRule {
  FitKind kind = FitKind::shorter_side;
  ResampleFilter filter = ResampleFilter::bilinear;
  ImageShape target;
  int64_t shorter_side = 0;       // 0: as small as covers the target; else at least the target's sides
  std::vector<uint8_t> fill = {}; // one value, or one a channel; empty: 0
};

// One side: `source` pixels are resampled to `scaled`, of which [first, first + count) go to `offset` of the target.
struct FitAxis {
  int64_t source = 0;
  int64_t scaled = 0;
  int64_t first = 0;
  int64_t count = 0;
  int64_t offset = 0;

  bool copies() const { return source == scaled; }
  bool operator==(const FitAxis&) const = default;
};

// Source pixels that the result may depend on: from `begin` to before `end`.
struct FitRange {
  int64_t begin = 0;
  int64_t end = 0;
};
FitRange source_range(const FitAxis& axis);

struct FitPlan {
  FitAxis y;
  FitAxis x;
};

FitPlan plan_fit(const FitRule& rule, int64_t height, int64_t width);

// Keeps its memory from image to image; one a thread.
class ImageFitter {
public:
  // Writes rule.target.bytes() bytes. The image has the target's number of channels, and holds at least the
  // source_range() of both sides.
  //
  // Bilinear: output pixel i of a side of `source` pixels made `scaled` long is the mean of the source pixels j under a
  // triangle, w_j = max(0, 1 - |j + 0.5 - (i + 0.5) * source / scaled| / radius), radius = max(1, source / scaled),
  // their sum made 1: plain interpolation where the image grows, antialiased where it shrinks. Weights are rounded to
  // multiples of 2^-14, their running sums to the nearest; rows are summed first and rounded to multiples of 2^-7, then
  // columns, rounded at the end, halves up. Nearest: the source pixel that holds the centre, j = floor((i + 0.5) *
  // source / scaled).
  void fit(const FitRule& rule, const Image& image, uint8_t* out);

private:
  struct Tap {
    int64_t first; // source pixel of the first weight
    int64_t count;
    size_t weights; // position in `weights`
  };
  struct Taps {
    FitAxis axis; // that they are for
    ResampleFilter filter = ResampleFilter::bilinear;
    std::vector<Tap> taps; // one an output pixel
    std::vector<int16_t> weights;
  };

  static void find_taps(const FitAxis& axis, ResampleFilter filter, Taps& taps);
  void resample(const FitRule& rule, const FitPlan& plan, const Image& image, uint8_t* out);

  Taps rows_, columns_;
  std::vector<int64_t> firsts_;
  std::vector<int16_t> column_weights_;
  std::vector<int16_t> line_;    // of one row: of all columns
  std::vector<uint8_t> out_row_; // and of the result
  ResampleRows loops_ = choose_resample_rows();
};

} // namespace kiln::runtime
