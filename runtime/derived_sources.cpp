// Sources made of another: some of its samples, its samples at another size, with other labels, kept once read.
#include "runtime/derived_sources.h"

#include "runtime/error.h"

#include <algorithm>
#include <cstring>

namespace kiln::runtime {

FittedSource::FittedSource(std::shared_ptr<const DataSource> base, FitRule fit)
    : base_(std::move(base)), fit_(std::move(fit)), fields_(base_->fields().begin(), base_->fields().end()),
      image_(base_->index_of(*base_->find_field(image_name))) {
  fields_[image_] = image_field(fit_.target);
}

void FittedSource::read(int64_t index, size_t field, void* out) const {
  if (field != image_) return base_->read(index, field, out);
  Image image;
  image.resize(base_->image_shape());
  base_->read(index, field, image.pixels.data());
  convert_channels(image, fit_.target.channels);
  ImageFitter().fit(fit_, image, static_cast<uint8_t*>(out));
}

OneHotSource::OneHotSource(const DataSource& base, int64_t classes)
    : base_(base), fields_(base.fields().begin(), base.fields().end()) {
  const Field* label = base.class_label();
  if (label == nullptr) throw Error(ErrorKind::model, "mixup and cutmix mix labels that are classes: these are none");
  base.check_labels({classes, {}});
  label_ = base.index_of(*label);
  fields_[label_] = {std::string(label_name), KILN_F32, {classes}};
}

void OneHotSource::read(int64_t index, size_t field, void* out) const {
  if (field != label_) return base_.read(index, field, out);
  auto* shares = static_cast<float*>(out);
  std::fill_n(shares, fields_[label_].dims[0], 0.0f);
  shares[base_.read_class(index)] = 1;
}

CachedSource::CachedSource(std::shared_ptr<const DataSource> base)
    : base_(std::move(base)), image_(base_->index_of(*base_->find_field(image_name))),
      image_bytes_(static_cast<size_t>(base_->image_shape().bytes())),
      images_(MemoryBlock::allocate(base_->size() * base_->image_shape().bytes())),
      states_(static_cast<size_t>(base_->size())) {}

void CachedSource::read(int64_t index, size_t field, void* out) const {
  if (field != image_) return base_->read(index, field, out);
  std::atomic<uint8_t>& state = states_[static_cast<size_t>(index)];
  char* const kept = images_.data() + static_cast<size_t>(index) * image_bytes_;
  if (state.load(std::memory_order_acquire) == full) {
    memcpy(out, kept, image_bytes_);
    return;
  }
  base_->read(index, field, out);
  // Whoever comes second to a sample that is being kept has read it all the same.
  uint8_t expected = empty;
  if (!state.compare_exchange_strong(expected, filling)) return;
  memcpy(kept, out, image_bytes_);
  state.store(full, std::memory_order_release);
}

} // namespace kiln::runtime
