// Sources made of another: some of its samples, its samples at another size, with other labels, kept once read.
#pragma once

#include "runtime/data_source.h"
#include "runtime/fit_image.h"
#include "runtime/memory_block.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace kiln::runtime {

// The samples of `base` that `indices` names, in that order.
class SubsetSource : public DataSource {
public:
  SubsetSource(std::shared_ptr<const DataSource> base, std::vector<int64_t> indices)
      : base_(std::move(base)), indices_(std::move(indices)) {}

  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  std::span<const Field> fields() const override { return base_->fields(); }
  void read(int64_t index, size_t field, void* out) const override { base_->read(at(index), field, out); }
  std::string describe(int64_t index) const override { return base_->describe(at(index)); }
  bool in_memory() const override { return base_->in_memory(); }
  ImageShape stored_shape(int64_t index) const override { return base_->stored_shape(at(index)); }

private:
  int64_t at(int64_t index) const { return indices_[static_cast<size_t>(index)]; }

  std::shared_ptr<const DataSource> base_;
  std::vector<int64_t> indices_;
};

// Images resized by `fit`; `base` has 1 or 3 channels, or as many as the target.
class FittedSource : public DataSource {
public:
  FittedSource(std::shared_ptr<const DataSource> base, FitRule fit);

  int64_t size() const override { return base_->size(); }
  std::span<const Field> fields() const override { return fields_; }
  void read(int64_t index, size_t field, void* out) const override;
  std::string describe(int64_t index) const override { return base_->describe(index); }
  bool in_memory() const override { return false; }
  ImageShape stored_shape(int64_t index) const override { return base_->stored_shape(index); }

private:
  std::shared_ptr<const DataSource> base_;
  FitRule fit_;
  std::vector<Field> fields_;
  size_t image_; // the field that is another here
};

// Labels that are classes as shares of all of them: 1 of the own, 0 of the others.
class OneHotSource : public DataSource {
public:
  // `base`, which must outlive this, has such labels, all below `classes`: throws Error (data) that names the first
  // that is not.
  OneHotSource(const DataSource& base, int64_t classes);

  int64_t size() const override { return base_.size(); }
  std::span<const Field> fields() const override { return fields_; }
  void read(int64_t index, size_t field, void* out) const override;
  std::string describe(int64_t index) const override { return base_.describe(index); }
  bool in_memory() const override { return base_.in_memory(); }
  ImageShape stored_shape(int64_t index) const override { return base_.stored_shape(index); }

private:
  const DataSource& base_;
  std::vector<Field> fields_;
  size_t label_; // the field that is another here
};

// Keeps every image from when it is first read on.
class CachedSource : public DataSource {
public:
  // Takes cache_bytes() of memory, as it is filled.
  explicit CachedSource(std::shared_ptr<const DataSource> base);
  static int64_t cache_bytes(int64_t samples, const ImageShape& shape) { return samples * (shape.bytes() + 1); }

  int64_t size() const override { return base_->size(); }
  std::span<const Field> fields() const override { return base_->fields(); }
  void read(int64_t index, size_t field, void* out) const override;
  std::string describe(int64_t index) const override { return base_->describe(index); }
  bool in_memory() const override { return false; } // not at first
  ImageShape stored_shape(int64_t index) const override { return base_->stored_shape(index); }

private:
  enum State : uint8_t { empty, filling, full };

  std::shared_ptr<const DataSource> base_;
  size_t image_;
  size_t image_bytes_;
  MemoryBlock images_;
  mutable std::vector<std::atomic<uint8_t>> states_;
};

} // namespace kiln::runtime
