// The changes to training images, one after the other, as the recipe describes them.
// What is drawn is a function of (seed, epoch, sample, stage): neither workers nor a resumed run change it.
#pragma once

#include "runtime/abi.h"
#include "runtime/augment/image_view.h"

#include <cstdint>
#include <span>
#include <vector>

namespace kiln::runtime {

class Augmenter {
public:
  // Images of one thread on their way between stages.
  using Scratch = std::vector<uint8_t>;

  // At least one stage, all of which must outlive this. Throws Error (data) if images of that shape are too small to be
  // cut from.
  Augmenter(std::span<const kiln_augment_stage> stages, ImageShape source, uint64_t seed);

  ImageShape source_shape() const { return shapes_.front(); }
  ImageShape shape() const { return shapes_.back(); } // of what comes out
  Scratch make_scratch() const { return Scratch(static_cast<size_t>(2 * scratch_bytes_)); }

  // Where run() expects the image to be.
  uint8_t* source(Scratch& scratch) const { return scratch.data(); }
  // The image of source() as a visit looks in this epoch (visit number of epoch_samples.h; a sample's own number is its
  // first). Allocates nothing.
  void run(Scratch& scratch, int64_t epoch, int64_t visit, uint8_t* result) const;

private:
  void apply(const kiln_augment_stage& stage, const ImageView& image, int64_t epoch, int64_t visit,
             uint8_t* result) const;

  std::span<const kiln_augment_stage> stages_;
  std::vector<ImageShape> shapes_; // before the first stage and after each
  uint64_t seed_;
  int64_t scratch_bytes_ = 0;
};

} // namespace kiln::runtime
