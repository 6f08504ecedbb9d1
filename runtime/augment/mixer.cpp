// Mixes the images of a batch, and their labels, with others of it.
#include "runtime/augment/mixer.h"

#include "runtime/beta_draw.h"
#include "runtime/counter_random.h"
#include "runtime/vector_math.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kiln::runtime {
namespace {

bool is_of_batches(const kiln_augment_stage& stage) {
  return stage.kind == KILN_AUGMENT_MIXUP || stage.kind == KILN_AUGMENT_CUTMIX;
}

void blend(const uint8_t* own, const uint8_t* other, size_t bytes, float share, uint8_t* result) {
  for (size_t i = 0; i < bytes; ++i) {
    const float mixed = share * static_cast<float>(own[i]) + (1 - share) * static_cast<float>(other[i]);
    result[i] = static_cast<uint8_t>(std::lround(mixed));
  }
}

struct Side {
  int64_t begin, end;
};

// Of a rectangle, cut at the image's edges.
Side draw_side(int64_t extent, float ratio, uint32_t word) {
  const auto length = int64_t{std::lround(static_cast<float>(extent) * ratio)};
  const int64_t center = random::below(word, static_cast<uint32_t>(extent));
  return {std::max<int64_t>(center - length / 2, 0), std::min(center - length / 2 + length, extent)};
}

} // namespace

std::span<const kiln_augment_stage> image_stages(std::span<const kiln_augment_stage> stages) {
  return stages.first(static_cast<size_t>(std::find_if(stages.begin(), stages.end(), is_of_batches) - stages.begin()));
}

std::span<const kiln_augment_stage> batch_stages(std::span<const kiln_augment_stage> stages) {
  return stages.subspan(image_stages(stages).size());
}

Mixer::Scratch Mixer::make_scratch(int64_t rows) const {
  return {std::vector<uint8_t>(static_cast<size_t>(rows * shape_.bytes())),
          std::vector<float>(static_cast<size_t>(rows * classes_))};
}

void Mixer::mix(std::span<const int64_t> numbers, int64_t epoch, uint8_t* images, float* labels, Scratch& scratch,
                ThreadPool* pool) const {
  const size_t rows = numbers.size();
  if (rows < 2) return;
  const auto image_bytes = static_cast<size_t>(shape_.bytes()), classes = static_cast<size_t>(classes_);
  memcpy(scratch.images.data(), images, rows * image_bytes);
  memcpy(scratch.labels.data(), labels, rows * classes * sizeof(float));
  const auto mix_rows = [&](int64_t begin, int64_t end, int) {
    for (auto row = static_cast<size_t>(begin); row < static_cast<size_t>(end); ++row)
      mix_row(row, numbers, epoch, images + row * image_bytes, labels + row * classes, scratch);
  };
  if (pool == nullptr)
    mix_rows(0, static_cast<int64_t>(rows), 0);
  else
    pool->run(static_cast<int64_t>(rows), mix_rows);
}

void Mixer::mix_row(size_t row, std::span<const int64_t> numbers, int64_t epoch, uint8_t* image, float* label,
                    const Scratch& before) const {
  const auto number = static_cast<uint64_t>(numbers[row]);
  const auto key_of = [&](uint64_t stream) { return random::stream_key(seed_, static_cast<uint64_t>(epoch), stream); };
  size_t chosen = 0;
  if (stages_.size() > 1) {
    const uint32_t word = random::draw_block(key_of(random::stream_id("augment.mix")), number).x[0];
    chosen = random::below(word, static_cast<uint32_t>(stages_.size()));
  }
  const kiln_augment_stage& stage = stages_[chosen];
  const random::Counter4<uint32_t> words = random::draw_block(key_of(stage.stream), number);
  if (!(random::uniform(words.x[0]) < static_cast<float>(stage.probability))) return;
  const auto rows = static_cast<uint32_t>(numbers.size());
  const size_t other = (row + 1 + random::below(words.x[1], rows - 1)) % rows;
  const uint64_t share_key = random::stream_key(key_of(stage.stream), number, uint64_t{1});
  float share = draw_beta(static_cast<float>(stage.alpha), share_key);

  const auto image_bytes = static_cast<size_t>(shape_.bytes()), classes = static_cast<size_t>(classes_);
  const uint8_t* own_image = before.images.data() + row * image_bytes;
  const uint8_t* other_image = before.images.data() + other * image_bytes;
  if (stage.kind == KILN_AUGMENT_MIXUP) {
    blend(own_image, other_image, image_bytes, share, image);
  } else {
    const float ratio = math::sqrt(1 - share);
    const Side rows_cut = draw_side(shape_.height, ratio, words.x[2]);
    const Side columns_cut = draw_side(shape_.width, ratio, words.x[3]);
    const auto row_bytes = static_cast<size_t>((columns_cut.end - columns_cut.begin) * shape_.channels);
    for (int64_t y = rows_cut.begin; y < rows_cut.end; ++y) {
      const auto at = static_cast<size_t>((y * shape_.width + columns_cut.begin) * shape_.channels);
      memcpy(image + at, other_image + at, row_bytes);
    }
    const int64_t cut = (rows_cut.end - rows_cut.begin) * (columns_cut.end - columns_cut.begin);
    share = 1 - static_cast<float>(cut) / static_cast<float>(shape_.height * shape_.width);
  }
  const float* own_label = before.labels.data() + row * classes;
  const float* other_label = before.labels.data() + other * classes;
  for (size_t c = 0; c < classes; ++c) label[c] = share * own_label[c] + (1 - share) * other_label[c];
}

} // namespace kiln::runtime
