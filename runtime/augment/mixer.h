// Mixes the images of a batch, and their labels, with others of it: mixup and cutmix.
// What is drawn is a function of (seed, epoch, visit, stage); with whom a sample is mixed, of the batch too.
#pragma once

#include "runtime/abi.h"
#include "runtime/image.h"
#include "runtime/thread_pool.h"

#include <cstdint>
#include <span>
#include <vector>

namespace kiln::runtime {

// The part of the stages that are of single images, and what is behind: those of batches.
std::span<const kiln_augment_stage> image_stages(std::span<const kiln_augment_stage> stages);
std::span<const kiln_augment_stage> batch_stages(std::span<const kiln_augment_stage> stages);

class Mixer {
public:
  // A batch as it was.
  struct Scratch {
    std::vector<uint8_t> images;
    std::vector<float> labels;
  };

  // One or two stages of batches, which must outlive this.
  Mixer(std::span<const kiln_augment_stage> stages, ImageShape shape, int64_t classes, uint64_t seed)
      : stages_(stages), shape_(shape), classes_(classes), seed_(seed) {}

  Scratch make_scratch(int64_t rows) const;
  // One row a visit number (epoch_samples.h) of images and of labels, a share of each class. A batch of one stays as it
  // is. Allocates nothing.
  void mix(std::span<const int64_t> numbers, int64_t epoch, uint8_t* images, float* labels, Scratch& scratch,
           ThreadPool* pool) const;

private:
  void mix_row(size_t row, std::span<const int64_t> numbers, int64_t epoch, uint8_t* image, float* label,
               const Scratch& before) const;

  std::span<const kiln_augment_stage> stages_;
  ImageShape shape_;
  int64_t classes_;
  uint64_t seed_;
};

} // namespace kiln::runtime
